rpcm_fuzz(auth USES security)
rpcm_fuzz(unseal USES security)
