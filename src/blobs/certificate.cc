#include "blobs/certificate.h"

#include <openssl/asn1.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/unicode.h"

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

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* p) const {
    kFree(p);
  }
};
template <typename T, auto kFree>
using Owned = std::unique_ptr<T, Free<kFree>>;

const unsigned char* data(Bytes bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

std::string oid_of(const ASN1_OBJECT* object) {
  char text[128];
  const int length = OBJ_obj2txt(text, sizeof text, object, 1);
  return length > 0 ? std::string(text, std::min<std::size_t>(static_cast<std::size_t>(length),
                                                              sizeof text - 1))
                    : std::string();
}

std::string utf8_of(const ASN1_STRING* string) {
  if (!string) return {};
  unsigned char* text = nullptr;
  const int length = ASN1_STRING_to_UTF8(&text, string);
  if (length < 0) return {};
  std::string out(reinterpret_cast<char*>(text), static_cast<std::size_t>(length));
  OPENSSL_free(text);
  return out;
}

/// One element of BER: its content, and what follows. Definite lengths only.
struct Element {
  int tag = 0, tag_class = 0;
  Bytes content, after;
};
std::optional<Element> read_element(Bytes from) {
  const unsigned char* at = data(from);
  long length = 0;
  Element element;
  const int flags = ASN1_get_object(&at, &length, &element.tag, &element.tag_class,
                                    static_cast<long>(std::min(from.size(), kMaxRequest)));
  if ((flags & 0x80) || (flags & 1) || length < 0) return std::nullopt;  // error; indefinite
  const auto header = static_cast<std::size_t>(at - data(from));
  if (static_cast<std::size_t>(length) > from.size() - header) return std::nullopt;
  element.content = from.subspan(header, static_cast<std::size_t>(length));
  element.after = from.subspan(header + static_cast<std::size_t>(length));
  return element;
}

/// The PKCS #10 request of a CMC PKIData (RFC 5272 3.2.1): SEQUENCE { controls, requests
/// SEQUENCE OF [0] { bodyPartID, request } , ...}.
Bytes request_of_pki_data(Bytes der) {
  const auto outer = read_element(der);
  if (!outer || outer->tag != V_ASN1_SEQUENCE) return {};
  const auto controls = read_element(outer->content);
  if (!controls) return {};
  const auto requests = read_element(controls->after);
  if (!requests || requests->tag != V_ASN1_SEQUENCE) return {};
  const auto tagged = read_element(requests->content);
  if (!tagged || tagged->tag != 0 || tagged->tag_class != V_ASN1_CONTEXT_SPECIFIC) return {};
  const auto body_part = read_element(tagged->content);
  return body_part ? body_part->after : Bytes();
}

struct Names {
  std::vector<std::string> upn, dns, email, uri, ip, sid;

  void add(std::vector<std::string>& to, std::string text) {
    if (!text.empty() && to.size() < kMaxItems) to.push_back(std::move(text));
  }

  void add(const GENERAL_NAME& name) {
    switch (name.type) {
      case GEN_OTHERNAME: {
        const std::string oid = oid_of(name.d.otherName->type_id);
        const ASN1_TYPE* value = name.d.otherName->value;
        if (!value) return;
        if (oid == kUpn && (value->type == V_ASN1_UTF8STRING || value->type == V_ASN1_IA5STRING ||
                            value->type == V_ASN1_BMPSTRING)) {
          add(upn, utf8_of(value->value.asn1_string));
        } else if (oid == kSidName && value->type == V_ASN1_OCTET_STRING) {
          const ASN1_OCTET_STRING* octets = value->value.octet_string;
          add(sid, std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(octets)),
                               static_cast<std::size_t>(ASN1_STRING_length(octets))));
        }
        return;
      }
      case GEN_EMAIL:
        return add(email, utf8_of(name.d.rfc822Name));
      case GEN_DNS:
        return add(dns, utf8_of(name.d.dNSName));
      case GEN_URI: {
        std::string text = utf8_of(name.d.uniformResourceIdentifier);
        if (text.starts_with(kSidUri)) add(sid, text.substr(kSidUri.size()));
        return add(uri, std::move(text));
      }
      case GEN_IPADD: {
        const unsigned char* octets = ASN1_STRING_get0_data(name.d.iPAddress);
        if (ASN1_STRING_length(name.d.iPAddress) != 4) return;
        return add(ip, std::to_string(octets[0]) + '.' + std::to_string(octets[1]) + '.' +
                           std::to_string(octets[2]) + '.' + std::to_string(octets[3]));
      }
      default:
        return;
    }
  }

  void add_all(const ASN1_OCTET_STRING* extension) {
    const unsigned char* at = ASN1_STRING_get0_data(extension);
    Owned<GENERAL_NAMES, GENERAL_NAMES_free> names(
        d2i_GENERAL_NAMES(nullptr, &at, ASN1_STRING_length(extension)));
    if (!names) return;
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i)
      add(*sk_GENERAL_NAME_value(names.get(), i));
  }
};

void add_usages(const ASN1_OCTET_STRING* extension, std::vector<std::string>& usages) {
  const unsigned char* at = ASN1_STRING_get0_data(extension);
  Owned<EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free> found(
      d2i_EXTENDED_KEY_USAGE(nullptr, &at, ASN1_STRING_length(extension)));
  if (!found) return;
  for (int i = 0; i < sk_ASN1_OBJECT_num(found.get()) && usages.size() < kMaxItems; ++i) {
    const ASN1_OBJECT* object = sk_ASN1_OBJECT_value(found.get(), i);
    const int nid = OBJ_obj2nid(object);
    usages.push_back(nid == NID_undef ? oid_of(object) : OBJ_nid2ln(nid));
  }
}

