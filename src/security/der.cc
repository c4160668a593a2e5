#include "security/der.h"

namespace rpcmarshal {

std::optional<DerElement> DerReader::next() {
  if (!ok_ || data_.empty()) return std::nullopt;
  ok_ = false;
  if (data_.size() < 2) return std::nullopt;
  auto tag = std::to_integer<std::uint8_t>(data_[0]);
  if ((tag & 0x1f) == 0x1f) return std::nullopt;  // multi-byte tags occur in none of our formats
  auto first = std::to_integer<std::size_t>(data_[1]);
  std::size_t header = 2;
  std::size_t length = first;
  if (first >= 0x80) {
    std::size_t count = first & 0x7f;
    if (count == 0 || count > 4 || data_.size() < 2 + count) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < count; ++i) {
      length = length << 8 | std::to_integer<std::size_t>(data_[2 + i]);
    }
    header += count;
  }
  if (length > data_.size() - header) return std::nullopt;
  DerElement element{tag, data_.subspan(header, length), data_.first(header + length)};
  data_ = data_.subspan(header + length);
  ok_ = true;
  return element;
}

Bytes DerReader::expect(std::uint8_t tag) {
  auto element = next();
  if (!element || element->tag != tag) {
    ok_ = false;
    return {};
  }
  return element->content;
}

std::optional<std::int64_t> der_integer(Bytes content) {
  if (content.empty() || content.size() > 8) return std::nullopt;
  bool negative = (std::to_integer<unsigned>(content[0]) & 0x80) != 0;
  std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
  for (std::byte b : content) value = value << 8 | std::to_integer<std::uint64_t>(b);
  return static_cast<std::int64_t>(value);
}

Bytes der_inner(Bytes content, std::uint8_t tag) { return DerReader(content).expect(tag); }

}  // namespace rpcmarshal
