#include "event/present.h"

#include "base/unicode.h"
#include "interface/status.h"
#include "ndr/format.h"

namespace rpcmarshal {
namespace {

using Form = Presented::Form;

// Registry value types ([MS-RRP] 3.1.1.5).
constexpr std::uint32_t kRegSz = 1, kRegExpandSz = 2, kRegDword = 4, kRegDwordBig = 5, kRegLink = 6,
                        kRegMultiSz = 7, kRegQword = 11;

}  // namespace

std::string_view status_name(ndr::StatusKind kind, std::uint32_t code) {
  switch (kind) {
    case ndr::StatusKind::kWin32:
      return win32_name(code);
    case ndr::StatusKind::kNtStatus:
      return ntstatus_name(code);
    case ndr::StatusKind::kHResult:
      return hresult_name(code);
    case ndr::StatusKind::kNone:
      break;
  }
  return {};
}

Presented Presenter::present(const ndr::Value& leaf, const ndr::Value& root,
                             const ndr::Value& other_root) {
  using Kind = ndr::ValueKind;
  Presented shown;
  const ndr::Display& display = leaf.display();
  const Kind kind = leaf.kind();
  if (kind == Kind::kNull || kind == Kind::kMissing) {
    shown.form = kind == Kind::kNull ? Form::kNull : Form::kMissing;
    return shown;
  }
  if (!display.semantic.empty() && withheld(leaf)) {
    text_ = "<redacted " + std::to_string(leaf.bytes().size()) + " bytes>";
    shown.form = Form::kRedacted;
    shown.text = text_;
    return shown;
  }
  switch (kind) {
    case Kind::kBool:
      shown.form = Form::kBool;
      shown.number = leaf.as_int();
      return shown;
    case Kind::kInt:
    case Kind::kUInt:
      shown.number = leaf.as_int();
      if (display.status != ndr::StatusKind::kNone) {
        shown.form = Form::kStatus;
        shown.number = static_cast<std::uint32_t>(shown.number);
        shown.text = status_name(display.status, static_cast<std::uint32_t>(shown.number));
        return shown;
      }
      if (!display.semantic.empty() && address(leaf)) {
        shown.form = Form::kNotation;
        shown.text = text_;
        return shown;
      }
      text_.clear();
      if ((display.values || display.hex) && ndr::append_symbol(text_, leaf)) {
        shown.form = Form::kSymbol;
        shown.text = text_;
        return shown;
      }
      shown.form = kind == Kind::kInt ? Form::kSigned : Form::kUnsigned;
      return shown;
    case Kind::kReal:
      shown.form = Form::kReal;
      shown.real = leaf.as_real();
      return shown;
    case Kind::kText:
      if (leaf.is_text16()) {
        shown.form = Form::kUtf16;
        shown.bytes = leaf.bytes();
        shown.order = leaf.order();
        return shown;
      }
      text_.clear();
      leaf.append_text(text_);
      shown.form = Form::kText;
      shown.text = text_;
      return shown;
    case Kind::kGuid:
      text_ = leaf.as_guid().to_string();
      shown.form = Form::kNotation;
      shown.text = text_;
      return shown;
    case Kind::kSid:
    case Kind::kTime:
      text_.clear();
      if (kind == Kind::kTime) {
        ndr::append_filetime(text_, leaf.as_uint());
      } else if (!ndr::append_sid(text_, leaf.bytes(), leaf.order())) {
        shown.form = Form::kBytes;
        shown.bytes = leaf.bytes();
        return shown;
      }
      shown.form = Form::kNotation;
      shown.text = text_;
      return shown;
    case Kind::kHandle:
      text_ = leaf.as_guid().to_string();
      shown.form = Form::kHandle;
      shown.text = text_;
      shown.bytes = leaf.bytes();
      return shown;
    case Kind::kInterface:
      shown.form = Form::kInterface;
      shown.bytes = leaf.bytes();
      return shown;
    case Kind::kAlias:
      shown.form = Form::kAlias;
      return shown;
    default:
      return bytes(leaf, root, other_root);
  }
}

/// An Internet address kept as an integer, into text_; false when it is none.
bool Presenter::address(const ndr::Value& leaf) {
  const std::string_view semantic = leaf.display().semantic;
  const bool in_network_order = semantic == "ipv4_network";
  if (!in_network_order && semantic != "ipv4") return false;
  const std::uint64_t number = leaf.as_uint();
  if (leaf.kind() != ndr::ValueKind::kUInt || number > 0xffffffff) return false;
  text_.clear();
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned shift = 8 * (in_network_order ? i : 3 - i);
    if (i > 0) text_ += '.';
    text_ += std::to_string(number >> shift & 0xff);
  }
  return true;
}

