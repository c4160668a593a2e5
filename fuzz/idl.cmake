rpcm_fuzz(idl USES idl)
