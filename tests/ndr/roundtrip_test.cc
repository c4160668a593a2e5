// Random types, random values: what the test encoder writes, the decoder shows.
#include "base/unicode.h"
#include "ndr/encoder.h"

namespace rpcmarshal::ndr::test {
namespace {

/// Makes types that IDL could declare.
class TypeMaker {
 public:
  TypeMaker(Idl& idl, std::uint32_t seed) : idl_(idl), random_(seed) {}

  const Type* parameter() {
    switch (pick(0, 4)) {
      case 0:
        return idl_.ref(referent(3));
      case 1:
        return idl_.pointer(referent(3));
      case 2:
        return idl_.full(referent(3));
      default:
        return plain(2);
    }
  }

 private:
  std::uint32_t pick(std::uint32_t low, std::uint32_t high) {
    return std::uniform_int_distribution<std::uint32_t>(low, high)(random_);
  }
  const Type* base() {
    static constexpr BaseType kAll[] = {
        BaseType::kBoolean,    BaseType::kByte,    BaseType::kChar,     BaseType::kWChar,
        BaseType::kInt8,       BaseType::kUInt8,   BaseType::kInt16,    BaseType::kUInt16,
        BaseType::kInt32,      BaseType::kUInt32,  BaseType::kInt64,    BaseType::kUInt64,
        BaseType::kFloat,      BaseType::kInt3264, BaseType::kUInt3264, BaseType::kDouble,
        BaseType::kErrorStatus};
    return idl_.base(kAll[pick(0, std::size(kAll) - 1)]);
  }
  /// A type whose size is not sent before it: may stand anywhere.
  const Type* plain(int depth) {
    switch (depth > 0 ? pick(0, 9) : pick(0, 2)) {
      default:
        return base();
      case 2:
        return idl_.enumeration("E", {{"A", 1}}, pick(0, 1) != 0);
      case 3:
        return record(depth - 1, false);
      case 4:
        return idl_.array(element(depth - 1), {Idl::fixed(pick(1, 3))});
      case 5:
        return idl_.array(element(depth - 1), {Idl::fixed(pick(1, 3)), Idl::fixed(pick(1, 3))});
      case 6:
        return choice(depth - 1);
      case 7: {
        static constexpr PointerKind kKinds[] = {PointerKind::kUnique, PointerKind::kFull,
                                                 PointerKind::kRef};
        const PointerKind kind = kKinds[pick(0, 2)];
        return idl_.pointer(known_.empty() || kind == PointerKind::kRef || pick(0, 2)
                                ? referent(depth - 1)
                                : known_[pick(0, static_cast<std::uint32_t>(known_.size()) - 1)],
                            kind);
      }
      case 8:
        return idl_.handle();
      case 9:
        return idl_.array(element(depth - 1), {Idl::fixed_varying(pick(1, 4))});
    }
  }
  /// An array of varying arrays is a multi-dimensional array, which has its own cases: so put a
  /// struct between.
  const Type* element(int depth) {
    const Type* type = plain(depth);
    const auto* array = std::get_if<ArrayShape>(&type->shape);
    if (!array || !array->dimensions.back().varying) return type;
    return idl_.record("W", {{"w", type}});
  }
  /// A type that may follow a pointer.
  const Type* referent(int depth) {
    switch (pick(0, 7)) {
      case 0:
        return idl_.array(element(depth - 1), {Idl::conformant()});
      case 1:
        return idl_.array(element(depth - 1), {Idl::conformant_varying()});
      case 2:
        return idl_.wstring();
      case 3:
        return idl_.string();
      case 4:
        return record(depth - 1, true);
      case 5:
        return idl_.array(element(depth - 1), {Idl::conformant(), Idl::conformant()});
      case 6:
        return idl_.array(element(depth - 1),
                          {Idl::conformant_varying(),
                           pick(0, 1) ? Idl::conformant_varying() : Idl::fixed_varying(3)});
      default:
        return plain(depth);
    }
  }
  const Type* record(int depth, bool conformant) {
    Type* out = idl_.record("S", {});
    if (pick(0, 1)) known_.push_back(out);
    const std::uint32_t fields = pick(1, 4);
    for (std::uint32_t i = 0; i < fields; ++i) {
      idl_.add_field(out, "f" + std::to_string(i), plain(depth));
    }
    if (conformant && pick(0, 1)) {
      switch (pick(0, 3)) {
        case 0:
          idl_.add_field(out, "tail", idl_.array(element(depth), {Idl::conformant()}));
          break;
        case 1:
          idl_.add_field(out, "tail", idl_.array(element(depth), {Idl::conformant_varying()}));
          break;
        case 2:
          idl_.add_field(out, "tail",
                         idl_.array(element(depth), {Idl::conformant(), Idl::conformant()}));
          break;
        default:
          idl_.add_field(out, "tail", record(depth, true));
          break;
      }
      // A pointer back to a conformant structure is fine; known_ also serves those.
    }
    return out;
  }
  const Type* choice(int depth) {
    static constexpr BaseType kTypes[] = {BaseType::kUInt8, BaseType::kInt16, BaseType::kUInt16,
                                          BaseType::kUInt32, BaseType::kInt32};
    std::vector<Idl::Arm> arms;
    const std::uint32_t count = pick(1, 4);
    for (std::uint32_t i = 0; i < count; ++i) {
      arms.push_back(
          {{10 * i, 10 * i + 1}, "a" + std::to_string(i), pick(0, 3) ? plain(depth) : nullptr});
    }
    if (pick(0, 1)) arms.push_back({{}, "other", pick(0, 1) ? plain(depth) : nullptr, true});
    const Type* discriminant =
        pick(0, 4) ? idl_.base(kTypes[pick(0, 4)]) : idl_.enumeration("D", {{"X", 0}});
    Type* out = idl_.choice(discriminant, std::move(arms), pick(0, 1) != 0);
    std::get<UnionShape>(out->shape).ms_union = pick(0, 1) != 0;
    return out;
  }

