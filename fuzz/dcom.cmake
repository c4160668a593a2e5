rpcm_fuzz(dcom USES dcom)
