// Values in their usual notation: SIDs, times, security descriptors, symbolic names. Everything
// appends to a string the caller reuses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "interface/model.h"
#include "ndr/value.h"

namespace rpcmarshal::ndr {

/// "S-1-5-21-..." from RPC_SID or SID bytes ([MS-DTYP] 2.4.2.1); sub-authorities in `order`. False
/// (and nothing appended) when the bytes are no SID.
bool append_sid(std::string& out, Bytes sid, ByteOrder order = ByteOrder::kLittle);

/// FILETIME as "2024-05-01T12:34:56.1234567Z" (trailing zeros of the fraction cut; none when
/// whole). 0 is "never", 0x7FFFFFFFFFFFFFFF is "forever"; beyond year 9999 the number itself.
void append_filetime(std::string& out, std::uint64_t filetime);

/// A self-relative SECURITY_DESCRIPTOR ([MS-DTYP] 2.4.6) as SDDL ([MS-DTYP] 2.5.1): owner, group,
/// DACL and SACL with ACE types, flags, rights as hexadecimal or the generic letters, SIDs
/// (well-known ones as two letters). False (and nothing appended) when the bytes are no security
/// descriptor.
bool append_security_descriptor(std::string& out, Bytes descriptor);

/// The enumerator whose value is `value`, or empty.
std::string_view enum_name(const EnumShape& values, std::int64_t value);
/// "A|B|0x40": names of the sets of bits that `value` contains (largest first, no bit named twice),
/// then what is left in hexadecimal; a name for exactly `value` wins; "0" when nothing is set and
/// no name for zero.
void append_flags(std::string& out, const EnumShape& flags, std::uint64_t value);

/// How an integer value is to be shown, as text: its enumerator, flags, or hexadecimal, by
/// value.display(). False (and nothing appended) when a plain number says it best. Status codes are
/// left to the caller (Display::status).
bool append_symbol(std::string& out, const Value& value);

}  // namespace rpcmarshal::ndr