  Idl& idl_;
  std::mt19937 random_;
  std::vector<const Type*> known_;
};

std::string hex(Bytes bytes) {
  std::string out;
  append_hex(out, bytes);
  return out;
}

/// A type as short text, for reading failures.
std::string describe(const Type* type, int depth = 0) {
  if (depth > 6) return "...";
  const auto next = [&](const Type* t) { return t ? describe(t, depth + 1) : std::string("-"); };
  if (const auto* b = std::get_if<BaseShape>(&type->shape))
    return "b" + std::to_string(static_cast<int>(b->type));
  if (const auto* p = std::get_if<PointerShape>(&type->shape))
    return "ruf"[static_cast<int>(p->kind)] + std::string("*") + next(p->target);
  if (const auto* a = std::get_if<ArrayShape>(&type->shape)) {
    std::string out = next(a->element);
    for (const Dimension& d : a->dimensions) {
      out += "[" + std::string(d.conformant ? "c" : std::to_string(d.fixed)) +
             (d.varying ? "v" : "") + "]";
    }
    return out + (a->string ? "s" : "");
  }
  std::string out;
  if (const auto* s = std::get_if<StructShape>(&type->shape)) {
    for (const Field& f : s->fields) out += next(f.type) + ";";
    return "{" + out + "}";
  }
  if (const auto* u = std::get_if<UnionShape>(&type->shape)) {
    for (const UnionArm& arm : u->arms) out += next(arm.field.type) + "|";
    return "<" + next(u->discriminant) + ":" + out + ">";
  }
  return "?" + std::to_string(type->shape.index());
}

class RoundTrip : public ::testing::TestWithParam<std::tuple<Syntax, ByteOrder>> {};

TEST_P(RoundTrip, RandomTypesAndValues) {
  const auto [syntax, order] = GetParam();
  for (std::uint32_t seed = 1; seed <= 800; ++seed) {
    Idl idl;
    TypeMaker maker(idl, seed);
    std::vector<P> parameters;
    for (std::uint32_t i = 0; i < 1 + seed % 3; ++i) {
      parameters.push_back({kInOut, "p" + std::to_string(i), maker.parameter()});
    }
    idl.procedure(parameters, idl.u32());
    const Procedure procedure = idl.iface().procedures[0];
    for (std::uint32_t value = 0; value < 4; ++value) {
      Encoder encoder(syntax, order, seed * 16 + value);
      const Half half = value % 2 ? Half::kResponse : Half::kRequest;
      const std::string expected = encoder.encode(procedure, half);
      const Decoded d(idl.program(half, syntax), encoder.wire(), order);
      ASSERT_TRUE(d.result.complete())
          << "seed " << seed << " value " << value << ": " << d.failure() << "\n"
          << expected;
      std::string types;
      for (const P& p : parameters) types += describe(p.type) + "  ";
      ASSERT_EQ(show(d), expected) << "seed " << seed << " value " << value << " " << types
                                   << " stub " << hex(encoder.wire().bytes());
      ASSERT_EQ(show_walked(d.tape.root()), expected) << "seed " << seed << " value " << value;
      ASSERT_EQ(d.result.trailing, 0u) << "seed " << seed << " value " << value;
      // Cut anywhere: no crash, and what is there is shown.
      const std::size_t cut = seed * 7919 % (encoder.wire().size() + 1);
      Wire part(order);
      part.data().assign(encoder.wire().bytes().begin(),
                         encoder.wire().bytes().begin() + static_cast<std::ptrdiff_t>(cut));
      const Decoded partial(idl.program(half, syntax), part, order);
      if (cut < encoder.wire().size() && partial.result.complete()) {
        // Only a structure's closing gap may be missing.
        EXPECT_LT(encoder.wire().size() - cut, 8u);
      }
      ASSERT_EQ(show_walked(partial.tape.root()), show(partial)) << "seed " << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ndr, RoundTrip,
                         ::testing::Combine(::testing::Values(Syntax::kNdr20, Syntax::kNdr64),
                                            ::testing::Values(ByteOrder::kLittle,
                                                              ByteOrder::kBig)));

}  // namespace
}  // namespace rpcmarshal::ndr::test
