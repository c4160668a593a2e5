// X.509's values as text ([RFC 5280], [X.690]): object identifiers, strings, distinguished names in
// the order and escapes of [RFC 4514] (UTF-8 is not escaped), usages, public keys. Names of
// attributes and usages are those that OpenSSL prints.
#pragma once

#include <string>

#include "base/der.h"

namespace rpcmarshal::blobs {

inline constexpr std::uint8_t kDerUtf8String = 0x0c;
inline constexpr std::uint8_t kDerPrintableString = 0x13;
inline constexpr std::uint8_t kDerIa5String = 0x16;
inline constexpr std::uint8_t kDerBmpString = 0x1e;
inline constexpr std::uint8_t kDerSet = 0x31;

/// "1.2.840.113549" of an OBJECT IDENTIFIER's content; empty when malformed or an arc has more than
/// 64 bits.
std::string oid_text(Bytes content);

/// A string's content as UTF-8 by its tag; empty when the tag is no string's, or it is malformed.
std::string der_string(const DerElement& string);

/// "O=Lab,CN=Bob" of the content of a Name: the most specific first. Attributes without a name are
/// shown as 1.2.3=#0c0141.
std::string distinguished_name(Bytes name);

/// "TLS Web Client Authentication", or the identifier.
std::string usage_name(std::string oid);

/// "RSA 2048", "EC 256" of the content of a SubjectPublicKeyInfo; "EC" of a curve not known here;
/// empty for other keys.
std::string public_key(Bytes info);

}  // namespace rpcmarshal::blobs
