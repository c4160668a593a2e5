// IWbemContext: named values that a WMI client passes along with a call ([MS-WMI] 2.2.13), which
// provider to ask (32 or 64 bits), a correlation GUID, the locale. Travels by value in a custom
// OBJREF of clsid_wbem_context(), little-endian, without padding.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace rpcmarshal::dcom {

struct ContextValue {
  enum class Kind : std::uint8_t { kNull, kBool, kInt, kUInt, kReal, kText, kObject, kList };
  Kind kind = Kind::kNull;
  std::uint64_t bits = 0;            ///< number (kInt: sign-extended; kReal: of a double)
  Bytes text;                        ///< UTF-16LE; kObject: an EncodingUnit ([MS-WMIO] 2.2.1)
  std::uint32_t begin = 0, end = 0;  ///< kList: its elements, in WbemContext::elements
};

/// Texts refer to the decoded bytes.
class WbemContext {
 public:
  static constexpr std::size_t kMaxValues = 4096;  ///< of properties and elements together
  struct Property {
    Bytes name;  ///< UTF-16LE
    ContextValue value;
  };

  /// True when all was read; otherwise what came before is there, and `reason` says why it ends.
  bool decode(Bytes bytes);

  std::vector<Property> properties;
  std::vector<ContextValue> elements;
  std::string_view reason;
};

}  // namespace rpcmarshal::dcom
