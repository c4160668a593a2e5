#include "security/kerberos.h"

#include "base/der.h"
#include "security/kerberos_fields.h"

namespace rpcmarshal {

using namespace kerberos_fields;

namespace {

/// padata [n] SEQUENCE OF { padata-type [1], padata-value [2] }: the value of the first of this
/// type.
Bytes find_padata(Bytes content, std::int64_t wanted) {
  DerReader list(der_inner(content, kDerSequence));
  while (auto entry = list.next()) {
    if (entry->tag != kDerSequence) continue;
    std::int64_t type = 0;
    Bytes data;
    each_field(entry->content, [&](unsigned number, Bytes value) {
      if (number == 1) type = read_integer(value);
      if (number == 2) data = der_inner(value, kDerOctetString);
    });
    if (type == wanted) return data;
  }
  return {};
}

constexpr std::int64_t kPaTgsReq = 1, kPaEtypeInfo2 = 19, kPaFast = 136;

/// PA-FX-FAST-REPLY ([RFC6113] 5.4.3): a choice [0] of KrbFastArmoredRep, its enc-fast-rep [0].
std::optional<KerberosSealed> read_fast(Bytes padata) {
  std::optional<KerberosSealed> out;
  each_field(der_inner(der_inner(padata, der_context(0)), kDerSequence),
             [&](unsigned number, Bytes value) {
               KerberosSealed sealed;
               if (number == 0 && read_sealed(value, sealed)) out = sealed;
             });
  return out;
}

/// The salt in the first entry of ETYPE-INFO2 ([RFC4120] 5.2.7.5).
std::string read_salt(Bytes etype_info2) {
  DerReader list(der_inner(etype_info2, kDerSequence));
  const auto entry = list.next();
  std::string salt;
  if (entry && entry->tag == kDerSequence) {
    each_field(entry->content, [&](unsigned number, Bytes value) {
      if (number == 1) salt = read_string(value);
    });
  }
  return salt;
}

}  // namespace

KerberosType kerberos_type(Bytes message) {
  if (message.size() < 2) return KerberosType::kNone;
  auto tag = std::to_integer<std::uint8_t>(message[0]);
  if ((tag & 0xe0) != 0x60) return KerberosType::kNone;
  switch (static_cast<KerberosType>(tag & 0x1f)) {
    case KerberosType::kAsReq:
    case KerberosType::kAsRep:
    case KerberosType::kTgsReq:
    case KerberosType::kTgsRep:
    case KerberosType::kApReq:
    case KerberosType::kApRep:
    case KerberosType::kError:
      return static_cast<KerberosType>(tag & 0x1f);
    default:
      return KerberosType::kNone;
  }
}

std::optional<KerberosApReq> parse_ap_req(Bytes message) {
  KerberosApReq out;
  bool ticket = false;
  bool ok = each_field(body_of(message, 14), [&](unsigned number, Bytes value) {
    if (number == 2) out.options = read_bits(value);
    if (number == 3) ticket = read_ticket(value, out.ticket);
    if (number == 4) read_sealed(value, out.authenticator);
  });
  if (!ok || !ticket) return std::nullopt;
  return out;
}

std::optional<KerberosApRep> parse_ap_rep(Bytes message) {
  KerberosApRep out;
  bool sealed = false;
  bool ok = each_field(body_of(message, 15), [&](unsigned number, Bytes value) {
    if (number == 2) sealed = read_sealed(value, out.sealed);
  });
  if (!ok || !sealed) return std::nullopt;
  return out;
}

std::optional<KerberosKdcRequest> parse_kdc_request(Bytes message) {
  KerberosKdcRequest out;
  out.type = kerberos_type(message);
  if (out.type != KerberosType::kAsReq && out.type != KerberosType::kTgsReq) return std::nullopt;
  bool body = false;
  bool ok = each_field(
      body_of(message, static_cast<unsigned>(out.type)), [&](unsigned number, Bytes value) {
        if (number == 3) out.ap_req = find_padata(value, kPaTgsReq);
        if (number != 4) return;
        body = each_field(der_inner(value, kDerSequence), [&](unsigned inner, Bytes field) {
          if (inner == 1) out.client = read_principal(field);
          if (inner == 2) out.realm = read_string(field);
          if (inner == 3) out.service = read_principal(field);
        });
      });
  if (!ok || !body || out.realm.empty()) return std::nullopt;
  return out;
}

std::optional<KerberosKdcReply> parse_kdc_reply(Bytes message) {
  KerberosKdcReply out;
  out.type = kerberos_type(message);
  if (out.type != KerberosType::kAsRep && out.type != KerberosType::kTgsRep) return std::nullopt;
  bool ticket = false;
  bool ok = each_field(body_of(message, static_cast<unsigned>(out.type)),
                       [&](unsigned number, Bytes value) {
                         if (number == 2) {
                           out.salt = read_salt(find_padata(value, kPaEtypeInfo2));
                           out.fast = read_fast(find_padata(value, kPaFast));
                         }
                         if (number == 3) out.client_realm = read_string(value);
                         if (number == 4) out.client = read_principal(value);
                         if (number == 5) ticket = read_ticket(value, out.ticket);
                         if (number == 6) read_sealed(value, out.sealed);
                       });
  if (!ok || !ticket) return std::nullopt;
  return out;
}

std::optional<KerberosError> parse_kerberos_error(Bytes message) {
  KerberosError out;
  bool code = false;
  bool ok = each_field(body_of(message, 30), [&](unsigned number, Bytes value) {
    if (number == 6) {
      out.code = static_cast<std::int32_t>(read_integer(value));
      code = true;
    }
    if (number == 7) out.client_realm = read_string(value);
    if (number == 8) out.client = read_principal(value);
    if (number == 9) out.realm = read_string(value);
    if (number == 10) out.service = read_principal(value);
  });
  if (!ok || !code) return std::nullopt;
  return out;
}

}  // namespace rpcmarshal
