#include "security/kerberos.h"

#include "security/der.h"

namespace rpcmarshal {
namespace {

/// Components of a principal that are joined; real names have at most three.
constexpr int kMaxComponents = 16;

/// The fields of the SEQUENCE inside an application tag; empty when it is not of that form.
Bytes body_of(Bytes message, unsigned application) {
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

std::string read_string(Bytes content) {
  auto element = DerReader(content).next();
  // Realm and names are GeneralString; some implementations write UTF8String or IA5String.
  if (!element || (element->tag & 0xe0) != 0) return {};
  return std::string(as_text(element->content));
}

std::int64_t read_integer(Bytes content) {
  return der_integer(der_inner(content, kDerInteger)).value_or(0);
}

/// PrincipalName ([RFC4120] 5.2.2): name-string [1], its components joined with '/'.
std::string read_principal(Bytes content) {
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

bool read_sealed(Bytes content, KerberosSealed& out) {
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
bool read_ticket(Bytes content, KerberosTicket& out) {
  bool sealed = false;
  bool ok = each_field(body_of(content, 1), [&](unsigned number, Bytes value) {
    if (number == 1) out.realm = read_string(value);
    if (number == 2) out.service = read_principal(value);
    if (number == 3) sealed = read_sealed(value, out.sealed);
  });
  return ok && sealed;
}

std::uint32_t read_bits(Bytes content) {
  Bytes bits = der_inner(content, kDerBitString);
  if (bits.size() < 5) return 0;
  return load<std::uint32_t>(bits.data() + 1, ByteOrder::kBig);
}

/// padata [n] SEQUENCE OF { padata-type [1], padata-value [2] }: the value of type 1 (PA-TGS-REQ).
Bytes find_tgs_ap_req(Bytes content) {
  constexpr std::int64_t kPaTgsReq = 1;
  DerReader list(der_inner(content, kDerSequence));
  while (auto entry = list.next()) {
    if (entry->tag != kDerSequence) continue;
    std::int64_t type = 0;
    Bytes data;
    each_field(entry->content, [&](unsigned number, Bytes value) {
      if (number == 1) type = read_integer(value);
      if (number == 2) data = der_inner(value, kDerOctetString);
    });
    if (type == kPaTgsReq) return data;
  }
  return {};
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
        if (number == 3) out.ap_req = find_tgs_ap_req(value);
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
