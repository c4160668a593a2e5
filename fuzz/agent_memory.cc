// The scan of another process's memory: the input is that memory, an image at 0x10000; every second
// page of it counts as code.
#include "agent/service/interface_scan.h"
#include "agent/service/pe_image.h"
#include "agent/service/signatures.h"

namespace {

constexpr std::uint64_t kBase = 0x10000;

class Input : public rpcmarshal::agent::AddressSpace {
 public:
  explicit Input(rpcmarshal::Bytes bytes) : bytes_(bytes) {}
  bool read(std::uint64_t address, std::span<std::byte> out) const override {
    if (address < kBase || address - kBase > bytes_.size() ||
        out.size() > bytes_.size() - (address - kBase))
      return false;
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(address - kBase), out.size(),
                out.begin());
    return true;
  }
  bool executable(std::uint64_t address) const override { return address >> 8 & 1; }

 private:
  rpcmarshal::Bytes bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rpcmarshal::agent;
  const Input memory(std::as_bytes(std::span(data, size)));
  const LoadedModule module{kBase, size, "C:\\fuzz.dll"};
  ScanContext context;
  context.interpreter_entries = interpreter_entries(memory, module);
  for (const FoundInterface& one : scan_module(memory, module, context)) {
    if (one.operations > kMaxOperations || one.endpoints.size() > kMaxCompiledEndpoints)
      __builtin_trap();
    read_signatures(memory, one.server_info, one.operations);
  }
  return 0;
}
