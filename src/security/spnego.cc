#include "security/spnego.h"

#include <string_view>

#include "base/der.h"

namespace rpcmarshal {
namespace {

struct KnownMechanism {
  std::string_view oid;  // DER content octets
  Mechanism mechanism;
};
constexpr KnownMechanism kKnown[] = {
    {{"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a", 10}, Mechanism::kNtlm},
    {{"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02", 9}, Mechanism::kKerberos},
    {{"\x2a\x86\x48\x82\xf7\x12\x01\x02\x02", 9}, Mechanism::kKerberos},
    {{"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x03", 10}, Mechanism::kKerberosU2U},
    {{"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e", 10}, Mechanism::kNegoEx},
    {{"\x2b\x06\x01\x05\x05\x02", 6}, Mechanism::kSpnego},
};

void read_mechanisms(Bytes sequence, SpnegoToken& out) {
  DerReader list(sequence);
  while (auto element = list.next()) {
    if (element->tag != kDerOid || out.offered_count == SpnegoToken::kMaxMechanisms) return;
    out.offered[out.offered_count++] = mechanism_of(element->content);
  }
}

bool read_init(Bytes content, SpnegoToken& out) {
  out.init = true;
  DerReader fields(der_inner(content, kDerSequence));
  while (auto element = fields.next()) {
    if (element->tag == der_context(0)) {
      read_mechanisms(der_inner(element->content, kDerSequence), out);
    } else if (element->tag == der_context(2)) {
      out.mechanism_token = der_inner(element->content, kDerOctetString);
    }
  }
  return fields.ok();
}

bool read_response(Bytes content, SpnegoToken& out) {
  DerReader fields(der_inner(content, kDerSequence));
  while (auto element = fields.next()) {
    if (element->tag == der_context(0)) {
      if (auto state = der_integer(der_inner(element->content, kDerEnumerated))) {
        out.state = *state >= 0 && *state <= 3 ? static_cast<int>(*state) : -1;
      }
    } else if (element->tag == der_context(1)) {
      out.supported = mechanism_of(der_inner(element->content, kDerOid));
    } else if (element->tag == der_context(2)) {
      out.mechanism_token = der_inner(element->content, kDerOctetString);
    }
  }
  return fields.ok();
}

}  // namespace

Mechanism mechanism_of(Bytes oid) {
  for (const KnownMechanism& known : kKnown) {
    if (as_text(oid) == known.oid) return known.mechanism;
  }
  return Mechanism::kUnknown;
}

std::optional<GssToken> parse_gss(Bytes token) {
  Bytes content = DerReader(token).expect(der_application(0));
  DerReader reader(content);
  auto oid = reader.next();
  if (!oid || oid->tag != kDerOid) return std::nullopt;
  return GssToken{mechanism_of(oid->content), content.subspan(oid->whole.size())};
}

std::optional<SpnegoToken> parse_spnego(Bytes token) {
  if (auto gss = parse_gss(token)) {
    if (gss->mechanism != Mechanism::kSpnego) return std::nullopt;
    token = gss->inner;
  }
  auto choice = DerReader(token).next();
  if (!choice) return std::nullopt;
  SpnegoToken out;
  if (choice->tag == der_context(0) && read_init(choice->content, out)) return out;
  if (choice->tag == der_context(1) && read_response(choice->content, out)) return out;
  return std::nullopt;
}

}  // namespace rpcmarshal
