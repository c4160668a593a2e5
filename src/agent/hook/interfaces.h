// Finds the dispatch tables of RPC interfaces in a process: RPC_SERVER_INTERFACE structures in a
// stretch of memory, and the tables each of them has, one per transfer syntax. Memory is looked at
// through AddressSpace, so that a pointer is followed only after it was asked whether it may be;
// tests use a made-up one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/common/server_interface.h"
#include "base/bytes.h"

namespace rpcmarshal::agent {

/// What may be read, and what is code.
class AddressSpace {
 public:
  virtual ~AddressSpace() = default;
  virtual bool readable(const void* at, std::size_t size) = 0;
  virtual bool executable(const void* at) = 0;
  /// The module that `at` lies in, by its address; null: it lies in none.
  virtual const void* module(const void* at) = 0;
};

/// Where a structure was found: how much it has to look like an interface.
enum class Found : std::uint8_t {
  kInModule,   ///< in a module's data, where compilers put them
  kOnHeap,     ///< in memory that is used for anything, where COM makes them
  kRegistered  ///< it was handed to the runtime: nobody doubts what it is
};

struct FoundTable {
  SyntaxId interface;
  SyntaxId syntax;
  DispatchFunction* entries = nullptr;  ///< address of entry 0: what tells one table from another
  std::uint32_t count = 0;
};

/// Appends the tables of the interface at `at`, readable for sizeof(RpcServerInterface), if it is
/// one: its own table, and those of MIDL_SYNTAX_INFO when it has several syntaxes. A table is taken
/// only whole: readable, with every entry pointing to code. An interface names a known transfer
/// syntax; or (some COM runtimes) none and nothing else, but a table of one function for all
/// operations, table and function in one module.
void append_interface(const std::byte* at, Found where, AddressSpace& space,
                      std::vector<FoundTable>& tables);

/// Whether the entry of a table leads to one of `functions`, also by way of an import.
bool leads_to(DispatchFunction entry, const std::vector<DispatchFunction>& functions,
              AddressSpace& space);

/// Appends the tables of every interface in `memory`, which starts on a multiple of eight. `memory`
/// may be a copy.
void scan_interfaces(Bytes memory, Found where, AddressSpace& space,
                     std::vector<FoundTable>& tables);

}  // namespace rpcmarshal::agent
