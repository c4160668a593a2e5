rpcm_fuzz(dcerpc USES dcerpc)
