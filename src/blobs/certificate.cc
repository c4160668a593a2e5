#include "blobs/certificate.h"

#include "base/der.h"
#include "base/unicode.h"
#include "blobs/x509_text.h"

namespace rpcmarshal::blobs {
namespace {

constexpr std::size_t kMaxRequest = 1u << 20;
constexpr int kMaxWrappers = 4;  // a signed message in a signed message is legal, and rare

constexpr std::string_view kUpn = "1.3.6.1.4.1.311.20.2.3";
constexpr std::string_view kTemplateName = "1.3.6.1.4.1.311.20.2";
constexpr std::string_view kTemplateId = "1.3.6.1.4.1.311.21.7";
constexpr std::string_view kSidExtension = "1.3.6.1.4.1.311.25.2";
constexpr std::string_view kSidName = "1.3.6.1.4.1.311.25.2.1";
constexpr std::string_view kSidUri = "tag:microsoft.com,2022-09-14:sid:";
constexpr std::string_view kAlternativeName = "2.5.29.17";
constexpr std::string_view kExtendedUsage = "2.5.29.37";
constexpr std::string_view kExtensionRequest = "1.2.840.113549.1.9.14";
constexpr std::string_view kMicrosoftExtensionRequest = "1.3.6.1.4.1.311.2.1.14";
constexpr std::string_view kSignedData = "1.2.840.113549.1.7.2";
constexpr std::string_view kPkiData = "1.3.6.1.5.5.7.12.2";

constexpr std::uint8_t kDerBoolean = 0x01;
/// Implicit context tags of a primitive type.
constexpr std::uint8_t implicit(unsigned number) {
  return static_cast<std::uint8_t>(0x80 | number);
}

struct Names {
  std::vector<std::string> upn, dns, email, uri, ip, sid;

  void add(std::vector<std::string>& to, std::string text) {
    if (!text.empty() && to.size() < kMaxItems) to.push_back(std::move(text));
  }

  /// One GeneralName ([RFC 5280] 4.2.1.6).
  void add(const DerElement& name) {
    std::string text;
    switch (name.tag) {
      case der_context(0): {  // otherName: identifier, and any value in [0]
        DerReader reader(name.content);
        const std::string oid = oid_text(reader.expect(kDerOid));
        const auto value = DerReader(reader.expect(der_context(0))).next();
        if (!value) return;
        if (oid == kUpn && (value->tag == kDerUtf8String || value->tag == kDerIa5String ||
                            value->tag == kDerBmpString)) {
          add(upn, der_string(*value));
        } else if (oid == kSidName && value->tag == kDerOctetString) {
          add(sid, std::string(as_text(value->content)));
        }
        return;
      }
      case implicit(1):
        append_utf8_latin1(text, name.content);
        return add(email, std::move(text));
      case implicit(2):
        append_utf8_latin1(text, name.content);
        return add(dns, std::move(text));
      case implicit(6):
        append_utf8_latin1(text, name.content);
        if (text.starts_with(kSidUri)) add(sid, text.substr(kSidUri.size()));
        return add(uri, std::move(text));
      case implicit(7):
        if (name.content.size() != 4) return;
        for (const std::byte octet : name.content)
          text += (text.empty() ? "" : ".") + std::to_string(std::to_integer<unsigned>(octet));
        return add(ip, std::move(text));
      default:
        return;
    }
  }

