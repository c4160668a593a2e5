rpcm_fuzz(ndr20 USES ndr)
rpcm_fuzz(ndr64 USES ndr)
