// Stubs against the product's own definitions: a call is named "svcctl.RCreateServiceW", its stub
// is hex (made by another implementation's encoder) or a `Wire` built by hand, and the test says
// what the decoder must show. `show`, `Wire` and `Decoded` are those of the decoder's own tests.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

#include "idl/parser.h"
#include "ndr/build.h"

namespace rpcmarshal::catalogue::test {

using ndr::Codec;
using ndr::Half;
using ndr::Syntax;
using ndr::test::Decoded;
using ndr::test::show;
using ndr::test::Wire;

/// Every file of interfaces/, parsed once per program.
inline const Catalogue& interfaces() {
  static const Catalogue* all = [] {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(RPCM_SOURCE_DIR "/interfaces")) {
      if (entry.path().extension() == ".idl") files.push_back(entry.path());
    }
    auto* catalogue = new Catalogue;
    catalogue->add(idl::parse_files(files).module);
    return catalogue;
  }();
  return *all;
}

/// `half` of a call. Throws std::runtime_error when there is no such typed procedure.
inline Decoded decode(std::string_view call, Half half, const Wire& wire,
                      Syntax syntax = Syntax::kNdr20) {
  static const Codec codec(interfaces());
  const std::size_t dot = call.find('.');
  const Interface* iface = interfaces().find_by_name(call.substr(0, dot));
  if (iface == nullptr) throw std::runtime_error("no interface for " + std::string(call));
  for (const Procedure& procedure : iface->procedures) {
    if (procedure.name != call.substr(dot + 1)) continue;
    const ndr::Program* program = codec.program(*iface, procedure.opnum, half, syntax);
    if (program == nullptr) break;
    return {program, wire};
  }
  throw std::runtime_error("no types for " + std::string(call));
}

/// Bytes from hex digits; white space between them is skipped.
inline Wire hex(std::string_view digits) {
  Wire wire;
  int high = -1;
  for (const char c : digits) {
    if (c == ' ' || c == '\n') continue;
    const int value = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = value;
    } else {
      wire.u8(static_cast<std::uint8_t>(high * 16 + value));
      high = -1;
    }
  }
  return wire;
}

/// All of the stub was used and nothing is missing.
inline ::testing::AssertionResult complete(const Decoded& d) {
  if (!d.result.complete()) return ::testing::AssertionFailure() << d.failure();
  if (d.result.trailing != 0) {
    return ::testing::AssertionFailure() << d.result.trailing << " bytes left over: " << show(d);
  }
  return ::testing::AssertionSuccess();
}

}  // namespace rpcmarshal::catalogue::test
