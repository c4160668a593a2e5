// Interfaces without an IDL parser, and stubs by hand: `Idl` makes types and procedures, `Wire`
// writes bytes in either order with visible alignment.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ndr/decode.h"

namespace rpcmarshal::ndr::test {

enum Way { kIn = 1, kOut = 2, kInOut = 3 };

struct P {
  Way way;
  std::string name;
  const Type* type;
};

class Idl {
 public:
  Idl() { reset(); }

  const Type* base(BaseType type, std::string name = "") {
    return module_.make_type(std::move(name), BaseShape{type});
  }
  const Type* u8() { return base(BaseType::kUInt8); }
  const Type* byte() { return base(BaseType::kByte); }
  const Type* chr() { return base(BaseType::kChar); }
  const Type* wchar() { return base(BaseType::kWChar); }
  const Type* u16() { return base(BaseType::kUInt16); }
  const Type* i16() { return base(BaseType::kInt16); }
  const Type* u32() { return base(BaseType::kUInt32); }
  const Type* i32() { return base(BaseType::kInt32); }
  const Type* u64() { return base(BaseType::kUInt64); }
  const Type* i64() { return base(BaseType::kInt64); }

  Type* record(std::string name, std::vector<std::pair<std::string, const Type*>> fields) {
    StructShape shape;
    for (auto& [field, type] : fields) {
      shape.fields.emplace_back();
      shape.fields.back().name = field;
      shape.fields.back().type = type;
    }
    return module_.make_type(std::move(name), std::move(shape));
  }
  void add_field(Type* record, std::string name, const Type* type) {
    auto& fields = std::get<StructShape>(record->shape).fields;
    fields.emplace_back();
    fields.back().name = std::move(name);
    fields.back().type = type;
  }
  const Type* pointer(const Type* target, PointerKind kind = PointerKind::kUnique) {
    return module_.make_type("", PointerShape{kind, target});
  }
  const Type* ref(const Type* target) { return pointer(target, PointerKind::kRef); }
  const Type* full(const Type* target) { return pointer(target, PointerKind::kFull); }

  static Dimension conformant(std::string size_is = "") {
    Dimension d;
    d.conformant = true;
    d.size_is = name(size_is);
    return d;
  }
  static Dimension conformant_varying(std::string size_is = "", std::string length_is = "") {
    Dimension d = conformant(std::move(size_is));
    d.varying = true;
    d.length_is = name(length_is);
    return d;
  }
  static Dimension fixed(std::uint64_t count) {
    Dimension d;
    d.fixed = count;
    return d;
  }
  static Dimension fixed_varying(std::uint64_t count) {
    Dimension d = fixed(count);
    d.varying = true;
    return d;
  }
  Type* array(const Type* element, std::vector<Dimension> dimensions, bool string = false) {
    ArrayShape shape;
    shape.element = element;
    shape.dimensions = std::move(dimensions);
    shape.string = string;
    return module_.make_type("", std::move(shape));
  }
  Type* wstring() { return array(wchar(), {conformant_varying()}, true); }
  Type* string() { return array(chr(), {conformant_varying()}, true); }
  const Type* unknown(std::string why) {
    return module_.make_type("", UnknownShape{std::move(why)});
  }
  const Type* handle() { return module_.make_type("", ContextHandleShape{}); }
  const Type* binding() { return module_.make_type("", BindingHandleShape{}); }
  const Type* enumeration(std::string name, std::vector<EnumValue> values, bool v1 = false) {
    const Type* type = module_.make_type(name, EnumShape{v1, std::move(values)});
    module_.named_types[name] = type;
    return type;
  }
  const Type* automation(AutomationKind kind) {
    return module_.make_type("", AutomationShape{kind});
  }
  const Type* interface_pointer(std::string name) {
    return module_.make_type("", InterfacePointerShape{std::move(name)});
  }
  const Type* pipe(const Type* element) { return module_.make_type("", PipeShape{element}); }

