// SMB1 connections of made-up messages.
#include "smb_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rpcmarshal::fuzz::run_smb(data, size, "\xffSMB");
  return 0;
}
