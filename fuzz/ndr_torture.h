// One procedure per nasty kind of type, and a decode that looks at every value: what the NDR fuzz
// targets share. The first byte of the input picks procedure, half and byte order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "ndr/decode.h"
#include "ndr/format.h"

namespace rpcmarshal::ndr {

class Torture {
 public:
  Torture() {
    const Type* u8 = base(BaseType::kUInt8);
    const Type* u16 = base(BaseType::kUInt16);
    const Type* u32 = base(BaseType::kUInt32);
    const Type* u64 = base(BaseType::kUInt64);
    const Type* text = array(base(BaseType::kWChar), {{true, true, 0, {}, {}}}, true);
    const Type* narrow = array(base(BaseType::kChar), {{true, true, 0, {}, {}}}, true);

    Type* node = record("NODE", {{"v", u32}, {"name", pointer(text)}});
    add(node, "next", pointer(node));
    Type* ring = record("RING", {{"v", u16}});
    add(ring, "left", pointer(ring, PointerKind::kFull));
    add(ring, "right", pointer(ring, PointerKind::kFull));
    const Type* bytes = array(u8, {{true, false, 0, name("n"), {}}});
    const Type* tail = record("TAIL", {{"h", u64}, {"n", u32}, {"d", bytes}});
    const Type* nested = record("NESTED", {{"p", pointer(tail)}, {"t", tail}});
    const Type* counted =
        record("RPC_UNICODE_STRING",
               {{"Length", u16},
                {"MaximumLength", u16},
                {"Buffer", pointer(array(base(BaseType::kWChar), {{true, true, 0, {}, {}}}))}});
    const Type* sid =
        record("RPC_SID",
               {{"Revision", u8},
                {"SubAuthorityCount", u8},
                {"IdentifierAuthority", array(base(BaseType::kByte), {{false, false, 6, {}, {}}})},
                {"SubAuthority", array(u32, {{true, false, 0, {}, {}}})}});
    Type* choice = module_.make_type("", UnionShape{});
    auto& shape = std::get<UnionShape>(choice->shape);
    shape.discriminant = u16;
    arm(shape, 0, "node", pointer(node));
    arm(shape, 1, "tail", pointer(tail));
    arm(shape, 2, "big", u64);
    arm(shape, 3, "none", nullptr);
    const Type* variant = module_.make_type("", AutomationShape{AutomationKind::kVariant});
    const Type* bstr = module_.make_type("", AutomationShape{AutomationKind::kBstr});
    const Type* grid = array(pointer(narrow), {{true, true, 0, {}, {}}, {true, true, 0, {}, {}}});
    const Type* flat =
        array(u16, {{true, false, 0, {}, {}}, {true, false, 0, {}, {}}, {true, false, 0, {}, {}}});
    const Type* empties = array(record("EMPTY", {}), {{true, false, 0, {}, {}}});
    const Type* wrapped = pointer(u32);
    for (int i = 0; i < 40; ++i) wrapped = record("W", {{"w", wrapped}});

    procedure({ref(node), pointer(ring), ref(nested), u64});
    procedure({array(choice, {{false, false, 3, {}, {}}}),
               pointer(array(choice, {{true, false, 0, {}, {}}}))});
    procedure({ref(variant), pointer(array(variant, {{true, false, 0, {}, {}}})), bstr, u32});
    procedure({ref(grid), pointer(flat), pointer(empties),
               ref(array(wrapped, {{true, false, 0, {}, {}}}))});
    procedure({ref(counted), pointer(sid), ref(array(counted, {{true, true, 0, {}, {}}})),
               pointer(narrow)});
    procedure({ref(module_.make_type("", PipeShape{u16})), u32,
               module_.make_type("", InterfacePointerShape{"IUnknown"})},
              true);
    catalogue_.add(std::move(module_));
  }

