// The interface definitions in interfaces/: they parse without a diagnostic, and what they say
// about themselves holds together.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "idl/parser.h"
#include "interface/status.h"

namespace rpcmarshal {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> definition_files() {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(RPCM_SOURCE_DIR "/interfaces")) {
    if (entry.path().extension() == ".idl") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

struct Definitions {
  Catalogue catalogue;
  /// Every interface as its file declares it, before merging. Owned by `catalogue`'s modules.
  std::vector<std::pair<std::string, std::string>> diagnostics;  ///< file, message
};

const Definitions& definitions() {
  static const Definitions* all = [] {
    auto* d = new Definitions;
    for (const fs::path& file : definition_files()) {
      idl::ParseResult parsed = idl::parse_file(file);
      for (const idl::Diagnostic& diagnostic : parsed.diagnostics) {
        d->diagnostics.emplace_back(file.filename().string(), diagnostic.to_string());
      }
      d->catalogue.add(std::move(parsed.module));
    }
    return d;
  }();
  return *all;
}

std::string where(const Interface& interface, const Procedure& procedure) {
  return interface.document + " " + interface.name + "." + procedure.name + " (opnum " +
         std::to_string(procedure.opnum) + ")";
}

/// Calls `visit(annotations, description)` for everything in a procedure that can be annotated.
void visit_annotations(const Interface& interface, const Procedure& procedure,
                       const std::function<void(const Annotations&, const std::string&)>& visit) {
  const std::string base = where(interface, procedure);
  visit(procedure.annotations, base);
  visit(procedure.result_annotations, base + " result");
  std::set<const Type*> seen;
  std::vector<std::pair<const Type*, std::string>> todo;
  for (const Parameter& parameter : procedure.parameters) {
    visit(parameter.field.annotations, base + " " + parameter.field.name);
    todo.emplace_back(parameter.field.type, base + " " + parameter.field.name);
  }
  todo.emplace_back(procedure.result, base + " result");
  while (!todo.empty()) {
    const auto [type, path] = todo.back();
    todo.pop_back();
    if (type == nullptr || !seen.insert(type).second) continue;
    visit(type->annotations, path + ":" + type->name);
    if (const auto* s = std::get_if<StructShape>(&type->shape)) {
      for (const Field& field : s->fields) {
        visit(field.annotations, path + "." + field.name);
        todo.emplace_back(field.type, path + "." + field.name);
      }
    } else if (const auto* u = std::get_if<UnionShape>(&type->shape)) {
      for (const UnionArm& arm : u->arms) {
        visit(arm.field.annotations, path + "." + arm.field.name);
        todo.emplace_back(arm.field.type, path + "." + arm.field.name);
      }
    } else if (const auto* p = std::get_if<PointerShape>(&type->shape)) {
      todo.emplace_back(p->target, path);
    } else if (const auto* a = std::get_if<ArrayShape>(&type->shape)) {
      todo.emplace_back(a->element, path);
    } else if (const auto* pipe = std::get_if<PipeShape>(&type->shape)) {
      todo.emplace_back(pipe->element, path);
    }
  }
}

bool is_reserved_name(const std::string& name) {
  return name.find("NotUsedOnWire") != std::string::npos ||
         name.find("NotImplemented") != std::string::npos;
}

/// What documents that share an interface call each other's slots: "Lsar_LSA_TM_14".
bool is_placeholder_name(const std::string& name) { return name.rfind("Lsar_LSA_", 0) == 0; }

TEST(CatalogueTest, ParsesWithoutDiagnostics) {
  EXPECT_GE(definition_files().size(), 9u);
  for (const auto& [file, message] : definitions().diagnostics) {
    ADD_FAILURE() << file << ": " << message;
  }
}

TEST(CatalogueTest, EveryInterfaceSaysWhatItIs) {
  for (const Interface* interface : definitions().catalogue.all()) {
    EXPECT_FALSE(interface->document.empty()) << interface->name;
    EXPECT_FALSE(interface->annotations.value("about").empty()) << interface->name;
    EXPECT_FALSE(interface->procedures.empty()) << interface->name;
  }
}

TEST(CatalogueTest, OpnumsAreContiguousAndTyped) {
  for (const Interface* interface : definitions().catalogue.all()) {
    for (std::size_t i = 0; i < interface->procedures.size(); ++i) {
      const Procedure& procedure = interface->procedures[i];
      EXPECT_EQ(procedure.opnum, i) << where(*interface, procedure);
      EXPECT_TRUE(procedure.typed) << where(*interface, procedure) << ": " << procedure.untyped_why;
      // IUnknown's three never travel: IRemUnknown does their work.
      const bool unknown_slot = interface->object && i < 3;
      EXPECT_EQ(procedure.reserved, unknown_slot || is_reserved_name(procedure.name))
          << where(*interface, procedure);
    }
  }
}

TEST(CatalogueTest, EnumsNamedByAnnotationsExist) {
  const Catalogue& catalogue = definitions().catalogue;
  std::set<std::string> missing;
  for (const Interface* interface : catalogue.all()) {
    for (const Procedure& procedure : interface->procedures) {
      visit_annotations(*interface, procedure,
                        [&](const Annotations& annotations, const std::string& path) {
                          for (const Annotation& a : annotations.items) {
                            if (a.name != "flags" && a.name != "values") continue;
                            EXPECT_FALSE(a.arguments.empty()) << path;
                            for (const std::string& name : a.arguments) {
                              if (!catalogue.find_values(name))
                                missing.insert(name + " at " + path);
                            }
                          }
                        });
    }
  }
  for (const std::string& m : missing) ADD_FAILURE() << "no enum " << m;
}

TEST(CatalogueTest, AnnotationsAreKnownWords) {
  static const std::map<std::string, std::set<std::string>> kKnown = {
      {"severity", {"info", "low", "medium", "high"}},
      {"status", {"win32", "ntstatus", "hresult"}},
      {"semantic",
       {"path",
        "command",
        "host",
        "user",
        "secret",
        "xml",
        "registry_path",
        "security_descriptor",
        "multi_sz",
        "utf16",
        "ascii",
        "filetime",
        "ipv4",
        "ipv4_network",
        "registry_data",
        "service",
        "task",
        "url",
        "sid",
        "tower",
        "server",
        "bindings",
        "dsname",
        "prefix_table",
        "attribute_set",
        "attribute",
        "service_config",
        "print_driver",
        "print_drivers",
        "certificate_request",
        "certificate_attributes",
        "dns_record",
        "dns_nodes"}}};
  static const std::set<std::string> kFree = {"about",    "alias",  "alias_uuid", "attack",
                                              "document", "flags",  "hex",        "label",
                                              "siblings", "values", "why",        "zeek"};
  for (const Interface* interface : definitions().catalogue.all()) {
    for (const Procedure& procedure : interface->procedures) {
      visit_annotations(
          *interface, procedure, [&](const Annotations& annotations, const std::string& path) {
            for (const Annotation& a : annotations.items) {
              const auto known = kKnown.find(a.name);
              if (known == kKnown.end()) {
                EXPECT_TRUE(kFree.contains(a.name)) << path << ": " << a.name;
              } else if (a.arguments.empty() || !known->second.contains(a.arguments[0])) {
                ADD_FAILURE() << path << ": " << a.name;
              }
            }
          });
    }
  }
}

TEST(CatalogueTest, SiblingsExistAndAttackIdsAreWellFormed) {
  std::set<std::string> names;
  for (const Interface* interface : definitions().catalogue.all()) {
    for (const Procedure& procedure : interface->procedures) names.insert(procedure.name);
  }
  for (const Interface* interface : definitions().catalogue.all()) {
    for (const Procedure& procedure : interface->procedures) {
      if (const Annotation* siblings = procedure.annotations.find("siblings")) {
        for (const std::string& name : siblings->arguments) {
          EXPECT_TRUE(names.contains(name)) << where(*interface, procedure) << " names " << name;
          EXPECT_NE(name, procedure.name);
        }
      }
      if (const Annotation* attack = procedure.annotations.find("attack")) {
        for (const std::string& id : attack->arguments) {
          const bool plain = id.size() == 5, sub = id.size() == 9 && id[5] == '.';
          EXPECT_TRUE(id[0] == 'T' && (plain || sub)) << where(*interface, procedure) << id;
        }
      }
      // Whoever calls something dangerous says why.
      if (!procedure.annotations.value("severity").empty()) {
        EXPECT_FALSE(procedure.annotations.value("why").empty()) << where(*interface, procedure);
      }
    }
  }
}

// Whoever is told that A does what B does is told the same of B. Between interfaces (and between a
// COM interface and the one it inherits from) the older one need not know the newer.
TEST(CatalogueTest, SiblingsInOneInterfaceAreMutual) {
  for (const Interface* interface : definitions().catalogue.all()) {
    if (interface->object) continue;
    std::map<std::string, const Procedure*> own;
    for (const Procedure& procedure : interface->procedures) own[procedure.name] = &procedure;
    for (const Procedure& procedure : interface->procedures) {
      const Annotation* siblings = procedure.annotations.find("siblings");
      if (siblings == nullptr) continue;
      for (const std::string& name : siblings->arguments) {
        const auto other = own.find(name);
        if (other == own.end()) continue;
        const Annotation* back = other->second->annotations.find("siblings");
        EXPECT_TRUE(back &&
                    std::ranges::find(back->arguments, procedure.name) != back->arguments.end())
            << where(*interface, procedure) << " names " << name << ", which does not name it";
      }
    }
  }
}

/// The names in an expression.
std::vector<std::string> names_in(const Expression& expression) {
  std::vector<std::string> names;
  for (const Expression::Node& node : expression.nodes) {
    if (node.op == Expression::Op::kName) names.push_back(node.name);
  }
  return names;
}

/// The dimensions of the arrays that `type` reaches through pointers alone.
void collect_expressions(const Type* type, std::vector<const Expression*>* out) {
  for (int depth = 0; type != nullptr && depth < 8; ++depth) {
    if (const auto* p = std::get_if<PointerShape>(&type->shape)) {
      type = p->target;
    } else if (const auto* a = std::get_if<ArrayShape>(&type->shape)) {
      for (const Dimension& d : a->dimensions) {
        out->push_back(&d.size_is);
        out->push_back(&d.length_is);
      }
      type = a->element;
    } else {
      return;
    }
  }
}

void expect_resolvable(const std::string& path, const Field& field,
                       const std::set<std::string>& scope,
                       const std::set<std::string>& parameters) {
  std::vector<const Expression*> expressions = {&field.switch_is, &field.iid_is};
  collect_expressions(field.type, &expressions);
  for (const Expression* expression : expressions) {
    for (const std::string& name : names_in(*expression)) {
      EXPECT_TRUE(scope.contains(name) || parameters.contains(name))
          << path << "." << field.name << " refers to " << name;
    }
  }
}

TEST(CatalogueTest, SizesAndSwitchesReferToFieldsThatExist) {
  for (const Interface* interface : definitions().catalogue.all()) {
    for (const Procedure& procedure : interface->procedures) {
      std::set<std::string> parameters;
      for (const Parameter& p : procedure.parameters) parameters.insert(p.field.name);
      std::set<const Type*> seen;
      std::vector<const Type*> todo;
      for (const Parameter& p : procedure.parameters) {
        expect_resolvable(where(*interface, procedure), p.field, parameters, parameters);
        todo.push_back(p.field.type);
      }
      while (!todo.empty()) {
        const Type* type = todo.back();
        todo.pop_back();
        if (type == nullptr || !seen.insert(type).second) continue;
        if (const auto* s = std::get_if<StructShape>(&type->shape)) {
          std::set<std::string> fields;
          for (const Field& field : s->fields) fields.insert(field.name);
          for (const Field& field : s->fields) {
            expect_resolvable(where(*interface, procedure) + " " + type->name, field, fields,
                              parameters);
            todo.push_back(field.type);
          }
        } else if (const auto* u = std::get_if<UnionShape>(&type->shape)) {
          for (const UnionArm& arm : u->arms) todo.push_back(arm.field.type);
        } else if (const auto* p = std::get_if<PointerShape>(&type->shape)) {
          todo.push_back(p->target);
        } else if (const auto* a = std::get_if<ArrayShape>(&type->shape)) {
          todo.push_back(a->element);
        }
      }
    }
  }
}

/// Every {name} in a label is an [in] parameter (or one both ways), and only context handles that
/// come out carry one.
TEST(CatalogueTest, LabelsNameParameters) {
  for (const Interface* interface : definitions().catalogue.all()) {
    for (const Procedure& procedure : interface->procedures) {
      std::set<std::string> in;
      for (const Parameter& p : procedure.parameters) {
        if (p.in) in.insert(p.field.name);
      }
      for (const Parameter& p : procedure.parameters) {
        const Annotation* label = p.field.annotations.find("label");
        if (label == nullptr) continue;
        EXPECT_TRUE(p.out) << where(*interface, procedure);
        const std::string& text = label->arguments.at(0);
        for (std::size_t open = text.find('{'); open != std::string::npos;
             open = text.find('{', open + 1)) {
          const std::string name = text.substr(open + 1, text.find('}', open) - open - 1);
          EXPECT_TRUE(in.contains(name)) << where(*interface, procedure) << ": " << text;
        }
      }
    }
  }
}

/// Each [out] context handle of a call that opens something says what it stands for.
TEST(CatalogueTest, NewContextHandlesHaveLabels) {
  for (const Interface* interface : definitions().catalogue.all()) {
    for (const Procedure& procedure : interface->procedures) {
      for (const Parameter& p : procedure.parameters) {
        if (p.in || !p.out) continue;
        const Type* type = p.field.type;
        while (type && std::holds_alternative<PointerShape>(type->shape)) {
          type = std::get<PointerShape>(type->shape).target;
        }
        if (type && std::holds_alternative<ContextHandleShape>(type->shape)) {
          EXPECT_NE(p.field.annotations.find("label"), nullptr)
              << where(*interface, procedure) << " " << p.field.name;
        }
      }
    }
  }
}

// [MS-RRP] writes LPDWORD, but servers send an offset in its place; taken for a pointer, every
// offset but 0 would promise a referent that never comes.
TEST(CatalogueTest, RegistryValueEntryHoldsAnOffset) {
  const Interface* winreg = definitions().catalogue.find_by_name("winreg");
  ASSERT_NE(winreg, nullptr);
  const Type* type = winreg->find(29)->parameters.at(1).field.type;
  type = std::get<PointerShape>(type->shape).target;
  type = std::get<ArrayShape>(type->shape).element;
  const Field& field = std::get<StructShape>(type->shape).fields.at(2);
  EXPECT_EQ(field.name, "ve_valueptr");
  EXPECT_EQ(std::get<BaseShape>(field.type->shape).type, BaseType::kUInt32);
}

// What the facts about interfaces name as worth an analyst's look says why it is, but for what only
// counts, closes or asks for nothing.
TEST(CatalogueTest, OperationsThatMatterSayWhy) {
  std::ifstream facts(RPCM_SHARED_DIR "/facts/interfaces.md");
  if (!facts) GTEST_SKIP() << "no facts about interfaces beside the project";
  static const std::set<std::string> kPlain = {
      "RemAddRef",   "RemRelease",          "RpcCloseEnum", "Opnum63NotUsedOnWire",
      "NetrDfsMove", "EfsRpcFlushEfsCache", "MimiUnbind",   "NetrLogonGetCapabilities"};
  std::map<std::string, std::vector<const Procedure*>> by_name;
  for (const Interface* interface : definitions().catalogue.all()) {
    for (const Procedure& procedure : interface->procedures)
      by_name[procedure.name].push_back(&procedure);
  }
  static const std::regex kOperation("`\\d+` (\\w+)\\(");
  std::size_t checked = 0;
  for (std::string line; std::getline(facts, line);) {
    if (!line.starts_with("**")) continue;
    for (std::sregex_iterator it(line.begin(), line.end(), kOperation), end; it != end; ++it) {
      const auto found = by_name.find((*it)[1]);
      if (found == by_name.end() || kPlain.contains(found->first)) continue;
      ++checked;
      EXPECT_TRUE(std::ranges::any_of(found->second, [](const Procedure* procedure) {
        const Annotations& a = procedure->annotations;
        return a.find("attack") && !a.value("severity").empty() && !a.value("why").empty();
      })) << found->first;
    }
  }
  EXPECT_GT(checked, 200u);
}

/// The table calls reading and writing of a property alike; we say get_X and put_X.
std::string without_property_prefix(const std::string& name) {
  for (const std::string prefix : {"get_", "put_", "putref_"}) {
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  }
  return name;
}

TEST(CatalogueTest, NamesAgreeWithTheOperationTable) {
  std::ifstream table(RPCM_SHARED_DIR "/facts/operations.tsv");
  if (!table) GTEST_SKIP() << "no table of operations beside the project";
  std::string line;
  std::getline(table, line);
  std::size_t compared = 0;
  std::set<std::string> uuids;
  while (std::getline(table, line)) {
    std::vector<std::string> cells;
    std::istringstream stream(line);
    for (std::string cell; std::getline(stream, cell, '\t');) cells.push_back(cell);
    if (cells.size() < 7 || cells[5].empty() || cells[6].empty()) continue;
    const std::optional<Guid> uuid = Guid::parse(cells[0]);
    ASSERT_TRUE(uuid) << line;
    const Interface* interface = definitions().catalogue.find(*uuid);
    if (interface == nullptr || is_placeholder_name(cells[6])) continue;
    // The table's column of MS-NSPI starts with two entries that are no procedures.
    if (interface->name == "nspi") continue;
    // Its rows of type libraries count both forms of every method that also has a local one.
    if (interface->document == "MS-OAUT" && interface->name != "IDispatch") continue;
    const Procedure* procedure = interface->find(static_cast<std::uint16_t>(std::stoi(cells[5])));
    if (procedure == nullptr) {
      ADD_FAILURE() << interface->name << " lacks opnum " << cells[5] << " " << cells[6];
      continue;
    }
    // Two slots that the documents reserve are used on the wire: samr 63 and winreg 14.
    if (procedure->name == "SamrUnicodeChangePasswordUser3" ||
        procedure->name == "BaseRegNotifyChangeKeyValue") {
      EXPECT_TRUE(cells[6].starts_with("Opnum")) << line;
      continue;
    }
    EXPECT_EQ(without_property_prefix(procedure->name), cells[6])
        << interface->name << " opnum " << cells[5];
    ++compared;
    uuids.insert(cells[0]);
  }
  EXPECT_GT(compared, 250u);
  RecordProperty("compared", static_cast<int>(compared));
  RecordProperty("interfaces", static_cast<int>(uuids.size()));
}

}  // namespace
}  // namespace rpcmarshal
