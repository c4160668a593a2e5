#include "smb/compression.h"

#include <algorithm>
#include <array>

namespace rpcmarshal {
namespace {

std::uint8_t u8(Bytes b, std::size_t at) { return std::to_integer<std::uint8_t>(b[at]); }

// Repeats `length` bytes from `offset` back, overlapping itself as LZ77 means it.
bool copy_match(std::vector<std::byte>& out, std::size_t begin, std::size_t limit,
                std::size_t offset, std::size_t length) {
  if (offset == 0 || offset > out.size() - begin || length > limit - (out.size() - begin))
    return false;
  std::size_t from = out.size() - offset;
  for (std::size_t i = 0; i < length; ++i) out.push_back(out[from + i]);
  return true;
}

// The bits of LZ77+Huffman: 16-bit little-endian words, most significant bit first, with whole
// bytes taken from behind the words in between ([MS-XCA] 2.2.4).
class HuffmanBits {
 public:
  HuffmanBits(Bytes data, std::size_t at) : data_(data), at_(at) {
    next_ = static_cast<std::uint32_t>(word()) << 16;
    next_ |= word();
    extra_ = 16;
  }
  std::uint32_t peek(unsigned count) const { return count == 0 ? 0 : next_ >> (32 - count); }
  void skip(unsigned count) {
    next_ = count >= 32 ? 0 : next_ << count;
    extra_ -= static_cast<int>(count);
    if (extra_ < 0) {
      next_ |= static_cast<std::uint32_t>(word()) << -extra_;
      extra_ += 16;
    }
  }
  std::uint32_t byte() { return at_ < data_.size() ? u8(data_, at_++) : fail(); }
  std::uint32_t word() {
    std::uint32_t low = byte();
    return low | byte() << 8;
  }
  std::size_t position() const { return at_; }
  /// Words are read ahead: up to four bytes past the end are zero, more is an error.
  bool overrun() const { return missing_ > 4; }
  bool at_end() const { return at_ >= data_.size(); }

