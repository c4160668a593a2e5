rpcm_fuzz(sigma_rules USES sigma)
rpcm_fuzz(sigma_condition USES sigma)
rpcm_fuzz(sigma_pipeline USES sigma)
