rpcm_fuzz(agent_memory USES agent_service)
rpcm_fuzz(agent_text USES agent_service)
