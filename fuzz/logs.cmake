rpcm_fuzz(event_xml USES logs)
rpcm_fuzz(log_files USES logs)