/// CertificateTemplateOID ::= SEQUENCE { OBJECT IDENTIFIER, ... } ([MS-WCCE] 2.2.2.7.7.2).
std::string template_oid(const ASN1_OCTET_STRING* extension) {
  const Bytes bytes{reinterpret_cast<const std::byte*>(ASN1_STRING_get0_data(extension)),
                    static_cast<std::size_t>(ASN1_STRING_length(extension))};
  const auto sequence = read_element(bytes);
  if (!sequence) return {};
  const unsigned char* at = data(sequence->content);
  Owned<ASN1_OBJECT, ASN1_OBJECT_free> object(
      d2i_ASN1_OBJECT(nullptr, &at, static_cast<long>(sequence->content.size())));
  return object ? oid_of(object.get()) : std::string();
}

std::string template_name(const ASN1_OCTET_STRING* extension) {
  const unsigned char* at = ASN1_STRING_get0_data(extension);
  Owned<ASN1_TYPE, ASN1_TYPE_free> value(
      d2i_ASN1_TYPE(nullptr, &at, ASN1_STRING_length(extension)));
  if (!value || (value->type != V_ASN1_BMPSTRING && value->type != V_ASN1_UTF8STRING &&
                 value->type != V_ASN1_PRINTABLESTRING && value->type != V_ASN1_IA5STRING)) {
    return {};
  }
  return utf8_of(value->value.asn1_string);
}

std::string subject_of(const X509_REQ* request) {
  Owned<BIO, BIO_free_all> memory(BIO_new(BIO_s_mem()));
  if (!memory || X509_NAME_print_ex(memory.get(), X509_REQ_get_subject_name(request), 0,
                                    XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) {
    return {};
  }
  char* text = nullptr;
  const long length = BIO_get_mem_data(memory.get(), &text);
  return length > 0 ? std::string(text, static_cast<std::size_t>(length)) : std::string();
}

void add_extensions(const X509_REQ* request, Item& item) {
  // The declared parameter is not const in OpenSSL 3.0; the request is only read.
  STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(const_cast<X509_REQ*>(request));
  if (!extensions) return;
  Names names;
  std::vector<std::string> usages;
  for (int i = 0; i < sk_X509_EXTENSION_num(extensions); ++i) {
    X509_EXTENSION* extension = sk_X509_EXTENSION_value(extensions, i);
    const ASN1_OBJECT* object = X509_EXTENSION_get_object(extension);
    const ASN1_OCTET_STRING* content = X509_EXTENSION_get_data(extension);
    const std::string oid = oid_of(object);
    if (OBJ_obj2nid(object) == NID_subject_alt_name || oid == kSidExtension) {
      names.add_all(content);
    } else if (OBJ_obj2nid(object) == NID_ext_key_usage) {
      add_usages(content, usages);
    } else if (oid == kTemplateName) {
      item.add("template", template_name(content));
    } else if (oid == kTemplateId) {
      item.add("template_oid", template_oid(content));
    }
  }
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  item.add_list("upn", names.upn);
  item.add_list("dns", names.dns);
  item.add_list("email", names.email);
  item.add_list("uri", names.uri);
  item.add_list("ip", names.ip);
  item.add_list("sid", names.sid);
  item.add_list("usages", usages);
}

}  // namespace

std::optional<Item> parse_certificate_request(Bytes der) {
  if (der.empty() || der.size() > kMaxRequest) return std::nullopt;
  std::string kept;  // content of a signed message
  const char* format = "pkcs10";
  for (int wrappers = 0; wrappers <= kMaxWrappers; ++wrappers) {
    const unsigned char* at = data(der);
    Owned<X509_REQ, X509_REQ_free> request(
        d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
    if (request) {
      ERR_clear_error();
      Item item;
      item.add("subject", subject_of(request.get()));
      add_extensions(request.get(), item);
      if (EVP_PKEY* key = X509_REQ_get0_pubkey(request.get())) {
        const char* name = EVP_PKEY_get0_type_name(key);
        item.add("key", (name ? std::string(name) : std::string("key")) + ' ' +
                            std::to_string(EVP_PKEY_get_bits(key)));
      }
      item.add("format", format);
      ERR_clear_error();
      return item;
    }
    at = data(der);
    Owned<CMS_ContentInfo, CMS_ContentInfo_free> message(
        d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(der.size())));
    ERR_clear_error();
    if (!message || OBJ_obj2nid(CMS_get0_type(message.get())) != NID_pkcs7_signed)
      return std::nullopt;
    ASN1_OCTET_STRING** content = CMS_get0_content(message.get());
    if (!content || !*content) return std::nullopt;
    const bool cmc = OBJ_obj2nid(CMS_get0_eContentType(message.get())) == NID_id_cct_PKIData;
    kept.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(*content)),
                static_cast<std::size_t>(ASN1_STRING_length(*content)));
    der = as_bytes(std::string_view(kept));
    if (cmc) {
      format = "cmc";
      const Bytes inner = request_of_pki_data(der);
      kept = std::string(as_text(inner));
      der = as_bytes(std::string_view(kept));
    } else if (wrappers == 0) {
      format = "signed";
    }
    if (der.empty()) return std::nullopt;
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