 private:
  std::uint32_t fail() {
    ++missing_;
    return 0;
  }
  Bytes data_;
  std::size_t at_;
  std::uint32_t next_ = 0;
  int extra_ = 0;
  int missing_ = 0;
};

// Code lengths of 512 symbols to a table indexed by the next 15 bits; false when they are no code.
bool make_huffman_table(Bytes lengths, std::vector<std::uint16_t>& table) {
  auto length = [&](unsigned symbol) {
    std::uint8_t pair = u8(lengths, symbol / 2);
    return (symbol & 1) ? pair >> 4 : pair & 15;
  };
  table.assign(1u << 15, 0);
  std::size_t at = 0;
  for (int bits = 1; bits <= 15; ++bits) {
    for (unsigned symbol = 0; symbol < 512; ++symbol) {
      if (length(symbol) != bits) continue;
      std::size_t count = std::size_t{1} << (15 - bits);
      if (at + count > table.size()) return false;
      std::fill_n(table.begin() + static_cast<std::ptrdiff_t>(at), count,
                  static_cast<std::uint16_t>(symbol));
      at += count;
    }
  }
  return at == table.size();
}

}  // namespace

bool unpack_lznt1(Bytes packed, std::size_t limit, std::vector<std::byte>& out) {
  const std::size_t begin = out.size();
  ByteReader in(packed);
  while (in.remaining() >= 2 && out.size() - begin < limit) {
    std::uint16_t header = in.u16();
    if (header == 0) break;
    Bytes chunk = in.take((header & 0x0fffu) + 1u);
    if (!in.ok()) return false;
    if (!(header & 0x8000)) {
      if (chunk.size() > limit - (out.size() - begin)) return false;
      out.insert(out.end(), chunk.begin(), chunk.end());
      continue;
    }
    const std::size_t chunk_begin = out.size();
    ByteReader c(chunk);
    while (!c.at_end()) {
      std::uint8_t flags = c.u8();
      for (int bit = 0; bit < 8 && !c.at_end(); ++bit, flags >>= 1) {
        if (!(flags & 1)) {
          if (out.size() - begin >= limit) return false;
          out.push_back(static_cast<std::byte>(c.u8()));
          continue;
        }
        std::uint16_t pair = c.u16();
        if (!c.ok()) return false;
        // The further into the chunk, the more bits the offset has and the fewer the length.
        unsigned length_bits = 12;
        for (std::size_t at = out.size() - chunk_begin; at > 16 && length_bits > 4;
             at = (at + 1) / 2)
          --length_bits;
        std::size_t length = (pair & ((1u << length_bits) - 1)) + 3u;
        if (!copy_match(out, begin, limit, (pair >> length_bits) + 1u, length)) return false;
        if (out.size() - chunk_begin > 4096) return false;
      }
    }
  }
  return true;
}

bool unpack_lz77(Bytes packed, std::size_t limit, std::vector<std::byte>& out) {
  const std::size_t begin = out.size();
  ByteReader in(packed);
  std::uint32_t flags = 0;
  int left = 0;
  std::size_t half_byte = 0;  // where a byte stands whose upper half is the next match's length
  while (out.size() - begin < limit) {
    if (left == 0) {
      flags = in.u32();
      if (!in.ok()) return false;
      left = 32;
    }
    --left;
    if (!(flags >> left & 1)) {
      std::uint8_t literal = in.u8();
      if (!in.ok()) return false;
      out.push_back(static_cast<std::byte>(literal));
      continue;
    }
    if (in.at_end()) return true;
    std::uint16_t pair = in.u16();
    std::size_t length = pair & 7;
    if (length == 7) {
      if (half_byte == 0) {
        half_byte = in.offset();
        length = in.u8() & 15;
      } else {
        length = u8(packed, half_byte) >> 4;
        half_byte = 0;
      }
      if (length == 15) {
        length = in.u8();
        if (length == 255) {
          length = in.u16();
          if (length == 0) length = in.u32();
          if (length < 15 + 7) return false;
          length -= 15 + 7;
        }
        length += 15;
      }
      length += 7;
    }
    if (!in.ok() || !copy_match(out, begin, limit, (pair >> 3) + 1u, length + 3)) return false;
  }
  return true;
}

bool unpack_lz77_huffman(Bytes packed, std::size_t limit, std::vector<std::byte>& out) {
  constexpr std::size_t kTable = 256, kBlock = 65536;
  const std::size_t begin = out.size();
  std::vector<std::uint16_t> table;
  std::size_t at = 0;
  while (out.size() - begin < limit) {
    if (packed.size() - at < kTable) return false;
    Bytes lengths = packed.subspan(at, kTable);
    if (!make_huffman_table(lengths, table)) return false;
    HuffmanBits bits(packed, at + kTable);
    const std::size_t block_end = std::min(limit, out.size() - begin + kBlock);
    while (out.size() - begin < block_end) {
      if (bits.overrun()) return false;
      unsigned symbol = table[bits.peek(15)];
      std::uint8_t pair = u8(lengths, symbol / 2);
      bits.skip((symbol & 1) ? pair >> 4 : pair & 15);
      if (symbol < 256) {
        out.push_back(static_cast<std::byte>(symbol));
        continue;
      }
      if (symbol == 256 && bits.at_end()) return true;
      symbol -= 256;
      std::size_t length = symbol & 15;
      unsigned offset_bits = symbol >> 4;
      if (length == 15) {
        length = bits.byte();
        if (length == 255) {
          length = bits.word();
          if (length == 0) {
            length = bits.word();
            length |= static_cast<std::size_t>(bits.word()) << 16;
          }
          if (length < 15) return false;
          length -= 15;
        }
        length += 15;
      }
      std::size_t offset = bits.peek(offset_bits) + (std::size_t{1} << offset_bits);
      bits.skip(offset_bits);
      if (!copy_match(out, begin, limit, offset, length + 3)) return false;
    }
    at = bits.position();
  }
  return true;
}

std::optional<std::vector<std::byte>> unpack_message(Bytes message, std::size_t limit) {
  ByteReader in(message);
  in.skip(4);
  std::size_t size = in.u32();
  if (!in.ok() || message.size() < 16) return std::nullopt;
  std::vector<std::byte> out;
  auto unpack = [&](std::uint16_t algorithm, Bytes packed, std::size_t unpacked_size) {
    if (unpacked_size > limit - out.size()) return false;
    std::size_t end = out.size() + unpacked_size;
    bool ok = false;
    switch (static_cast<Compression>(algorithm)) {
      case Compression::kLznt1:
        ok = unpack_lznt1(packed, unpacked_size, out);
        break;
      case Compression::kLz77:
        ok = unpack_lz77(packed, unpacked_size, out);
        break;
      case Compression::kLz77Huffman:
        ok = unpack_lz77_huffman(packed, unpacked_size, out);
        break;
      default:
        break;
    }
    return ok && out.size() == end;
  };
  auto append = [&](Bytes plain) {
    if (plain.size() > limit - out.size()) return false;
    out.insert(out.end(), plain.begin(), plain.end());
    return true;
  };
  bool chained = (std::to_integer<std::uint8_t>(message[10]) & 1) != 0;
  if (!chained) {
    std::uint16_t algorithm = in.u16();
    in.skip(2);
    Bytes plain = in.take(in.u32());
    if (!in.ok() || !append(plain) || !unpack(algorithm, in.rest(), size)) return std::nullopt;
    return out;
  }
  if (size > limit) return std::nullopt;
  while (in.remaining() >= 8) {
    std::uint16_t algorithm = in.u16();
    in.skip(2);
    ByteReader part(in.take(in.u32()));
    if (!in.ok()) return std::nullopt;
    bool ok = false;
    if (algorithm == static_cast<std::uint16_t>(Compression::kNone)) {
      ok = append(part.rest());
    } else if (algorithm == static_cast<std::uint16_t>(Compression::kPatternV1)) {
      std::uint8_t pattern = part.u8();
      part.skip(3);
      std::size_t count = part.u32();
      ok = part.ok() && count <= limit - out.size();
      if (ok) out.insert(out.end(), count, static_cast<std::byte>(pattern));
    } else {
      std::size_t unpacked_size = part.u32();
      ok = part.ok() && unpack(algorithm, part.rest(), unpacked_size);
    }
    if (!ok || out.size() > size) return std::nullopt;
  }
  if (out.size() != size) return std::nullopt;
  return out;
}

}  // namespace rpcmarshal
