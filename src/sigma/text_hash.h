// Hashing and comparing short texts (names of fields, values) without calls and, mostly, without
// loops: eight bytes at a time, the last ones together with some of those before. Not for tables
// that whoever writes events could fill with colliding keys.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace rpcmarshal::sigma::text {

template <typename Word>
Word load(const char* at) {
  Word out;
  std::memcpy(&out, at, sizeof out);
  return out;
}

inline constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15;

/// All of a text of up to eight bytes.
inline std::uint64_t load_short(std::string_view text) {
  const char* data = text.data();
  const std::size_t size = text.size();
  if (size == 8) return load<std::uint64_t>(data);
  if (size >= 4)
    return std::uint64_t{load<std::uint32_t>(data)} << 32 | load<std::uint32_t>(data + size - 4);
  if (size == 0) return 0;
  const auto byte = [&](std::size_t at) {
    return std::uint64_t{static_cast<std::uint8_t>(data[at])};
  };
  return byte(0) << 16 | byte(size / 2) << 8 | byte(size - 1);
}

/// Looks at all bytes.
inline std::uint64_t hash(std::uint64_t seed, std::string_view text) {
  std::uint64_t h = (seed ^ text.size()) * kMultiplier;
  const auto mix = [&h](std::uint64_t x) { h = std::rotl((h ^ x) * kMultiplier, 29); };
  const char* data = text.data();
  const std::size_t size = text.size();
  if (size > 8) {
    std::size_t at = 0;
    do mix(load<std::uint64_t>(data + at));
    while ((at += 8) + 8 < size);
    mix(load<std::uint64_t>(data + size - 8));
  } else {
    mix(load_short(text));
  }
  return h * kMultiplier;
}

/// Looks at no more than the first, the middle and the last eight bytes: for names.
inline std::uint64_t hash_name(std::uint64_t seed, std::string_view text) {
  std::uint64_t h = (seed ^ text.size()) * kMultiplier;
  const char* data = text.data();
  const std::size_t size = text.size();
  if (size > 8) {
    h = std::rotl((h ^ load<std::uint64_t>(data)) * kMultiplier, 29);
    h ^= load<std::uint64_t>(data + (size - 8) / 2) * 0xC2B2AE3D27D4EB4F;
    h ^= load<std::uint64_t>(data + size - 8);
  } else {
    h ^= load_short(text);
  }
  h *= kMultiplier;
  return h ^ h >> 32;
}

/// Whether the b.size() bytes from `a` are b.
inline bool equal(const char* a, std::string_view b) {
  const std::size_t size = b.size();
  if (size > 32 || size < 8) {
    if (size > 32) return std::memcmp(a, b.data(), size) == 0;
    return load_short({a, size}) == load_short(b);
  }
  std::uint64_t differ =
      load<std::uint64_t>(a + size - 8) ^ load<std::uint64_t>(b.data() + size - 8);
  for (std::size_t at = 0; at + 8 < size; at += 8)
    differ |= load<std::uint64_t>(a + at) ^ load<std::uint64_t>(b.data() + at);
  return differ == 0;
}

}  // namespace rpcmarshal::sigma::text
