#include "blobs/x509_text.h"

#include <algorithm>
#include <bit>
#include <string_view>
#include <utility>
#include <vector>

#include "base/code_point.h"
#include "base/unicode.h"

namespace rpcmarshal::blobs {
namespace {

using Named = std::pair<std::string_view, std::string_view>;

constexpr Named kAttributes[] = {
    {"2.5.4.3", "CN"},
    {"2.5.4.4", "SN"},
    {"2.5.4.5", "serialNumber"},
    {"2.5.4.6", "C"},
    {"2.5.4.7", "L"},
    {"2.5.4.8", "ST"},
    {"2.5.4.9", "street"},
    {"2.5.4.10", "O"},
    {"2.5.4.11", "OU"},
    {"2.5.4.12", "title"},
    {"2.5.4.13", "description"},
    {"2.5.4.15", "businessCategory"},
    {"2.5.4.16", "postalAddress"},
    {"2.5.4.17", "postalCode"},
    {"2.5.4.20", "telephoneNumber"},
    {"2.5.4.41", "name"},
    {"2.5.4.42", "GN"},
    {"2.5.4.43", "initials"},
    {"2.5.4.44", "generationQualifier"},
    {"2.5.4.46", "dnQualifier"},
    {"2.5.4.65", "pseudonym"},
    {"0.9.2342.19200300.100.1.1", "UID"},
    {"0.9.2342.19200300.100.1.3", "mail"},
    {"0.9.2342.19200300.100.1.25", "DC"},
    {"1.2.840.113549.1.9.1", "emailAddress"},
    {"1.2.840.113549.1.9.2", "unstructuredName"},
    {"1.2.840.113549.1.9.8", "unstructuredAddress"},
};

constexpr Named kUsages[] = {
    {"2.5.29.37.0", "Any Extended Key Usage"},
    {"1.3.6.1.5.5.7.3.1", "TLS Web Server Authentication"},
    {"1.3.6.1.5.5.7.3.2", "TLS Web Client Authentication"},
    {"1.3.6.1.5.5.7.3.3", "Code Signing"},
    {"1.3.6.1.5.5.7.3.4", "E-mail Protection"},
    {"1.3.6.1.5.5.7.3.5", "IPSec End System"},
    {"1.3.6.1.5.5.7.3.6", "IPSec Tunnel"},
    {"1.3.6.1.5.5.7.3.7", "IPSec User"},
    {"1.3.6.1.5.5.7.3.8", "Time Stamping"},
    {"1.3.6.1.5.5.7.3.9", "OCSP Signing"},
    {"1.3.6.1.5.5.7.3.17", "ipsec Internet Key Exchange"},
    {"1.3.6.1.5.2.3.4", "PKINIT Client Auth"},
    {"1.3.6.1.5.2.3.5", "Signing KDC Response"},
    {"1.3.6.1.4.1.311.2.1.21", "Microsoft Individual Code Signing"},
    {"1.3.6.1.4.1.311.2.1.22", "Microsoft Commercial Code Signing"},
    {"1.3.6.1.4.1.311.10.3.1", "Microsoft Trust List Signing"},
    {"1.3.6.1.4.1.311.10.3.3", "Microsoft Server Gated Crypto"},
    {"1.3.6.1.4.1.311.10.3.4", "Microsoft Encrypted File System"},
    {"1.3.6.1.4.1.311.20.2.2", "Microsoft Smartcard Login"},
};

// [RFC 5480] 2.1.1.1: named curves, by the size of their field in bits.
constexpr std::pair<std::string_view, int> kCurves[] = {
    {"1.2.840.10045.3.1.1", 192}, {"1.3.132.0.33", 224}, {"1.2.840.10045.3.1.7", 256},
    {"1.3.132.0.10", 256},        {"1.3.132.0.34", 384}, {"1.3.132.0.35", 521},
};

std::uint8_t octet(Bytes bytes, std::size_t at) { return std::to_integer<std::uint8_t>(bytes[at]); }

/// Bits of a positive INTEGER.
std::size_t bits_of(Bytes integer) {
  while (!integer.empty() && octet(integer, 0) == 0) integer = integer.subspan(1);
  if (integer.empty()) return 0;
  return integer.size() * 8 - static_cast<std::size_t>(std::countl_zero(octet(integer, 0)));
}

bool valid_utf8(std::string_view text) {
  for (const char16_t unit : utf8_to_utf16(text)) {
    // What is not UTF-8 becomes U+FFFD; text that has that character is hardly a name.
    if (unit == 0xFFFD) return false;
  }
  return true;
}

/// [RFC 4514] 2.4.
void append_escaped(std::string& out, std::string_view value) {
  constexpr std::string_view kSpecial = ",+\"\\<>;", kDigits = "0123456789ABCDEF";
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', kDigits[byte >> 4], kDigits[byte & 15]};
      continue;
    }
    const bool first = i == 0 && (c == ' ' || c == '#');
    const bool last = i + 1 == value.size() && c == ' ';
    if (first || last || kSpecial.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
}

std::string attribute_text(Bytes content) {
  DerReader reader(content);
  const std::string oid = oid_text(reader.expect(kDerOid));
  const auto value = reader.next();
  if (oid.empty() || !value) return {};
  const auto known = std::ranges::find(kAttributes, oid, &Named::first);
  std::string out(known == std::end(kAttributes) ? std::string_view(oid) : known->second);
  out += '=';
  const std::string text = known == std::end(kAttributes) ? std::string() : der_string(*value);
  if (!text.empty() || (known != std::end(kAttributes) && value->content.empty())) {
    append_escaped(out, text);
  } else {  // not understood: its encoding
    std::string hex;
    append_hex(hex, value->whole);
    std::ranges::transform(hex, hex.begin(), [](char c) {
      return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c;
    });
    out += '#' + hex;
  }
  return out;
}

}  // namespace

std::string oid_text(Bytes content) {
  std::string out;
  std::uint64_t arc = 0;
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (arc >> 57) return {};
    arc = arc << 7 | (octet(content, i) & 0x7f);
    if (octet(content, i) & 0x80) {
      if (i + 1 == content.size()) return {};
      continue;
    }
    if (out.empty()) {  // the first two arcs are one number
      const std::uint64_t top = std::min<std::uint64_t>(arc / 40, 2);
      out = std::to_string(top);
      arc -= top * 40;
    }
    out += '.' + std::to_string(arc);
    arc = 0;
  }
  return out;
}

