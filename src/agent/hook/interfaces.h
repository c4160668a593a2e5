// Finds the dispatch tables of RPC interfaces in a process: RPC_SERVER_INTERFACE structures in a
// stretch of memory, and the tables each of them has, one per transfer syntax. Memory is looked at
// through AddressSpace, so that a pointer is followed only after it was asked whether it may be;
// tests use a made-up one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/hook/rpc_layout.h"
#include "base/bytes.h"

namespace rpcmarshal::agent {

/// What may be read, and what is code.
class AddressSpace {
 public:
  virtual ~AddressSpace() = default;
  virtual bool readable(const void* at, std::size_t size) = 0;
  virtual bool executable(const void* at) = 0;
};

struct FoundTable {
  SyntaxId interface;
  SyntaxId syntax;
  DispatchFunction* entries = nullptr;  ///< address of entry 0: what tells one table from another
  std::uint32_t count = 0;
};

inline constexpr std::uint32_t kMaxOperations = 4096;
inline constexpr std::size_t kMaxSyntaxes = 8;

/// Whether `at`, readable for sizeof(RpcServerInterface), looks like a server's interface: length,
/// a known transfer syntax, a dispatch table of sensible size.
bool looks_like_server_interface(const std::byte* at);

/// Appends the tables of `of`: its own, and those of MIDL_SYNTAX_INFO when it has several syntaxes.
/// A table is taken only whole: readable, with every entry pointing to code.
void append_tables(const RpcServerInterface& of, AddressSpace& space,
                   std::vector<FoundTable>& tables);

/// Appends the tables of every interface in `memory`, which starts on a multiple of eight.
void scan_interfaces(Bytes memory, AddressSpace& space, std::vector<FoundTable>& tables);

}  // namespace rpcmarshal::agent