  /// `extension`: the DER of GeneralNames.
  void add_all(Bytes extension) {
    for (DerReader names(der_inner(extension, kDerSequence)); const auto name = names.next();)
      add(*name);
  }
};

void add_usages(Bytes extension, std::vector<std::string>& usages) {
  DerReader reader(der_inner(extension, kDerSequence));
  while (const auto usage = reader.next()) {
    if (usage->tag != kDerOid || usages.size() == kMaxItems) return;
    usages.push_back(usage_name(oid_text(usage->content)));
  }
}

/// `attributes`: the content of a request's attributes. Extensions stand in one of two of them;
/// when in both, all are shown, whichever the server takes.
void add_extensions(Bytes attributes, Item& item) {
  Names names;
  std::vector<std::string> usages;
  for (DerReader all(attributes); const auto attribute = all.next();) {
    DerReader reader(attribute->content);
    const std::string type = oid_text(reader.expect(kDerOid));
    if (type != kExtensionRequest && type != kMicrosoftExtensionRequest) continue;
    DerReader extensions(der_inner(reader.expect(kDerSet), kDerSequence));
    while (const auto extension = extensions.next()) {
      DerReader parts(extension->content);
      const std::string oid = oid_text(parts.expect(kDerOid));
      auto value = parts.next();
      if (value && value->tag == kDerBoolean) value = parts.next();  // critical
      if (!value || value->tag != kDerOctetString) continue;
      const Bytes content = value->content;
      if (oid == kAlternativeName || oid == kSidExtension) {
        names.add_all(content);
      } else if (oid == kExtendedUsage) {
        add_usages(content, usages);
      } else if (oid == kTemplateName) {
        const auto name = DerReader(content).next();
        if (name && !item.find("template")) item.add("template", der_string(*name));
      } else if (oid == kTemplateId && !item.find("template_oid")) {
        // CertificateTemplateOID ::= SEQUENCE { OBJECT IDENTIFIER, ... } ([MS-WCCE] 2.2.2.7.7.2).
        item.add("template_oid",
                 oid_text(DerReader(der_inner(content, kDerSequence)).expect(kDerOid)));
      }
    }
  }
  item.add_list("upn", names.upn);
  item.add_list("dns", names.dns);
  item.add_list("email", names.email);
  item.add_list("uri", names.uri);
  item.add_list("ip", names.ip);
  item.add_list("sid", names.sid);
  item.add_list("usages", usages);
}

/// CertificationRequest ([RFC 2986] 4.2); nullopt when `der` begins with none.
std::optional<Item> read_pkcs10(Bytes der) {
  DerReader request(der_inner(der, kDerSequence));
  DerReader info(request.expect(kDerSequence));
  request.expect(kDerSequence);  // algorithm
  request.expect(kDerBitString);
  info.expect(kDerInteger);
  const Bytes subject = info.expect(kDerSequence);
  const Bytes key = info.expect(kDerSequence);
  if (!request.ok() || !info.ok()) return std::nullopt;
  Item item;
  item.add("subject", distinguished_name(subject));
  if (const auto attributes = info.next(); attributes && attributes->tag == der_context(0))
    add_extensions(attributes->content, item);
  item.add("key", public_key(key));
  return item;
}

/// What a signed message holds ([RFC 5652] 3, 5.1, 5.2): its type, and the content, for which
/// `kept` may be used. Any BER, as servers take it.
struct SignedContent {
  std::string type;
  Bytes content;
};
std::optional<SignedContent> read_signed(Bytes ber, std::string& kept) {
  constexpr auto kAny = DerReader::Lengths::kAny;
  DerReader message(DerReader(ber, kAny).expect(kDerSequence), kAny);
  if (oid_text(message.expect(kDerOid)) != kSignedData) return std::nullopt;
  DerReader outer(message.expect(der_context(0)), kAny);
  DerReader data(outer.expect(kDerSequence), kAny);
  data.expect(kDerInteger);
  data.expect(kDerSet);  // digest algorithms
  DerReader inner(data.expect(kDerSequence), kAny);
  SignedContent out;
  out.type = oid_text(inner.expect(kDerOid));
  DerReader wrapped(inner.expect(der_context(0)), kAny);
  const auto octets = wrapped.next();
  if (!octets) return std::nullopt;
  if (octets->tag == kDerOctetString) {
    out.content = octets->content;
  } else if (octets->tag == (kDerOctetString | 0x20)) {  // in pieces
    std::string joined;
    for (DerReader pieces(octets->content, kAny); const auto piece = pieces.next();) {
      if (piece->tag != kDerOctetString) return std::nullopt;
      joined += as_text(piece->content);
    }
    kept = std::move(joined);
    out.content = as_bytes(std::string_view(kept));
  } else {
    return std::nullopt;
  }
  return out;
}

/// The request of a CMC PKIData ([RFC 5272] 3.2.1): SEQUENCE { controls, requests
/// SEQUENCE OF [0] { bodyPartID, request } , ...}.
Bytes request_of_pki_data(Bytes der) {
  DerReader data(der_inner(der, kDerSequence));
  data.expect(kDerSequence);
  DerReader tagged(der_inner(data.expect(kDerSequence), der_context(0)));
  tagged.expect(kDerInteger);
  const auto request = tagged.next();
  return request ? request->whole : Bytes();
}

}  // namespace

std::optional<Item> parse_certificate_request(Bytes der) {
  if (der.empty() || der.size() > kMaxRequest) return std::nullopt;
  std::string kept[kMaxWrappers + 1];  // a wrapper's content may lie in the one before
  const char* format = "pkcs10";
  for (int wrappers = 0; wrappers <= kMaxWrappers && !der.empty(); ++wrappers) {
    if (auto request = read_pkcs10(der)) {
      request->add("format", format);
      return request;
    }
    const auto message = read_signed(der, kept[wrappers]);
    if (!message) return std::nullopt;
    der = message->content;
    if (message->type == kPkiData) {
      format = "cmc";
      der = request_of_pki_data(der);
    } else if (wrappers == 0) {
      format = "signed";
    }
  }
  return std::nullopt;
}

std::optional<Item> parse_request_attributes(std::string_view text) {
  Item item, attributes = Item::make_list("attributes");
  while (!text.empty() && attributes.items.size() < kMaxItems) {
    const std::size_t end = text.find_first_of(std::string_view("\r\n\0", 3));
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) continue;
    const std::string_view name = line.substr(0, colon), value = line.substr(colon + 1);
    Item one;
    one.add("name", name);
    one.add("value", value);
    attributes.add(std::move(one));
    if (equal_ignoring_case(name, "CertificateTemplate") && !item.find("template"))
      item.add("template", value);
    if (!equal_ignoring_case(name, "SAN") || item.find("san")) continue;
    item.add("san", value);
    Names names;
    for (std::string_view rest = value; !rest.empty();) {
      const std::size_t next = rest.find('&');
      const std::string_view part = rest.substr(0, next);
      rest.remove_prefix(next == std::string_view::npos ? rest.size() : next + 1);
      const std::size_t equals = part.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string kind = to_lower(part.substr(0, equals));
      std::string which(part.substr(equals + 1));
      if (kind == "upn") names.add(names.upn, std::move(which));
      if (kind == "dns") names.add(names.dns, std::move(which));
      if (kind == "email") names.add(names.email, std::move(which));
      if (kind == "url") {
        if (which.starts_with(kSidUri)) names.add(names.sid, which.substr(kSidUri.size()));
        names.add(names.uri, std::move(which));
      }
    }
    item.add_list("upn", names.upn);
    item.add_list("dns", names.dns);
    item.add_list("email", names.email);
    item.add_list("uri", names.uri);
    item.add_list("sid", names.sid);
  }
  item.add(std::move(attributes));
  if (item.items.empty()) return std::nullopt;
  return item;
}

std::string summarise_certificate(const Item& request) {
  std::string out(request.value("subject"));
  const auto add = [&](std::string_view before, std::string_view text) {
    if (text.empty()) return;
    if (!out.empty()) out += ", ";
    out += before;
    out += text;
  };
  add("template ", request.value("template"));
  for (const char* member : {"upn", "dns", "sid"}) {
    if (const Item* names = request.find(member)) {
      for (const Item& name : names->items) add("for ", name.text);
    }
  }
  return out;
}

}  // namespace rpcmarshal::blobs