Presented Presenter::bytes(const ndr::Value& leaf, const ndr::Value& root,
                           const ndr::Value& other_root) {
  Presented shown;
  shown.form = Form::kBytes;
  shown.bytes = leaf.bytes();
  const std::string_view semantic = leaf.display().semantic;
  if (semantic.empty()) return shown;
  text_.clear();
  if (semantic == "security_descriptor") {
    if (ndr::append_security_descriptor(text_, shown.bytes)) {
      shown.form = Form::kNotation;
      shown.text = text_;
    }
  } else if (semantic == "multi_sz") {
    return registry_data(shown.bytes, kRegMultiSz);
  } else if (semantic == "utf16" || semantic == "path" || semantic == "command" ||
             semantic == "xml" || semantic == "registry_path") {
    return registry_data(shown.bytes, kRegSz);
  } else if (semantic == "ascii") {
    append_utf8_latin1(text_, shown.bytes);
    while (!text_.empty() && text_.back() == '\0') text_.pop_back();
    shown.form = Form::kText;
    shown.text = text_;
  } else if (semantic == "sid") {
    if (ndr::append_sid(text_, shown.bytes)) {
      shown.form = Form::kNotation;
      shown.text = text_;
    }
  } else if (semantic.starts_with("registry_data")) {
    const std::string_view name = leaf.display().registry_type;
    ndr::Value type = name.empty() ? ndr::Value() : root.find(name);
    if (type.is_missing() && !name.empty()) type = other_root.find(name);
    if (type.kind() == ndr::ValueKind::kUInt || type.kind() == ndr::ValueKind::kInt) {
      return registry_data(shown.bytes, static_cast<std::uint32_t>(type.as_uint()));
    }
  }
  return shown;
}

// Registry data is little-endian whatever the data representation: it is opaque to NDR.
Presented Presenter::registry_data(Bytes data, std::uint32_t type) {
  Presented shown;
  shown.form = Form::kBytes;
  shown.bytes = data;
  switch (type) {
    case kRegSz:
    case kRegExpandSz:
    case kRegLink:
      if (data.size() % 2 != 0) return shown;
      while (data.size() >= 2 &&
             load<std::uint16_t>(data.data() + data.size() - 2, ByteOrder::kLittle) == 0) {
        data = data.first(data.size() - 2);
      }
      shown.form = Form::kUtf16;
      shown.bytes = data;
      return shown;
    case kRegDword:
    case kRegDwordBig:
      if (data.size() != 4) return shown;
      shown.form = Form::kUnsigned;
      shown.number = load<std::uint32_t>(data.data(),
                                         type == kRegDword ? ByteOrder::kLittle : ByteOrder::kBig);
      return shown;
    case kRegQword:
      if (data.size() != 8) return shown;
      shown.form = Form::kUnsigned;
      shown.number =
          static_cast<std::int64_t>(load<std::uint64_t>(data.data(), ByteOrder::kLittle));
      return shown;
    case kRegMultiSz: {
      if (data.size() % 2 != 0) return shown;
      list_.clear();
      std::size_t start = 0;
      for (std::size_t at = 0; at + 1 < data.size(); at += 2) {
        if (load<std::uint16_t>(data.data() + at, ByteOrder::kLittle) != 0) continue;
        if (at > start) append_utf8(list_.emplace_back(), data.subspan(start, at - start));
        start = at + 2;
      }
      if (start < data.size()) append_utf8(list_.emplace_back(), data.subspan(start));
      shown.form = Form::kList;
      shown.list = &list_;
      return shown;
    }
    default:
      return shown;
  }
}

}  // namespace rpcmarshal
