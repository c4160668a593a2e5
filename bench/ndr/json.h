// The least that could write values as JSON: what a program with a writer of its own pays. The
// product's writer, which also names, labels and bounds values, is sink/'s.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

#include "ndr/value.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace rpcmarshal::ndr::bench {

/// A buffer with room for the whole text: the caller sees to that once, as a writer does per event.
class Out {
 public:
  explicit Out(std::size_t size) : buffer_(size), at_(buffer_.data()) {}
  void clear() { at_ = buffer_.data(); }
  std::size_t size() const { return static_cast<std::size_t>(at_ - buffer_.data()); }
  const char* data() const { return buffer_.data(); }
  void put(char c) { *at_++ = c; }
  /// Most names have 4 to 16 characters: two overlapping copies, no call.
  void put(std::string_view text) {
    const std::size_t size = text.size();
    if (size >= 8 && size <= 16) {
      std::memcpy(at_, text.data(), 8);
      std::memcpy(at_ + size - 8, text.data() + size - 8, 8);
    } else if (size >= 4 && size < 8) {
      std::memcpy(at_, text.data(), 4);
      std::memcpy(at_ + size - 4, text.data() + size - 4, 4);
    } else {
      std::memcpy(at_, text.data(), size);
    }
    at_ += size;
  }
  /// `"name":`
  void key(std::string_view name) {
    put('"');
    put(name);
    std::memcpy(at_, "\":", 2);
    at_ += 2;
  }
  template <typename Number>
  void number(Number number) {
    at_ = std::to_chars(at_, at_ + 24, number).ptr;
  }
  void hex(Bytes bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    for (const std::byte b : bytes) {
      *at_++ = kDigits[std::to_integer<int>(b) >> 4];
      *at_++ = kDigits[std::to_integer<int>(b) & 15];
    }
  }
  /// Little-endian UTF-16 as a JSON string's body: eight characters at a time where the machine
  /// can, else and where some need an escape one by one. False at the first that is not ASCII.
  bool ascii(Bytes text) {
    const std::byte* from = text.data();
    const std::byte* const end = from + text.size() / 2 * 2;
    char* to = at_;  // a local: what is written through it cannot be the pointer itself
    while (from != end) {
      auto some = std::min<std::size_t>(static_cast<std::size_t>(end - from) / 2, 8);
#ifdef __SSE2__
      if (some == 8) {
        const __m128i units = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
        const __m128i high = _mm_and_si128(units, _mm_set1_epi16(static_cast<short>(0xFF80)));
        if (_mm_movemask_epi8(_mm_cmpeq_epi16(high, _mm_setzero_si128())) != 0xFFFF) return false;
        const __m128i eight = _mm_packus_epi16(units, units);
        const __m128i quotes = _mm_or_si128(_mm_cmpeq_epi8(eight, _mm_set1_epi8('"')),
                                            _mm_cmpeq_epi8(eight, _mm_set1_epi8('\\')));
        const __m128i special = _mm_or_si128(quotes, _mm_cmplt_epi8(eight, _mm_set1_epi8(0x20)));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(to), eight);
        const auto found = static_cast<unsigned>(_mm_movemask_epi8(special));
        if (found == 0) {
          to += 8;
          from += 16;
          continue;
        }
        const int clean = std::countr_zero(found);
        to += clean;
        from += 2 * clean;
        some = 1;
      }
#endif
      for (; some > 0; --some, from += 2) {
        const auto c = load<std::uint16_t>(from, ByteOrder::kLittle);
        if (c >= 0x80) return false;
        if (c < 0x20) {
          std::memcpy(to, "\\u00", 4);
          to[4] = static_cast<char>('0' + (c >> 4));
          to[5] = "0123456789abcdef"[c & 15];
          to += 6;
        } else {
          *to = '\\';
          to += (c == '"') | (c == '\\');
          *to++ = static_cast<char>(c);
        }
      }
    }
    at_ = to;
    return true;
  }

 private:
  std::vector<char> buffer_;
  char* at_;
};

inline void append_leaf(Out& out, const Value& value) {
  switch (value.kind()) {
    case ValueKind::kText:
      out.put('"');
      if (!value.is_text16() || value.order() != ByteOrder::kLittle || !out.ascii(value.bytes())) {
        for (const char c : value.text()) {
          if (c == '"' || c == '\\') out.put('\\');
          out.put(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
        }
      }
      out.put('"');
      return;
    case ValueKind::kUInt:
      out.number(value.as_uint());
      return;
    case ValueKind::kInt:
      out.number(value.as_int());
      return;
    case ValueKind::kBool:
      out.put(value.as_bool() ? "true" : "false");
      return;
    case ValueKind::kHandle:
    case ValueKind::kBytes:
      out.put('"');
      out.hex(value.bytes());
      out.put('"');
      return;
    default:
      out.put("null");
      return;
  }
}

inline void append_json(Out& out, Walker& walker, const Value& root) {
  walker.start(root);
  while (walker.next()) {
    const Value& value = walker.value();
    const bool list = value.kind() == ValueKind::kList;
    if (walker.event() == Walker::Event::kClose) {
      out.put(list ? ']' : '}');
      continue;
    }
    if (walker.index() > 0) out.put(',');
    if (!value.name().empty()) {
      out.key(value.name());
    }
    if (walker.event() == Walker::Event::kOpen) {
      out.put(list ? '[' : '{');
    } else {
      append_leaf(out, value);
    }
  }
}

}  // namespace rpcmarshal::ndr::bench
