// Structures that mean more than their fields: GUIDs, SIDs, times, counted strings. They are
// recognised by shape, and where a shape is not telling enough (two 32-bit integers) by name too,
// so that every document's own spelling (GUID, UUID, uuid_t, RPC_UNICODE_STRING,
// RRP_UNICODE_STRING) decodes alike.
#pragma once

#include <cstdint>

#include "interface/model.h"
#include "ndr/program.h"

namespace rpcmarshal::ndr {

enum class Special : std::uint8_t {
  kNone,
  kGuid,        ///< {u32, u16, u16, 8 bytes}
  kSid,         ///< {u8, u8, 6 bytes, u32[]}
  kTime,        ///< FILETIME {u32 low, u32 high}
  kPairSigned,  ///< OLD_LARGE_INTEGER and LARGE_INTEGER as {u32 low, i32 high}
  kPairUnsigned,
  kWrapped,    ///< LARGE_INTEGER {i64 QuadPart}: its only field
  kCounted,    ///< {u16 Length, u16 MaximumLength, characters*}
  kInterface,  ///< MInterfacePointer {u32, bytes[]}
  kWordBlob,   ///< FLAGGED_WORD_BLOB {u32 cBytes, u32 clSize, u16[]}
};

Special recognise(const Type& type);

/// The scalar of an integer, boolean or real; kNone for other types. `size` gets its bytes.
Scalar scalar_of(BaseType type, Syntax syntax);
std::uint8_t scalar_size(Scalar scalar);
ValueKind scalar_kind(Scalar scalar);

/// What annotations and types say of how to show a value of `type` declared with `field`'s
/// annotations (nullptr for none).
Display make_display(const Catalogue& catalogue, const Annotations* field, const Type* type);
/// The same for a procedure's result: falls back on the procedure's and the interface's status().
Display make_result_display(const Catalogue& catalogue, const Interface& iface,
                            const Procedure& procedure);

}  // namespace rpcmarshal::ndr
