#include "blobs/dns_record.h"

#include <array>

namespace rpcmarshal::blobs {
namespace {

struct TypeName {
  std::uint16_t type;
  std::string_view name;
};
constexpr TypeName kTypes[] = {
    {0, "ZERO"},   {1, "A"},      {2, "NS"},     {3, "MD"},        {4, "MF"},
    {5, "CNAME"},  {6, "SOA"},    {7, "MB"},     {8, "MG"},        {9, "MR"},
    {10, "NULL"},  {11, "WKS"},   {12, "PTR"},   {13, "HINFO"},    {14, "MINFO"},
    {15, "MX"},    {16, "TXT"},   {17, "RP"},    {18, "AFSDB"},    {19, "X25"},
    {20, "ISDN"},  {21, "RT"},    {24, "SIG"},   {25, "KEY"},      {28, "AAAA"},
    {29, "LOC"},   {30, "NXT"},   {33, "SRV"},   {34, "ATMA"},     {35, "NAPTR"},
    {39, "DNAME"}, {43, "DS"},    {46, "RRSIG"}, {47, "NSEC"},     {48, "DNSKEY"},
    {49, "DHCID"}, {50, "NSEC3"}, {52, "TLSA"},  {0xFF01, "WINS"}, {0xFF02, "WINSR"},
};

/// A name or string; what is not printable ASCII becomes \DDD, as in zone files.
std::string name_at(ByteReader& reader) {
  std::string out;
  for (const std::byte b : reader.take(reader.u8())) {
    const int c = std::to_integer<int>(b);
    if (c >= 0x20 && c < 0x7F) {
      out += static_cast<char>(c);
    } else {
      out += '\\';
      for (const int place : {100, 10, 1}) out += static_cast<char>('0' + c / place % 10);
    }
  }
  return out;
}

std::string ipv4(Bytes bytes) {
  std::string out;
  for (const std::byte b : bytes) {
    if (!out.empty()) out += '.';
    out += std::to_string(std::to_integer<int>(b));
  }
  return out;
}

/// RFC 5952: the longest run of zero groups, if of more than one, becomes "::".
std::string ipv6(ByteReader reader) {
  reader.set_order(ByteOrder::kBig);
  std::array<std::uint16_t, 8> groups{};
  for (std::uint16_t& group : groups) group = reader.u16();
  std::size_t best = 8, length = 1;
  for (std::size_t at = 0; at < 8; ++at) {
    std::size_t end = at;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - at > length) best = at, length = end - at;
  }
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t at = 0; at < 8;) {
    if (at == best) {
      out += "::";
      at += length;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    bool leading = true;
    for (int shift = 12; shift >= 0; shift -= 4) {
      const int digit = groups[at] >> shift & 15;
      leading = leading && digit == 0 && shift > 0;
      if (!leading) out += kDigits[digit];
    }
    ++at;
  }
  return out;
}

/// The data as zone files write it; empty for types whose data is not text or addresses.
std::string data_text(std::uint16_t type, ByteReader& reader) {
  const auto number = [&](std::uint32_t v) { return std::to_string(v) + ' '; };
  std::string out;
  switch (type) {
    case 1:
      return ipv4(reader.take(4));
    case 28:
      return ipv6(ByteReader(reader.take(16)));
    case 2:
    case 3:
    case 4:
    case 5:
    case 7:
    case 8:
    case 9:
    case 12:
    case 39:
      return name_at(reader);
    case 14:
    case 17:
      out = name_at(reader);
      return out + ' ' + name_at(reader);
    case 15:
    case 18:
    case 21:
      out = number(reader.u16());
      return out + name_at(reader);
    case 33:
      for (int i = 0; i < 3; ++i) out += number(reader.u16());
      return out + name_at(reader);
    case 6: {
      std::string numbers;
      for (int i = 0; i < 5; ++i) numbers += ' ' + std::to_string(reader.u32());
      out = name_at(reader) + ' ';
      out += name_at(reader);
      return out + numbers;
    }
    case 13:
    case 16:
    case 19:
    case 20:
      while (reader.ok() && !reader.at_end() && out.size() < kMaxText) {
        if (!out.empty()) out += ' ';
        out += '"' + name_at(reader) + '"';
      }
      return out;
    case 0xFF01: {
      reader.skip(12);
      const std::uint32_t servers = reader.u32();
      for (std::uint32_t i = 0; i < servers && i < kMaxItems && reader.ok(); ++i) {
        if (i) out += ' ';
        out += ipv4(reader.take(4));
      }
      return out;
    }
    case 0xFF02:
      reader.skip(12);
      return name_at(reader);
    default:
      return {};
  }
}

}  // namespace

std::string dns_type_name(std::uint16_t type) {
  for (const TypeName& known : kTypes) {
    if (known.type == type) return std::string(known.name);
  }
  return "TYPE" + std::to_string(type);
}

std::optional<Item> parse_dns_record(std::uint16_t type, Bytes data) {
  ByteReader reader(data);
  const std::string text = data_text(type, reader);
  if (!reader.ok()) return std::nullopt;
  Item item;
  item.add("type", dns_type_name(type));
  item.add("data", text);
  return item;
}

std::string summarise_dns_record(const Item& record) {
  std::string out(record.value("type"));
  if (!record.value("data").empty()) out += ' ' + std::string(record.value("data"));
  return out;
}

std::optional<Item> parse_dns_nodes(Bytes bytes) {
  Item item, nodes = Item::make_list("nodes");
  ByteReader reader(bytes);
  while (reader.ok() && !reader.at_end() && nodes.items.size() < kMaxItems) {
    const std::size_t start = reader.offset();
    const std::uint16_t length = reader.u16(), count = reader.u16();
    reader.skip(4);  // flags
    const std::uint32_t children = reader.u32();
    Item node;
    node.add("name", name_at(reader));
    node.add_number("children", children);
    if (!reader.ok() || length < reader.offset() - start) break;
    reader.seek(start + length);
    reader.align(4);
    Item records = Item::make_list("records");
    for (std::uint16_t i = 0; i < count && reader.ok(); ++i) {
      const std::uint16_t size = reader.u16(), type = reader.u16();
      reader.skip(8);  // flags, serial
      const std::uint32_t ttl = reader.u32();
      reader.skip(8);  // time stamp, reserved
      const Bytes data = reader.take(size);
      if (!reader.ok()) break;
      if (!reader.at_end()) reader.align(4);
      if (auto record = parse_dns_record(type, data)) {
        record->add_number("ttl", ttl);
        records.add(std::move(*record));
      }
    }
    node.add(std::move(records));
    nodes.add(std::move(node));
  }
  if (nodes.items.empty()) return std::nullopt;
  item.add(std::move(nodes));
  return item;
}

std::string summarise_dns_nodes(const Item& nodes) {
  const Item* list = nodes.find("nodes");
  if (list == nullptr) return {};
  std::size_t records = 0;
  std::string first;
  for (const Item& node : list->items) {
    const Item* of_node = node.find("records");
    if (of_node == nullptr) continue;
    if (records == 0) {
      first = std::string(node.value("name")) + ' ' + summarise_dns_record(of_node->items.front());
    }
    records += of_node->items.size();
  }
  std::string out = std::to_string(list->items.size()) + " names, " + std::to_string(records);
  out += " records";
  if (!first.empty()) out += ", first " + first;
  return out;
}

}  // namespace rpcmarshal::blobs
