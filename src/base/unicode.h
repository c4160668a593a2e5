// UTF-16 and single-byte text from the wire to UTF-8. Nothing is lost: a lone surrogate becomes the
// three bytes that generalised UTF-8 (WTF-8) gives it, so that text can be turned back; writers
// that need strict UTF-8 (JSON) escape those.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace rpcmarshal {

/// Appends UTF-16 in `order` as UTF-8. An odd last byte is ignored. Does not stop at NUL.
void append_utf8(std::string& out, Bytes utf16, ByteOrder order = ByteOrder::kLittle);
/// Appends Latin-1 (each byte one code point up to U+00FF) as UTF-8. Does not stop at NUL.
void append_utf8_latin1(std::string& out, Bytes text);
/// As append_utf8, as a value; trailing NULs are cut.
std::string utf16_to_utf8(Bytes utf16, ByteOrder order = ByteOrder::kLittle);
/// UTF-8 (or WTF-8) to UTF-16 code units. Invalid bytes become U+FFFD.
std::u16string utf8_to_utf16(std::string_view text);

/// Lower-case hexadecimal of `bytes`, appended.
void append_hex(std::string& out, Bytes bytes);
/// Standard base64 with padding, appended.
void append_base64(std::string& out, Bytes bytes);
/// ASCII-only lower case; other bytes are kept.
std::string to_lower(std::string_view text);
/// ASCII case-insensitive equality.
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace rpcmarshal
