rpcm_fuzz(policy_yaml USES policy_compiler)
rpcm_fuzz(policy_rpcfw USES policy_compiler)
rpcm_fuzz(policy_block USES policy)