  struct Arm {
    std::vector<std::int64_t> cases;
    std::string name;
    const Type* type;
    bool is_default = false;
  };
  Type* choice(const Type* discriminant, std::vector<Arm> arms, bool encapsulated = false) {
    UnionShape shape;
    shape.encapsulated = encapsulated;
    shape.discriminant = discriminant;
    for (Arm& arm : arms) {
      UnionArm& made = shape.arms.emplace_back();
      made.cases = arm.cases;
      made.is_default = arm.is_default;
      made.field.name = arm.name;
      made.field.type = arm.type;
    }
    return module_.make_type("", std::move(shape));
  }
  /// `name` or `*name` as an expression; empty stays empty.
  static Expression name(std::string text) {
    Expression e;
    e.text = text;
    if (text.empty()) return e;
    const bool star = text[0] == '*';
    if (star) text.erase(0, 1);
    e.nodes.push_back({Expression::Op::kName, 0, text});
    if (star) e.nodes.push_back({Expression::Op::kDereference, 0, ""});
    return e;
  }

  /// The procedure under test; call once per Idl.
  Procedure& procedure(std::vector<P> parameters, const Type* result = nullptr) {
    Procedure p;
    p.name = "Probe";
    p.result = result;
    for (P& one : parameters) {
      Parameter& made = p.parameters.emplace_back();
      made.field.name = one.name;
      made.field.type = one.type;
      made.in = (one.way & kIn) != 0;
      made.out = (one.way & kOut) != 0;
    }
    iface_->procedures.push_back(std::move(p));
    return iface_->procedures.back();
  }
  Interface& iface() { return *iface_; }
  Module& module() { return module_; }

  /// Hands the module to a catalogue; no more types after this.
  const Program* program(Half half = Half::kRequest, Syntax syntax = Syntax::kNdr20,
                         std::uint16_t opnum = 0) {
    if (!codec_) {
      catalogue_.add(std::move(module_));
      codec_ = std::make_unique<Codec>(catalogue_);
    }
    return codec_->program(*catalogue_.find(id(), 1), opnum, half, syntax);
  }
  const Catalogue& catalogue() const { return catalogue_; }

 private:
  static Guid id() { return *Guid::parse("11112222-3333-4444-5555-666677778888"); }
  void reset() {
    iface_ = &module_.interfaces.emplace_back();
    iface_->id = {id(), 1, 0};
    iface_->name = "probe";
  }
  Module module_;
  Interface* iface_ = nullptr;
  Catalogue catalogue_;
  std::unique_ptr<Codec> codec_;
};

/// Bytes of a stub. Padding is 0xAA, never zero: nothing may depend on it.
class Wire {
 public:
  explicit Wire(ByteOrder order = ByteOrder::kLittle) : order_(order) {}

  Wire& align(std::size_t n) {
    while (bytes_.size() % n) bytes_.push_back(std::byte{0xAA});
    return *this;
  }
  template <typename T>
  Wire& put(T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      const std::size_t shift = 8 * (order_ == ByteOrder::kLittle ? i : sizeof(T) - 1 - i);
      bytes_.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(value) >> shift));
    }
    return *this;
  }
  Wire& u8(std::uint8_t v) { return put(v); }
  Wire& u16(std::uint16_t v) { return put(v); }
  Wire& u32(std::uint32_t v) { return put(v); }
  Wire& u64(std::uint64_t v) { return put(v); }
  Wire& raw(std::string_view text) {
    for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
    return *this;
  }
  /// 16-bit characters, without a NUL unless `text` has one.
  Wire& text16(std::u16string_view text) {
    for (const char16_t c : text) u16(c);
    return *this;
  }
  /// An NDR20 [string] wchar_t*: counts, characters, NUL.
  Wire& wstring(std::u16string_view text) {
    align(4);
    const auto n = static_cast<std::uint32_t>(text.size() + 1);
    return u32(n).u32(0).u32(n).text16(text).u16(0);
  }
  /// The NDR64 form.
  Wire& wstring64(std::u16string_view text) {
    align(8);
    const auto n = text.size() + 1;
    return u64(n).u64(0).u64(n).text16(text).u16(0);
  }
  Wire& guid(const Guid& g) {
    u32(g.data1).u16(g.data2).u16(g.data3);
    for (const auto b : g.data4) u8(b);
    return *this;
  }
  std::size_t size() const { return bytes_.size(); }
  Bytes bytes() const { return bytes_; }
  std::vector<std::byte>& data() { return bytes_; }

 private:
  ByteOrder order_;
  std::vector<std::byte> bytes_;
};

