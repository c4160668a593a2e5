rpcm_fuzz(smb1 USES smb capture)
rpcm_fuzz(smb2 USES smb capture)
