rpcm_fuzz(smb1 USES smb capture)
rpcm_fuzz(smb2 USES smb capture)
rpcm_fuzz(smb_sealed USES smb capture)
target_include_directories(fuzz_smb_sealed PRIVATE ${CMAKE_SOURCE_DIR}/tests)