std::string der_string(const DerElement& string) {
  std::string out;
  switch (string.tag) {
    case kDerUtf8String:
      out = as_text(string.content);
      return valid_utf8(out) ? out : std::string();
    case 0x12:  // NumericString
    case kDerPrintableString:
    case 0x14:  // TeletexString: in practice Latin-1
    case kDerIa5String:
    case 0x1a:  // VisibleString
    case kDerGeneralString:
      append_utf8_latin1(out, string.content);
      return out;
    case kDerBmpString:
      if (string.content.size() % 2 == 0) append_utf8(out, string.content, ByteOrder::kBig);
      return out;
    case 0x1c:  // UniversalString
      if (string.content.size() % 4 != 0) return {};
      for (std::size_t at = 0; at < string.content.size(); at += 4) {
        const auto c = load<std::uint32_t>(string.content.data() + at, ByteOrder::kBig);
        if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return {};
        append_code_point(out, c);
      }
      return out;
    default:
      return {};
  }
}

std::string distinguished_name(Bytes name) {
  std::vector<std::string> relative;  // in the order of the name
  std::size_t size = 0;
  constexpr std::size_t kEnough = 1u << 16;  // no name is so long; an event shows less
  for (DerReader names(name); size < kEnough;) {
    const auto set = names.next();
    if (!set) break;
    std::vector<std::string> attributes;
    for (DerReader reader(set->content); size < kEnough;) {
      const auto attribute = reader.next();
      if (!attribute) break;
      attributes.push_back(attribute_text(attribute->content));
      size += attributes.back().size() + 1;
    }
    std::string one;
    for (auto it = attributes.rbegin(); it != attributes.rend(); ++it) {
      if (!one.empty()) one += '+';
      one += *it;
    }
    size += 1;
    relative.push_back(std::move(one));
  }
  std::string out;
  out.reserve(size + relative.size());
  for (auto it = relative.rbegin(); it != relative.rend(); ++it) {
    if (!out.empty()) out += ',';
    out += *it;
  }
  return out;
}

std::string usage_name(std::string oid) {
  const auto known = std::ranges::find(kUsages, oid, &Named::first);
  return known == std::end(kUsages) ? oid : std::string(known->second);
}

std::string public_key(Bytes info) {
  DerReader reader(info);
  DerReader algorithm(reader.expect(kDerSequence));
  const std::string oid = oid_text(algorithm.expect(kDerOid));
  Bytes key = reader.expect(kDerBitString);
  if (!reader.ok() || key.empty() || octet(key, 0) != 0) return {};
  key = key.subspan(1);  // after the count of unused bits
  if (oid == "1.2.840.113549.1.1.1" || oid == "1.2.840.113549.1.1.10") {  // [RFC 8017] A.1.1
    const std::size_t bits = bits_of(DerReader(der_inner(key, kDerSequence)).expect(kDerInteger));
    if (bits == 0) return {};
    return (oid.ends_with("1.1") ? "RSA " : "RSA-PSS ") + std::to_string(bits);
  }
  if (oid == "1.2.840.10045.2.1") {
    const std::string curve = oid_text(algorithm.expect(kDerOid));
    for (const auto& [id, bits] : kCurves) {
      if (curve == id) return "EC " + std::to_string(bits);
    }
    return "EC";
  }
  if (oid == "1.2.840.10040.4.1") {  // [RFC 3279] 2.3.2: the prime first
    const std::size_t bits = bits_of(DerReader(algorithm.expect(kDerSequence)).expect(kDerInteger));
    return bits == 0 ? std::string() : "DSA " + std::to_string(bits);
  }
  return {};
}

}  // namespace rpcmarshal::blobs
