#include "sink/zeek.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "base/guid.h"
#include "interface/names.h"

namespace rpcmarshal::zeek {
namespace {

// Length of the UTF-8 sequence at the start of `text`, or 0 when it is none ([RFC 3629] 4).
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto tail = [&](std::size_t i) { return (at(i) & 0xC0) == 0x80; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if (first == 0xE0 && at(1) < 0xA0) return 0;
    if (first == 0xED && at(1) >= 0xA0) return 0;  // a surrogate
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (first == 0xF0 && at(1) < 0x90) return 0;
    if (first == 0xF4 && at(1) >= 0x90) return 0;
    return 4;
  }
  return 0;
}

void append_hex(std::string& out, char c) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  out += "\\x";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  // The finishing steps of a 64-bit multiply-xorshift hash.
  hash ^= value + 0x9E3779B97F4A7C15ull + (hash << 6) + (hash >> 2);
  hash ^= hash >> 30;
  hash *= 0xBF58476D1CE4E5B9ull;
  hash ^= hash >> 27;
  hash *= 0x94D049BB133111EBull;
  return hash ^ (hash >> 31);
}

std::uint64_t mix(std::uint64_t hash, const Endpoint& end) {
  std::array<std::uint64_t, 2> words{};
  std::memcpy(words.data(), end.address.bytes.data(), 16);
  return mix(mix(mix(hash, words[0]), words[1]),
             static_cast<std::uint64_t>(end.port) << 1 | (end.address.v6 ? 1 : 0));
}

void append_base62(std::string& out, std::uint64_t value, int digits) {
  static constexpr char kDigits[] =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (int i = 0; i < digits; ++i, value /= 62) out += kDigits[value % 62];
}

}  // namespace

void append_value(std::string& out, std::string_view text, char also) {
  if (text.empty()) {
    out += "(empty)";
    return;
  }
  if (text == "-" || text == "(empty)") {
    append_hex(out, text[0]);
    out += text.substr(1);
    return;
  }
  while (!text.empty()) {
    const char c = text[0];
    const std::size_t length = utf8_length(text);
    if (length > 1) {
      out += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      out += "\\\\";
    } else if (length == 0 || byte < 0x20 || byte == 0x7F || c == also) {
      append_hex(out, c);
    } else {
      out += c;
    }
    text.remove_prefix(1);
  }
}

void append_seconds(std::string& out, Timestamp nanoseconds) {
  char text[48];
  // Times before 1970 and negative intervals do not come from captures, but from hostile ones.
  const bool negative = nanoseconds < 0;
  const std::uint64_t all = negative ? 0 - static_cast<std::uint64_t>(nanoseconds)
                                     : static_cast<std::uint64_t>(nanoseconds);
  const int size = std::snprintf(text, sizeof text, "%s%llu.%06llu", negative ? "-" : "",
                                 static_cast<unsigned long long>(all / 1'000'000'000),
                                 static_cast<unsigned long long>(all % 1'000'000'000 / 1000));
  out.append(text, static_cast<std::size_t>(size));
}

void append_uid(std::string& out, const Event& event) {
  const bool swapped = event.server < event.client;
  const Endpoint& low = swapped ? event.server : event.client;
  const Endpoint& high = swapped ? event.client : event.server;
  const auto start = static_cast<std::uint64_t>(event.connection_start);
  const std::uint64_t a = mix(mix(mix(1, low), high), start);
  const std::uint64_t b = mix(mix(mix(2, high), low), start);
  out += 'C';
  append_base62(out, a, 10);
  append_base62(out, b, 7);
}

std::string endpoint(const Event& event) {
  if (event.interface) return std::string(zeek_endpoint(*event.interface));
  if (!event.interface_id) return {};
  return "unknown-" + event.interface_id->uuid.to_string();
}

std::string operation(const Event& event) {
  if (!event.opnum) return {};
  if (event.procedure) {
    const std::string_view name = zeek_operation(*event.procedure);
    if (!name.empty()) return std::string(name);
  }
  return "unknown-" + std::to_string(*event.opnum);
}

}  // namespace rpcmarshal::zeek
