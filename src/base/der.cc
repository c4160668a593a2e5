#include "base/der.h"

namespace rpcmarshal {

namespace {

struct Header {
  std::uint8_t tag = 0;
  std::size_t size = 0;    ///< of tag and length
  std::size_t length = 0;  ///< of the content; 0 when indefinite
  bool indefinite = false;
};

/// nullopt when a definite content does not fit into `data`, too.
std::optional<Header> read_header(Bytes data) {
  if (data.size() < 2) return std::nullopt;
  Header header;
  header.tag = std::to_integer<std::uint8_t>(data[0]);
  if ((header.tag & 0x1f) == 0x1f) return std::nullopt;  // multi-byte tags occur in none of ours
  header.size = 2;
  header.length = std::to_integer<std::size_t>(data[1]);
  if (header.length == 0x80) {
    header.length = 0;
    header.indefinite = true;
    if ((header.tag & 0x20) == 0) return std::nullopt;  // of constructed elements only
  } else if (header.length > 0x80) {
    const std::size_t count = header.length & 0x7f;
    if (count > 4 || data.size() < 2 + count) return std::nullopt;
    header.length = 0;
    for (std::size_t i = 0; i < count; ++i) {
      header.length = header.length << 8 | std::to_integer<std::size_t>(data[2 + i]);
    }
    header.size += count;
  }
  if (header.length > data.size() - header.size) return std::nullopt;
  return header;
}

/// Where the end-of-contents octets of an indefinite element are, whose content begins `data`.
std::optional<std::size_t> find_end(Bytes data) {
  std::size_t at = 0, open = 1;
  while (at < data.size()) {
    const auto header = read_header(data.subspan(at));
    if (!header) return std::nullopt;
    if (header->tag == 0 && header->length == 0) {
      if (--open == 0) return at;
    } else if (header->indefinite) {
      ++open;
    }
    at += header->size + header->length;
  }
  return std::nullopt;
}

}  // namespace

std::optional<DerElement> DerReader::next() {
  if (!ok_ || data_.empty()) return std::nullopt;
  ok_ = false;
  const auto header = read_header(data_);
  if (!header) return std::nullopt;
  std::size_t length = header->length, trailer = 0;
  if (header->indefinite) {
    if (lengths_ == Lengths::kDefinite) return std::nullopt;
    const auto end = find_end(data_.subspan(header->size));
    if (!end) return std::nullopt;
    length = *end;
    trailer = 2;
  }
  const DerElement element{header->tag, data_.subspan(header->size, length),
                           data_.first(header->size + length + trailer)};
  data_ = data_.subspan(element.whole.size());
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
