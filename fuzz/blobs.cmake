rpcm_fuzz(blobs USES blobs)
