#include "policy/compiler/yaml_writer.h"

#include <algorithm>
#include <cstdint>

namespace rpcmarshal::policy {

std::string yaml_text(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto plain = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '/';
  };
  static constexpr std::string_view kWords[] = {"true", "false", "yes", "no", "on", "off", "null",
                                                "True", "False", "Yes", "No", "On", "Off", "Null",
                                                "TRUE", "FALSE", "YES", "NO", "ON", "OFF", "NULL",
                                                "y",    "n",     "Y",   "N"};
  if (!text.empty() && letter(text[0]) && std::ranges::all_of(text, plain) &&
      std::ranges::find(kWords, text) == std::end(kWords)) {
    return std::string(text);
  }
  const bool control = std::ranges::any_of(
      text, [](char c) { return static_cast<std::uint8_t>(c) < 0x20 || c == 0x7F; });
  std::string out;
  if (!control) {
    out = "'";
    for (const char c : text) {
      out += c;
      if (c == '\'') out += c;
    }
    return out + "'";
  }
  out = "\"";
  for (const char c : text) {
    if (static_cast<std::uint8_t>(c) < 0x20 || c == 0x7F) {
      static constexpr char kHex[] = "0123456789ABCDEF";
      out += "\\x";
      out += kHex[static_cast<std::uint8_t>(c) >> 4];
      out += kHex[static_cast<std::uint8_t>(c) & 15];
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace rpcmarshal::policy
