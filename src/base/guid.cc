#include "base/guid.h"

namespace rpcmarshal {
namespace {

constexpr char kHex[] = "0123456789abcdef";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void Guid::format_to(char* out) const {
  const std::array<std::uint8_t, 16> order = {std::uint8_t(data1 >> 24),
                                              std::uint8_t(data1 >> 16),
                                              std::uint8_t(data1 >> 8),
                                              std::uint8_t(data1),
                                              std::uint8_t(data2 >> 8),
                                              std::uint8_t(data2),
                                              std::uint8_t(data3 >> 8),
                                              std::uint8_t(data3),
                                              data4[0],
                                              data4[1],
                                              data4[2],
                                              data4[3],
                                              data4[4],
                                              data4[5],
                                              data4[6],
                                              data4[7]};
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
    *out++ = kHex[order[i] >> 4];
    *out++ = kHex[order[i] & 15];
  }
}

std::string Guid::to_string() const {
  std::string text(36, '-');
  format_to(text.data());
  return text;
}

std::optional<Guid> Guid::parse(std::string_view text) {
  if (text.size() == 38 && text.front() == '{' && text.back() == '}') text = text.substr(1, 36);
  if (text.size() != 36) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      if (text[at++] != '-') return std::nullopt;
    }
    const int high = hex_digit(text[at]), low = hex_digit(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    at += 2;
  }
  ByteReader reader(std::as_bytes(std::span(bytes)), ByteOrder::kBig);
  return read(reader);
}

Guid Guid::read(ByteReader& reader) {
  Guid guid;
  guid.data1 = reader.u32();
  guid.data2 = reader.u16();
  guid.data3 = reader.u16();
  const Bytes tail = reader.take(8);
  if (tail.size() == 8) std::memcpy(guid.data4.data(), tail.data(), 8);
  return guid;
}

}  // namespace rpcmarshal
