rpcm_fuzz(tcp USES capture)
