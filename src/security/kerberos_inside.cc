#include "security/kerberos_inside.h"

#include "base/der.h"
#include "security/kerberos_fields.h"

namespace rpcmarshal {

using namespace kerberos_fields;

namespace {

constexpr std::int64_t kIfRelevant = 1, kWin2kPac = 128;  // [RFC4120] 5.2.6, [MS-KILE] 2.2.10
constexpr int kMaxElements = 32;

bool read_key(Bytes content, KerberosKey& out) {
  bool key = false;
  const bool ok = each_field(der_inner(content, kDerSequence), [&](unsigned number, Bytes value) {
    if (number == 0) out.etype = static_cast<std::int32_t>(read_integer(value));
    if (number == 1) {
      out.value = der_inner(value, kDerOctetString);
      key = true;
    }
  });
  return ok && key && !out.value.empty() && out.value.size() <= 64;
}

/// The first element of this type in an AuthorizationData; `data` is its SEQUENCE's content.
Bytes find_element(Bytes data, std::int64_t wanted) {
  DerReader list(data);
  for (int i = 0; i < kMaxElements; ++i) {
    const auto element = list.next();
    if (!element) break;
    std::int64_t type = 0;
    Bytes inside;
    each_field(element->content, [&](unsigned number, Bytes value) {
      if (number == 0) type = read_integer(value);
      if (number == 1) inside = der_inner(value, kDerOctetString);
    });
    if (type == wanted) return inside;
  }
  return {};
}

std::optional<SubkeyInside> parse_subkey(Bytes data, unsigned application, unsigned field) {
  SubkeyInside out;
  bool any = false;
  const bool ok = each_field(body_of(data, application), [&](unsigned number, Bytes value) {
    any = true;
    KerberosKey key;
    if (number == field && read_key(value, key)) out.subkey = key;
  });
  if (!ok || !any) return std::nullopt;
  return out;
}

}  // namespace

std::optional<TicketInside> parse_ticket_inside(Bytes data) {
  TicketInside out;
  bool key = false;
  const bool ok = each_field(body_of(data, 3), [&](unsigned number, Bytes value) {
    if (number == 1) key = read_key(value, out.key);
    if (number == 2) out.realm = read_string(value);
    if (number == 3) out.client = read_principal(value);
    if (number == 10) {
      // The PAC stands in the first AD-IF-RELEVANT that has one.
      DerReader list(der_inner(value, kDerSequence));
      for (int i = 0; i < kMaxElements && out.pac.empty(); ++i) {
        const auto element = list.next();
        if (!element) break;
        const Bytes relevant = find_element(element->whole, kIfRelevant);
        out.pac = find_element(der_inner(relevant, kDerSequence), kWin2kPac);
      }
    }
  });
  if (!ok || !key) return std::nullopt;
  return out;
}

std::optional<SubkeyInside> parse_authenticator_inside(Bytes data) {
  return parse_subkey(data, 2, 6);
}
std::optional<SubkeyInside> parse_ap_rep_inside(Bytes data) { return parse_subkey(data, 27, 2); }

std::optional<KerberosKey> parse_kdc_reply_inside(Bytes data) {
  for (const unsigned application : {25u, 26u}) {
    KerberosKey out;
    bool key = false;
    each_field(body_of(data, application), [&](unsigned number, Bytes value) {
      if (number == 0) key = read_key(value, out);
    });
    if (key) return out;
  }
  return std::nullopt;
}

std::optional<KerberosKey> parse_fast_response(Bytes data) {
  KerberosKey out;
  bool key = false;
  each_field(der_inner(data, kDerSequence), [&](unsigned number, Bytes value) {
    if (number == 1) key = read_key(value, out);
  });
  if (!key) return std::nullopt;
  return out;
}

}  // namespace rpcmarshal
