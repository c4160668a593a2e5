// SMB2 and SMB3 connections of made-up messages, compressed ones among them.
#include "smb_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace std::string_view_literals;
  rpcmarshal::fuzz::run_smb(data, size, "\xfeSMB\x40\0"sv);
  return 0;
}
