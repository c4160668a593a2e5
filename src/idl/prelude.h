// What every file may use without importing it: the types of [MS-DTYP], the names of wtypes.idl and
// oaidl.idl that interfaces lean on, IUnknown and IDispatch. Written in IDL; a file's own
// definitions go before these.
#pragma once

#include <string_view>

namespace rpcmarshal::idl {

/// IDL text with static lifetime.
std::string_view prelude_text();

/// Files that the prelude stands in for, so that their absence is no finding: "unknwn.idl", ...
bool prelude_covers(std::string_view import_name);

}  // namespace rpcmarshal::idl