/// A decode that owns its tape and stub.
struct Decoded {
  Tape tape;
  std::vector<std::byte> stub;
  DecodeResult result;

  Decoded(const Program* program, const Wire& wire, ByteOrder order = ByteOrder::kLittle,
          const Tape* request = nullptr) {
    stub.assign(wire.bytes().begin(), wire.bytes().end());
    DecodeInput input;
    input.stub = stub;
    input.order = order;
    input.request = request;
    result = decode(*program, input, tape);
  }
  Value operator[](std::string_view path) const { return tape.root().find(path); }
  std::string failure() const {
    return std::string(result.reason) + " at " + std::to_string(result.failed_at) + " in " +
           tape.path(result.failed_entry);
  }
};

/// JSON-like text of a value: what a person would expect to see.
inline std::string show(const Value& v) {
  std::string out;
  switch (v.kind()) {
    case ValueKind::kMissing:
      return "?";
    case ValueKind::kNull:
      return "null";
    case ValueKind::kBool:
      return v.as_bool() ? "true" : "false";
    case ValueKind::kInt:
      return std::to_string(v.as_int());
    case ValueKind::kUInt:
      return std::to_string(v.as_uint());
    case ValueKind::kTime:
      return "t" + std::to_string(v.as_uint());
    case ValueKind::kReal:
      return std::to_string(v.as_real());
    case ValueKind::kText:
      return '"' + v.text() + '"';
    case ValueKind::kGuid:
      return v.as_guid().to_string();
    case ValueKind::kAlias:
      return "same";
    case ValueKind::kBytes:
    case ValueKind::kSid:
    case ValueKind::kHandle:
    case ValueKind::kInterface: {
      static const char* digits = "0123456789abcdef";
      for (const std::byte b : v.bytes()) {
        out += digits[std::to_integer<int>(b) >> 4];
        out += digits[std::to_integer<int>(b) & 15];
      }
      return "x" + out;
    }
    case ValueKind::kRecord: {
      out = "{";
      for (const Value child : v) {
        if (out.size() > 1) out += ",";
        out += std::string(child.name()) + ":" + show(child);
      }
      return out + "}";
    }
    case ValueKind::kList: {
      out = "[";
      for (const Value child : v) {
        if (out.size() > 1) out += ",";
        out += show(child);
      }
      return out + "]";
    }
    case ValueKind::kUnion: {
      out = "<" + std::to_string(v.as_int());
      for (const Value child : v) out += " " + std::string(child.name()) + ":" + show(child);
      return out + ">";
    }
  }
  return "!";
}
inline std::string show(const Decoded& d) { return show(d.tape.root()); }

/// The same text by way of a Walker, which reaches children on a path of its own.
inline std::string show_walked(const Value& root) {
  std::string out;
  std::vector<ValueKind> open;
  Walker walker;
  walker.start(root);
  while (walker.next()) {
    const Value& v = walker.value();
    if (walker.event() == Walker::Event::kClose) {
      out += open.back() == ValueKind::kRecord ? '}' : open.back() == ValueKind::kList ? ']' : '>';
      open.pop_back();
      continue;
    }
    if (!open.empty()) {
      if (open.back() == ValueKind::kUnion) {
        out += ' ';
      } else if (walker.index() > 0) {
        out += ',';
      }
      if (open.back() != ValueKind::kList) out += std::string(v.name()) + ":";
    }
    if (walker.event() == Walker::Event::kLeaf) {
      out += show(v);
      continue;
    }
    open.push_back(v.kind());
    out += v.kind() == ValueKind::kRecord ? '{' : v.kind() == ValueKind::kList ? '[' : '<';
    if (v.kind() == ValueKind::kUnion) out += std::to_string(v.as_int());
  }
  return out;
}

}  // namespace rpcmarshal::ndr::test
