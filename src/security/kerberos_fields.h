// Reading the fields that Kerberos messages ([RFC4120] 5) have in common; internal to security/.
// Depth is the caller's code, never the input's.
#pragma once

#include <string>

#include "base/der.h"
#include "security/kerberos.h"

namespace rpcmarshal::kerberos_fields {

/// Components of a principal that are joined; real names have at most three.
inline constexpr int kMaxComponents = 16;

/// The fields of the SEQUENCE inside an application tag; empty when it is not of that form.
inline Bytes body_of(Bytes message, unsigned application) {
  return der_inner(DerReader(message).expect(der_application(application)), kDerSequence);
}

/// Runs `field(number, content)` over the context-tagged fields of a SEQUENCE. False when
/// malformed.
template <typename Field>
bool each_field(Bytes sequence, Field&& field) {
  DerReader reader(sequence);
  while (auto element = reader.next()) {
    if ((element->tag & 0xe0) == 0xa0) field(element->tag & 0x1fu, element->content);
  }
  return reader.ok();
}

inline std::string read_string(Bytes content) {
  auto element = DerReader(content).next();
  // Realm and names are GeneralString; some implementations write UTF8String or IA5String.
  if (!element || (element->tag & 0xe0) != 0) return {};
  return std::string(as_text(element->content));
}

inline std::int64_t read_integer(Bytes content) {
  return der_integer(der_inner(content, kDerInteger)).value_or(0);
}

/// PrincipalName ([RFC4120] 5.2.2): name-string [1], its components joined with '/'.
inline std::string read_principal(Bytes content) {
  std::string out;
  each_field(der_inner(content, kDerSequence), [&](unsigned number, Bytes value) {
    if (number != 1) return;
    DerReader names(der_inner(value, kDerSequence));
    for (int i = 0; i < kMaxComponents; ++i) {
      auto name = names.next();
      if (!name) break;
      if (i > 0) out += '/';
      out += as_text(name->content);
    }
  });
  return out;
}

inline bool read_sealed(Bytes content, KerberosSealed& out) {
  bool cipher = false;
  bool ok = each_field(der_inner(content, kDerSequence), [&](unsigned number, Bytes value) {
    if (number == 0) out.etype = static_cast<std::int32_t>(read_integer(value));
    if (number == 1) out.kvno = static_cast<std::uint32_t>(read_integer(value));
    if (number == 2) {
      out.cipher = der_inner(value, kDerOctetString);
      cipher = true;
    }
  });
  return ok && cipher;
}

/// Ticket ([RFC4120] 5.3), given the explicit field that holds it.
inline bool read_ticket(Bytes content, KerberosTicket& out) {
  bool sealed = false;
  bool ok = each_field(body_of(content, 1), [&](unsigned number, Bytes value) {
    if (number == 1) out.realm = read_string(value);
    if (number == 2) out.service = read_principal(value);
    if (number == 3) sealed = read_sealed(value, out.sealed);
  });
  return ok && sealed;
}

inline std::uint32_t read_bits(Bytes content) {
  Bytes bits = der_inner(content, kDerBitString);
  if (bits.size() < 5) return 0;
  return load<std::uint32_t>(bits.data() + 1, ByteOrder::kBig);
}

}  // namespace rpcmarshal::kerberos_fields
