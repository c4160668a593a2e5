// Bounded reading of untrusted bytes. ByteReader never reads outside its span and never throws: a
// read past the end returns zero and makes the reader fail, and every later read fails too, so a
// parser checks ok() once after a group of reads.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace rpcmarshal {

using Bytes = std::span<const std::byte>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

enum class ByteOrder : std::uint8_t { kLittle, kBig };

/// Loads a T stored at `from` (unaligned) in byte order `order`. The caller has checked the bounds.
template <typename T>
inline T load(const std::byte* from, ByteOrder order) {
  static_assert(std::is_integral_v<T>);
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (sizeof(T) > 1) {
    if ((order == ByteOrder::kBig) != (std::endian::native == std::endian::big)) {
      if constexpr (sizeof(T) == 2)
        value = static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
      if constexpr (sizeof(T) == 4)
        value = static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
      if constexpr (sizeof(T) == 8)
        value = static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
    }
  }
  return value;
}

class ByteReader {
 public:
  explicit ByteReader(Bytes data, ByteOrder order = ByteOrder::kLittle)
      : data_(data), order_(order) {}

  bool ok() const { return ok_; }
  std::size_t offset() const { return at_; }
  std::size_t remaining() const { return data_.size() - at_; }
  bool at_end() const { return at_ == data_.size(); }
  ByteOrder order() const { return order_; }
  void set_order(ByteOrder order) { order_ = order; }

  std::uint8_t u8() { return get<std::uint8_t>(); }
  std::uint16_t u16() { return get<std::uint16_t>(); }
  std::uint32_t u32() { return get<std::uint32_t>(); }
  std::uint64_t u64() { return get<std::uint64_t>(); }

  /// The next `count` bytes, which live as long as the data; empty and failed when fewer remain.
  Bytes take(std::size_t count) {
    if (!need(count)) return {};
    Bytes out = data_.subspan(at_, count);
    at_ += count;
    return out;
  }
  Bytes rest() { return take(remaining()); }
  void skip(std::size_t count) {
    if (need(count)) at_ += count;
  }
  /// Moves to an absolute offset; fails past the end.
  void seek(std::size_t offset) {
    if (!ok_ || offset > data_.size()) {
      ok_ = false;
    } else {
      at_ = offset;
    }
  }
  /// Skips padding to a multiple of `alignment` (a power of two) from the start of the data.
  void align(std::size_t alignment) {
    skip((alignment - (at_ & (alignment - 1))) & (alignment - 1));
  }

 private:
  bool need(std::size_t count) {
    if (!ok_ || count > data_.size() - at_) {
      ok_ = false;
      return false;
    }
    return true;
  }
  template <typename T>
  T get() {
    if (!need(sizeof(T))) return 0;
    T value = load<T>(data_.data() + at_, order_);
    at_ += sizeof(T);
    return value;
  }

  Bytes data_;
  std::size_t at_ = 0;
  ByteOrder order_;
  bool ok_ = true;
};

}  // namespace rpcmarshal
