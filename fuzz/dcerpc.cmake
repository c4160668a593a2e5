rpcm_fuzz(dcerpc USES dcerpc)
rpcm_fuzz(http_tunnel USES dcerpc)
