// Decodes one stub with the interfaces that come with the library.
//
//     decode_stub UUID VERSION OPNUM request|response HEX [ndr64]
//
// Prints one line for each value, "path = value", and on the last line how the decoding went.
#include <charconv>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unicode.h"
#include "builtin/builtin.h"
#include "ndr/decode.h"
#include "ndr/format.h"

namespace {

using namespace rpcmarshal;

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > 0xFFFF) return {};
  return value;
}

std::optional<std::vector<std::byte>> unhex(std::string_view text) {
  std::vector<std::byte> bytes(text.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    unsigned value = 0;
    const char* at = text.data() + 2 * i;
    if (std::from_chars(at, at + 2, value, 16).ptr != at + 2) return {};
    bytes[i] = static_cast<std::byte>(value);
  }
  if (text.size() % 2 != 0) return {};
  return bytes;
}

std::string to_text(const ndr::Value& value) {
  std::string out;
  switch (value.kind()) {
    case ndr::ValueKind::kMissing:
      return "(not decoded)";
    case ndr::ValueKind::kNull:
      return "NULL";
    case ndr::ValueKind::kText:
      return '"' + value.text() + '"';
    case ndr::ValueKind::kBool:
      return value.as_bool() ? "true" : "false";
    case ndr::ValueKind::kInt:
      return ndr::append_symbol(out, value) ? out : std::to_string(value.as_int());
    case ndr::ValueKind::kUInt:
      return ndr::append_symbol(out, value) ? out : std::to_string(value.as_uint());
    case ndr::ValueKind::kReal:
      return std::to_string(value.as_real());
    case ndr::ValueKind::kTime:
      ndr::append_filetime(out, value.as_uint());
      return out;
    case ndr::ValueKind::kGuid:
    case ndr::ValueKind::kHandle:
      return value.as_guid().to_string();
    case ndr::ValueKind::kSid:
      if (ndr::append_sid(out, value.bytes(), value.order())) return out;
      break;
    case ndr::ValueKind::kAlias:
      return "(pointer to a value above)";
    default:
      break;
  }
  append_hex(out, value.bytes());
  return out;
}

/// Every leaf, without recursion: a stub may nest values as deep as it is long.
void print(const ndr::Value& root) {
  std::vector<std::string> path;  // of what is open
  ndr::Walker walker;
  walker.start(root);
  while (walker.next()) {
    const ndr::Value& value = walker.value();
    if (walker.event() == ndr::Walker::Event::kClose) {
      path.pop_back();
      continue;
    }
    std::string name = path.empty() ? "" : path.back();
    if (walker.depth() > 0) {
      if (!name.empty()) name += '.';
      name += value.name().empty() ? std::to_string(walker.index()) : std::string(value.name());
    }
    if (walker.event() == ndr::Walker::Event::kOpen) {
      path.push_back(name);
    } else {
      std::printf("%s = %s\n", name.c_str(), to_text(value).c_str());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv, argv + argc);
  if (words.size() != 6 && words.size() != 7) {
    std::fputs("usage: decode_stub UUID VERSION OPNUM request|response HEX [ndr64]\n", stderr);
    return 2;
  }
  const auto uuid = Guid::parse(words[1]);
  const auto version = number(words[2]), opnum = number(words[3]);
  const auto stub = unhex(words[5]);
  if (!uuid || !version || !opnum || !stub) {
    std::fputs("decode_stub: not a UUID, a number or hexadecimal digits\n", stderr);
    return 2;
  }
  const auto half = words[4] == "response" ? ndr::Half::kResponse : ndr::Half::kRequest;
  const bool wide = words.size() == 7 && words[6] == "ndr64";
  const auto syntax = wide ? ndr::Syntax::kNdr64 : ndr::Syntax::kNdr20;

  const LoadedCatalogue loaded = load_catalogue();
  const Interface* iface = loaded.catalogue.find(*uuid, static_cast<std::uint16_t>(*version));
  if (!iface) {
    std::fputs("decode_stub: no interface has this UUID and version\n", stderr);
    return 1;
  }
  const ndr::Codec codec(loaded.catalogue);
  const ndr::Program* program =
      codec.program(*iface, static_cast<std::uint16_t>(*opnum), half, syntax);
  if (!program) {
    std::fputs("decode_stub: the interface describes no such operation\n", stderr);
    return 1;
  }
  std::printf("%s.%s\n", iface->name.c_str(), program->procedure->name.c_str());

  ndr::Tape tape;  // a program that decodes many stubs keeps it, and allocates no more
  const ndr::DecodeResult result = ndr::decode(*program, {.stub = *stub}, tape);
  print(tape.root());
  if (result.complete()) {
    std::printf("complete, %zu of %zu bytes\n", result.consumed, stub->size());
  } else {
    std::printf("stopped at byte %zu in %s: %.*s\n", result.failed_at,
                tape.path(result.failed_entry).c_str(), static_cast<int>(result.reason.size()),
                result.reason.data());
  }
  return result.complete() ? 0 : 1;
}
