// The product's own interface definitions, as the IDL front end delivers them: every typed
// procedure compiles to something that can be decoded, in both halves and syntaxes.
#include <filesystem>
#include <set>

#include "idl/parser.h"
#include "ndr/encoder.h"

namespace rpcmarshal::ndr::test {
namespace {

std::vector<std::filesystem::path> definitions() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(RPCM_SOURCE_DIR "/interfaces")) {
    if (entry.path().extension() == ".idl") out.push_back(entry.path());
  }
  return out;
}

TEST(NdrInterfaces, EveryTypedProcedureCompiles) {
  idl::ParseResult parsed = idl::parse_files(definitions());
  Catalogue catalogue;
  catalogue.add(std::move(parsed.module));
  const Codec codec(catalogue);
  std::size_t programs = 0, nodes = 0;
  std::set<std::string> holes;
  for (const Interface* iface : catalogue.all()) {
    for (const Procedure& procedure : iface->procedures) {
      for (const Half half : {Half::kRequest, Half::kResponse}) {
        for (const Syntax syntax : {Syntax::kNdr20, Syntax::kNdr64}) {
          const Program* program = codec.program(*iface, procedure.opnum, half, syntax);
          if (!program) continue;
          ++programs;
          nodes += program->nodes.size();
          for (const Node& n : program->nodes) {
            if (n.op == Op::kUnknown && !n.why.empty()) {
              holes.insert(iface->name + "." + procedure.name + "." + std::string(n.name) + ": " +
                           std::string(n.why));
            }
          }
        }
      }
    }
  }
  EXPECT_GT(programs, 500u);
  EXPECT_GT(nodes, programs);
  std::string text;
  for (const std::string& hole : holes) text += hole + "\n";
  EXPECT_EQ(holes.size(), 0u) << text;
}

/// Whether the test encoder knows every type that `type` leads to.
bool encodable(const Type* type, std::set<const Type*>& seen) {
  if (!type || !seen.insert(type).second) return true;
  if (const auto* p = std::get_if<PointerShape>(&type->shape)) return encodable(p->target, seen);
  if (const auto* a = std::get_if<ArrayShape>(&type->shape)) {
    return !std::holds_alternative<ArrayShape>(a->element->shape) && encodable(a->element, seen);
  }
  if (const auto* s = std::get_if<StructShape>(&type->shape)) {
    for (const Field& f : s->fields) {
      if (f.ignore || !encodable(f.type, seen)) return false;
    }
    return true;
  }
  if (const auto* u = std::get_if<UnionShape>(&type->shape)) {
    for (const UnionArm& arm : u->arms) {
      if (!encodable(arm.field.type, seen)) return false;
    }
    return true;
  }
  return std::holds_alternative<BaseShape>(type->shape) ||
         std::holds_alternative<EnumShape>(type->shape) ||
         std::holds_alternative<ContextHandleShape>(type->shape);
}

// Real types, random values: stubs of the real procedures decode to their last byte.
TEST(NdrInterfaces, RandomCallsDecodeCompletely) {
  idl::ParseResult parsed = idl::parse_files(definitions());
  Catalogue catalogue;
  catalogue.add(std::move(parsed.module));
  const Codec codec(catalogue);
  std::size_t decoded = 0;
  std::uint32_t seed = 0;
  for (const Interface* iface : catalogue.all()) {
    for (const Procedure& procedure : iface->procedures) {
      std::set<const Type*> seen;
      bool good = procedure.typed && !procedure.reserved && !procedure.object && procedure.result;
      for (const Parameter& p : procedure.parameters) good = good && encodable(p.field.type, seen);
      if (!good) continue;
      for (const Half half : {Half::kRequest, Half::kResponse}) {
        for (const Syntax syntax : {Syntax::kNdr20, Syntax::kNdr64}) {
          const Program* program = codec.program(*iface, procedure.opnum, half, syntax);
          if (!program) continue;
          Encoder encoder(syntax, ByteOrder::kLittle, ++seed);
          encoder.encode(procedure, half);
          const Decoded d(program, encoder.wire());
          ASSERT_TRUE(d.result.complete())
              << iface->name << "." << procedure.name << ": " << d.failure();
          ASSERT_EQ(d.result.trailing, 0u) << iface->name << "." << procedure.name;
          ++decoded;
        }
      }
    }
  }
  EXPECT_GT(decoded, 500u);
}

}  // namespace
}  // namespace rpcmarshal::ndr::test
