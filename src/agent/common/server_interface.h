// What both scanners know of the server interfaces in a process: the hook's, which looks at its own
// memory, and the agent's, which looks at another process's. How each follows pointers is its own
// business; what an interface looks like, which of rpcrt4's functions serve calls, and where code
// leads through an import is the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "agent/common/rpc_layout.h"
#include "base/bytes.h"

namespace rpcmarshal::agent {

/// More an interface cannot have, whatever its structures say.
inline constexpr std::uint32_t kMaxOperations = 4096;
inline constexpr std::size_t kMaxSyntaxes = 8;

/// A copy of what lies at `at` (readable for sizeof(RpcServerInterface)) when it may be a server's
/// interface: the length, an interface id, a dispatch table. Its pointers are as they were found.
std::optional<RpcServerInterface> interface_at(const std::byte* at);
/// Whether it names NDR or NDR64, as compilers' interfaces do: then it is one, in all likelihood.
bool names_transfer_syntax(const RpcServerInterface& candidate);

/// Functions of rpcrt4 that interpret calls, as dispatch tables have them.
struct InterpreterEntry {
  const char* name;
  bool asynchronous;  ///< the answer is made by RpcAsyncCompleteCall
};
inline constexpr InterpreterEntry kInterpreterEntries[] = {
    {"NdrServerCall", false},         {"NdrServerCall2", false},
    {"NdrServerCallAll", false},      {"NdrServerCallNdr64", false},
    {"NdrAsyncServerCall", true},     {"Ndr64AsyncServerCall", true},
    {"Ndr64AsyncServerCall64", true}, {"Ndr64AsyncServerCallAll", true},
};

/// Where the code at `address` leads. Dispatch tables that a compiler laid out name an imported
/// function by a jump in their own module, as linkers make them: `jmp [rip + offset]`, or
/// `jmp offset` to one of those. `read(address, span of bytes)` copies, or returns false.
template <typename Read>
std::uint64_t follow_jumps(std::uint64_t address, const Read& read) {
  for (int hop = 0; hop < 2; ++hop) {
    std::byte code[6];
    if (!read(address, std::span<std::byte>(code))) break;
    const auto offset = [&](std::size_t at) {
      return static_cast<std::uint64_t>(
          std::int64_t{load<std::int32_t>(code + at, ByteOrder::kLittle)});
    };
    if (code[0] == std::byte{0xFF} && code[1] == std::byte{0x25}) {
      std::byte target[8];
      return read(address + 6 + offset(2), std::span<std::byte>(target))
                 ? load<std::uint64_t>(target, ByteOrder::kLittle)
                 : address;
    }
    if (code[0] != std::byte{0xE9}) break;
    address += 5 + offset(1);
  }
  return address;
}

}  // namespace rpcmarshal::agent
