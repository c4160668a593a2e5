rpcm_fuzz(auth USES security)
