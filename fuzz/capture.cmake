rpcm_fuzz(tcp USES capture)
rpcm_fuzz(capture_file USES capture)
