rpcm_fuzz(rules_lint USES lint builtin)
