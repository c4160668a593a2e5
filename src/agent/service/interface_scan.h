// Finds the RPC server interfaces that are compiled into a process's modules, by the documented
// structures that MIDL and widl put there
// (agent/common/rpc_layout.h).
//
// Found means compiled in; whether the process has registered it is asked elsewhere (endpoints.h).
// Interfaces that a process builds on its heap (DCOM's) are not found. The memory is another
// process's: each pointer is followed once, each count is bounded, nothing is believed before the
// whole structure fits.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/common/server_interface.h"
#include "agent/service/address_space.h"
#include "base/guid.h"

namespace rpcmarshal::agent {

/// What answers calls of an interface.
enum class Stubs : std::uint8_t {
  kInline,       ///< a function of its own per operation
  kInterpreted,  ///< rpcrt4's interpreter (NdrServerCall2, NdrServerCallAll)
  kAsync,        ///< rpcrt4's interpreter, at least one operation asynchronously
};
const char* to_string(Stubs stubs);

struct FoundInterface {
  SyntaxId id;
  std::uint32_t operations = 0;  ///< entries of the dispatch table
  std::uint32_t hooked = 0;      ///< of these, those that lead into the hook DLL
  Stubs stubs = Stubs::kInline;
  bool ndr64 = false;                   ///< offers NDR64 beside (or instead of) NDR
  std::vector<std::string> endpoints;   ///< compiled in, "ncacn_np:[\pipe\svcctl]"
  std::string module;                   ///< file name
  std::uint64_t address = 0;            ///< of the RPC_SERVER_INTERFACE
  std::uint64_t server_info = 0;        ///< of the MIDL_SERVER_INFO; 0: none
  std::vector<std::string> signatures;  ///< by opnum, where they were asked for (signatures.h)
};

struct ScanContext {
  /// Where rpcrt4's server entry points lie in that process: address -> asynchronous.
  std::map<std::uint64_t, bool> interpreter_entries;
  /// The hook DLL in that process; its size is 0 when it is not there.
  LoadedModule hook;
};

/// Bounds of one scan.
inline constexpr std::uint32_t kMaxCompiledEndpoints = 16;
inline constexpr std::size_t kMaxInterfacesPerModule = 1024;
inline constexpr std::uint64_t kMaxScannedPerModule = 256u << 20;

/// The interfaces in the data sections of `module`, by address.
std::vector<FoundInterface> scan_module(const AddressSpace& memory, const LoadedModule& module,
                                        const ScanContext& context);

/// The entry points of rpcrt4 (`module`) that interpret calls.
std::map<std::uint64_t, bool> interpreter_entries(const AddressSpace& memory,
                                                  const LoadedModule& rpcrt4);

}  // namespace rpcmarshal::agent
