rpcm_fuzz(dcom USES dcom)
rpcm_fuzz(dcom_calls USES dcom builtin)
