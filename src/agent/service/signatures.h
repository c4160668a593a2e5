// What an interpreted operation takes and returns, read from the format strings that MIDL and widl
// leave for the interpreter (NDR 2.0, "fully interpreted" with Oif headers, stub version 2.0 and
// later). They hold types and directions, but no names. For interfaces that no definition
// describes.
//
//   MIDL_SERVER_INFO   pStubDesc 0, ProcString 0x10, FmtStringOffset 0x18 (u16 per operation),
//                      pTransferSyntax 0x28, nCount 0x30, pSyntaxInfo 0x38
//   MIDL_SYNTAX_INFO   TransferSyntax 0, ProcString 0x20, FmtStringOffset 0x28, TypeString 0x30
//   MIDL_STUB_DESC     pFormatTypes 0x40, Version 0x4c
//
// Bytes of another process: every offset is read through AddressSpace, types are followed a few
// levels deep and no further.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/service/address_space.h"

namespace rpcmarshal::agent {

/// "(in unique wstring, in ulong, out context_handle) -> long" for each of `operations`; empty
/// where it cannot be told. Empty as a whole when `server_info` is none of an interpreted
/// interface.
std::vector<std::string> read_signatures(const AddressSpace& memory, std::uint64_t server_info,
                                         std::uint32_t operations);

}  // namespace rpcmarshal::agent
