// This process's memory: what may be read, what is code, and how a pointer in a read-only table is
// replaced.
#pragma once

#include <vector>

#include "agent/hook/interfaces.h"
#include "agent/hook/windows/sdk.h"

namespace rpcmarshal::agent {

/// Asks VirtualQuery, and remembers the last few answers: make one for one scan and let it go.
class ProcessMemory final : public AddressSpace {
 public:
  bool readable(const void* at, std::size_t size) override;
  bool executable(const void* at) override;
  const void* module(const void* at) override;

 private:
  struct Region {
    std::uintptr_t begin = 0, end = 0;
    bool readable = false, executable = false;
    const void* module = nullptr;
  };
  const Region& region_of(std::uintptr_t at);
  Region recent_[8];
  std::size_t next_ = 0;
};

/// How far scan_private_memory() came.
struct HeapScan {
  std::size_t bytes = 0;
  bool whole = false;
};
inline constexpr std::size_t kMaxScanBytes = std::size_t{1} << 30;
inline constexpr unsigned kMaxScanMilliseconds = 2000;
/// Appends the tables of the interfaces in this process's private memory, its heaps: COM makes its
/// interfaces there. Not for threads that serve calls.
HeapScan scan_private_memory(std::vector<FoundTable>& tables);

/// A module's sections that can hold data.
struct DataSection {
  const std::byte* begin;
  std::size_t size;
};
std::vector<DataSection> data_sections(HMODULE module);
/// Time stamp and size of a module's image; 0 when it cannot be read.
std::uint64_t identity_of(HMODULE module);
/// All modules of this process. Bounded at 4096.
std::vector<HMODULE> loaded_modules();

/// Puts `value` into `*slot` if it still holds `expected`, whatever the page's protection, which is
/// restored. False when it holds something else or the memory is gone or cannot be written.
bool replace_pointer(void** slot, void* expected, void* value);

/// Replaces, in one module's import tables (the one of delayed imports too), what it imports from
/// `dll` under `name`. Null when it does not import it, or imports something else than `expected`
/// (null: whatever it is); else what was there.
void* replace_import(HMODULE module, const char* dll, const char* name, void* expected,
                     void* value);

}  // namespace rpcmarshal::agent
