// How a value is to be shown to people and rules, decided once for every writer: symbolic names,
// SIDs, times, registry data by its type, secrets withheld. A writer only has to put the form it is
// given into its own syntax.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "interface/model.h"
#include "ndr/value.h"

namespace rpcmarshal {

struct PresentOptions {
  bool show_secrets = false;  ///< otherwise arguments marked semantic("secret") are withheld
};

/// A leaf in the form to show. `text` and `list` are valid until the presenter's next present().
struct Presented {
  enum class Form : std::uint8_t {
    kNull,
    kMissing,
    kBool,       ///< number
    kSigned,     ///< number
    kUnsigned,   ///< number
    kReal,       ///< real
    kText,       ///< text: UTF-8 (or WTF-8), as sent
    kUtf16,      ///< bytes, order: text as sent, not converted yet
    kSymbol,     ///< text: a name that stands for number; `number` is the value
    kStatus,     ///< number, and text: its name, possibly empty
    kNotation,   ///< text in a usual notation: GUID, SID, time, SDDL
    kBytes,      ///< bytes
    kRedacted,   ///< text: "<redacted 16 bytes>"
    kList,       ///< list of texts (REG_MULTI_SZ)
    kHandle,     ///< text: the GUID; bytes: all 20
    kInterface,  ///< bytes: the OBJREF
    kAlias,      ///< a full pointer to a value already shown
  };
  Form form = Form::kNull;
  std::int64_t number = 0;
  double real = 0;
  std::string_view text;
  Bytes bytes;
  ByteOrder order = ByteOrder::kLittle;
  const std::vector<std::string>* list = nullptr;
};

class Presenter {
 public:
  explicit Presenter(PresentOptions options = {}) : options_(options) {}

  /// `leaf` is no record, list or union (those whose whole is withheld apart, see withheld()).
  /// `root` (and `other_root`, the call's other half, or a default Value) is where
  /// semantic("registry_data(lpType)") finds the type.
  Presented present(const ndr::Value& leaf, const ndr::Value& root, const ndr::Value& other_root);

  /// Whether a record, list or union is marked secret and must not be shown.
  bool withheld(const ndr::Value& value) const {
    return !options_.show_secrets && value.display().semantic == "secret";
  }

 private:
  bool address(const ndr::Value& leaf);
  Presented bytes(const ndr::Value& leaf, const ndr::Value& root, const ndr::Value& other_root);
  Presented registry_data(Bytes data, std::uint32_t type);

  PresentOptions options_;
  std::string text_;
  std::vector<std::string> list_;
};

/// Name of a status code, or empty.
std::string_view status_name(ndr::StatusKind kind, std::uint32_t code);

}  // namespace rpcmarshal
