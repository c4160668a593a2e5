// NDR20 stubs of torture types: whatever comes, decoding and reading every value stays in bounds.
#include "ndr_torture.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static rpcmarshal::ndr::Torture torture;
  torture.run(rpcmarshal::ndr::Syntax::kNdr20, data, size);
  return 0;
}