  void run(Syntax syntax, const std::uint8_t* data, std::size_t size) {
    if (size == 0) return;
    const unsigned choice = *data;
    const Interface& iface = *catalogue_.all().front();
    const Half half = choice & 1 ? Half::kResponse : Half::kRequest;
    const Program* program = codec_.program(
        iface, static_cast<std::uint16_t>((choice >> 3) % iface.procedures.size()), half, syntax);
    DecodeInput input;
    input.stub = {reinterpret_cast<const std::byte*>(data) + 1, size - 1};
    input.order = choice & 2 ? ByteOrder::kBig : ByteOrder::kLittle;
    input.ebcdic = (choice & 4) != 0;
    input.request = half == Half::kResponse ? &previous_ : nullptr;
    const DecodeResult result = decode(*program, input, tape_);
    require(result.consumed <= input.stub.size());
    require(result.complete() || !result.reason.empty());
    require(tape_.entry_count() <= 4096 + 4 * input.stub.size());
    if (!result.complete()) (void)tape_.path(result.failed_entry);
    for (const Mismatch& m : tape_.mismatches()) (void)tape_.path(m.entry);
    walker_.start(tape_.root());
    std::size_t open = 0;
    while (walker_.next()) {
      const Value& v = walker_.value();
      out_.clear();
      v.append_text(out_);
      append_symbol(out_, v);
      if (v.kind() == ValueKind::kSid) append_sid(out_, v.bytes(), v.order());
      if (v.kind() == ValueKind::kBytes) append_security_descriptor(out_, v.bytes());
      sum_ += static_cast<std::uint64_t>(v.as_int()) + v.bytes().size() + v.target().offset() +
              v.counted_length();
      if (walker_.event() == Walker::Event::kOpen) ++open;
      if (walker_.event() == Walker::Event::kClose) --open;
    }
    require(open == 0);
  }

 private:
  static void require(bool condition) {
    if (!condition) std::abort();
  }
  const Type* base(BaseType type) { return module_.make_type("", BaseShape{type}); }
  const Type* pointer(const Type* to, PointerKind kind = PointerKind::kUnique) {
    return module_.make_type("", PointerShape{kind, to});
  }
  const Type* ref(const Type* to) { return pointer(to, PointerKind::kRef); }
  const Type* array(const Type* element, std::vector<Dimension> dimensions, bool string = false) {
    return module_.make_type("", ArrayShape{element, std::move(dimensions), string, {}});
  }
  static Expression name(const char* text) {
    Expression e;
    e.nodes.push_back({Expression::Op::kName, 0, text});
    return e;
  }
  Type* record(const char* tag, std::vector<std::pair<const char*, const Type*>> fields) {
    Type* out = module_.make_type(tag, StructShape{});
    for (const auto& [field, type] : fields) add(out, field, type);
    return out;
  }
  static void add(Type* to, const char* field, const Type* type) {
    auto& made = std::get<StructShape>(to->shape).fields.emplace_back();
    made.name = field;
    made.type = type;
  }
  static void arm(UnionShape& shape, std::int64_t label, const char* field, const Type* type) {
    UnionArm& made = shape.arms.emplace_back();
    made.cases = {label};
    made.field.name = field;
    made.field.type = type;
  }
  void procedure(std::vector<const Type*> types, bool object = false) {
    if (module_.interfaces.empty()) {
      Interface& iface = module_.interfaces.emplace_back();
      iface.id = {Guid{1, 2, 3, {}}, 1, 0};
      iface.name = "torture";
    }
    Interface& iface = module_.interfaces.front();
    Procedure p;
    p.name = "P";
    p.opnum = static_cast<std::uint16_t>(iface.procedures.size());
    p.object = object;
    p.result = base(BaseType::kUInt32);
    for (const Type* type : types) {
      Parameter& made = p.parameters.emplace_back();
      made.field.name = "p" + std::to_string(p.parameters.size());
      made.field.type = type;
      made.in = made.out = true;
    }
    iface.procedures.push_back(std::move(p));
  }

  Module module_;
  Catalogue catalogue_;
  Codec codec_{catalogue_};
  Tape tape_, previous_;
  Walker walker_;
  std::string out_;
  std::uint64_t sum_ = 0;
};

}  // namespace rpcmarshal::ndr
