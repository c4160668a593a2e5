// The built-in catalogue is read file by file, when asked: it must be the same as all files read
// together, and a user's files must override it whatever was read first.
#include "builtin/builtin.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <thread>

#include "builtin/embedded.h"
#include "idl/printer.h"
#include "interface/names.h"
#include "ndr/decode.h"

namespace rpcmarshal {
namespace {

namespace fs = std::filesystem;

bool has_word(std::string_view words, const std::string& word) {
  return words.find(' ' + word + ' ') != std::string_view::npos;
}

const idl::ParseResult& together() {
  static const idl::ParseResult parsed = [] {
    std::vector<idl::Source> sources;
    for (const EmbeddedFile& file : embedded_interfaces())
      sources.push_back({std::string(file.name), std::string(file.text)});
    return idl::parse_texts(std::move(sources), {});
  }();
  return parsed;
}

idl::ParseResult alone(const EmbeddedFile& file) {
  idl::ParseOptions options;
  options.provider = [](std::string_view name) -> std::optional<std::string> {
    for (const EmbeddedFile& other : embedded_interfaces()) {
      if (other.name == name) return std::string(other.text);
    }
    return std::nullopt;
  };
  return idl::parse_text(std::string(file.text), std::string(file.name), options);
}

TEST(BuiltinTest, EachFileSaysTheSameAlone) {
  std::map<std::pair<std::string, std::string>, std::string> expected;
  for (const Interface& interface : together().module.interfaces)
    expected[{interface.id.uuid.to_string(), interface.document}] = idl::print_interface(interface);
  std::size_t compared = 0;
  for (const EmbeddedFile& file : embedded_interfaces()) {
    const idl::ParseResult parsed = alone(file);
    for (const idl::Diagnostic& d : parsed.diagnostics) ADD_FAILURE() << d.to_string();
    for (const Interface& interface : parsed.module.interfaces) {
      const auto it = expected.find({interface.id.uuid.to_string(), interface.document});
      ASSERT_NE(it, expected.end()) << interface.name;
      EXPECT_EQ(idl::print_interface(interface), it->second) << file.name;
      ++compared;
    }
  }
  EXPECT_EQ(compared, expected.size());
}

TEST(BuiltinTest, TheIndexMissesNothing) {
  for (const EmbeddedFile& file : embedded_interfaces()) {
    const idl::ParseResult parsed = alone(file);
    for (const Interface& interface : parsed.module.interfaces) {
      EXPECT_NE(file.uuids.find(interface.id.uuid.to_string() + ' '), std::string_view::npos)
          << file.name << ' ' << interface.name;
      EXPECT_TRUE(has_word(file.interfaces, interface.name)) << file.name << ' ' << interface.name;
      if (const auto alias = interface.annotations.value("alias_uuid"); !alias.empty()) {
        EXPECT_NE(file.uuids.find(alias), std::string_view::npos) << file.name;
      }
    }
  }
}

/// The names in flags("...") and values("...") of any file.
std::set<std::string> names_of_values() {
  std::set<std::string> names;
  static const std::regex kAnnotation("(?:flags|values)\\(([^)]*)\\)"), kName("\"(\\w+)\"");
  for (const EmbeddedFile& file : embedded_interfaces()) {
    const std::string text(file.text);
    for (std::sregex_iterator it(text.begin(), text.end(), kAnnotation), end; it != end; ++it) {
      const std::string inside = (*it)[1];
      for (std::sregex_iterator n(inside.begin(), inside.end(), kName); n != end; ++n)
        names.insert((*n)[1]);
    }
  }
  return names;
}

// Which file is read first must not decide what a name of values means.
TEST(BuiltinTest, NamesOfValuesMeanOneThing) {
  const std::set<std::string> used = names_of_values();
  EXPECT_GT(used.size(), 50u);
  std::map<std::string, std::pair<std::string, std::string>> known;
  for (const EmbeddedFile& file : embedded_interfaces()) {
    const idl::ParseResult parsed = alone(file);
    for (const auto& [name, type] : parsed.module.named_types) {
      const auto* shape = std::get_if<EnumShape>(&type->shape);
      if (!shape || !used.contains(name)) continue;
      std::string values;
      for (const EnumValue& v : shape->values)
        values += v.name + '=' + std::to_string(v.value) + ' ';
      const auto [it, fresh] = known.try_emplace(name, std::string(file.name), values);
      EXPECT_TRUE(fresh || it->second.second == values)
          << name << " means other things in " << it->second.first << " and " << file.name;
    }
  }
  const LoadedCatalogue loaded = load_catalogue();
  for (const std::string& name : used) {
    EXPECT_TRUE(known.contains(name)) << name << " is declared nowhere";
    EXPECT_NE(loaded.catalogue.find_values(name), nullptr) << name;
  }
}

TEST(BuiltinTest, ReadingOnDemandGivesWhatReadingAllGives) {
  const LoadedCatalogue all = load_catalogue();
  std::size_t compared = 0;
  for (const Interface* interface : all.catalogue.all()) {
    const LoadedCatalogue fresh = load_catalogue();
    const Interface* found = fresh.catalogue.find(interface->id.uuid, interface->id.major);
    ASSERT_NE(found, nullptr) << interface->name;
    EXPECT_EQ(idl::print_interface(*found), idl::print_interface(*interface));
    ++compared;
  }
  EXPECT_GT(compared, 40u);
}

// MS-LSAD and MS-LSAT describe one interface; asked for by UUID or by name, both are read.
TEST(BuiltinTest, DocumentsThatShareAnInterfaceAreReadTogether) {
  for (const bool by_name : {false, true}) {
    const LoadedCatalogue loaded = load_catalogue();
    const Interface* lsarpc =
        by_name ? loaded.catalogue.find_by_name("lsarpc")
                : loaded.catalogue.find(*Guid::parse("12345778-1234-abcd-ef00-0123456789ab"), 0);
    ASSERT_NE(lsarpc, nullptr);
    EXPECT_EQ(lsarpc->find(14)->name, "LsarLookupNames");
    EXPECT_EQ(lsarpc->find(44)->name, "LsarOpenPolicy2");
    EXPECT_TRUE(lsarpc->find(14)->typed && lsarpc->find(44)->typed);
  }
}

TEST(BuiltinTest, AnUnknownInterfaceIsNotFound) {
  const LoadedCatalogue loaded = load_catalogue();
  EXPECT_EQ(loaded.catalogue.find(*Guid::parse("01020304-0506-0708-090a-0b0c0d0e0f10"), 1),
            nullptr);
  EXPECT_EQ(loaded.catalogue.find_by_name("no such interface"), nullptr);
  EXPECT_EQ(loaded.catalogue.find_by_name(""), nullptr);
  EXPECT_EQ(loaded.catalogue.find_values("NO_SUCH_VALUES"), nullptr);
}

TEST(BuiltinTest, ValuesAreFoundWhereverTheyAre) {
  const LoadedCatalogue loaded = load_catalogue();
  EXPECT_NE(loaded.catalogue.find_values("SERVICE_ACCESS"), nullptr);
  EXPECT_NE(loaded.catalogue.find_values("STANDARD_ACCESS"), nullptr);
}

class UserFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / "rpcm_user_interfaces";
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::vector<std::string> write(const std::string& text) {
    std::ofstream(folder_ / "user.idl") << text;
    return {folder_.string()};
  }
  fs::path folder_;
};

constexpr const char* kOverride =
    "import \"ms-dtyp.idl\";\n"
    "[uuid(367abb81-9844-35f1-ad32-98f038001003), version(2.0)]\n"
    "interface svcctl {\n"
    "  enum SERVICE_ACCESS { MINE = 1 };\n"
    "  DWORD MyClose([in] handle_t h, [in] DWORD what);\n"
    "}\n";

TEST_F(UserFolder, OverridesOperationByOperation) {
  const LoadedCatalogue loaded = load_catalogue(write(kOverride));
  EXPECT_TRUE(loaded.diagnostics.empty());
  const Interface* svcctl =
      loaded.catalogue.find(*Guid::parse("367abb81-9844-35f1-ad32-98f038001003"), 2);
  ASSERT_NE(svcctl, nullptr);
  EXPECT_EQ(svcctl->find(0)->name, "MyClose");
  EXPECT_TRUE(svcctl->find(0)->typed);
  EXPECT_EQ(svcctl->find(12)->name, "RCreateServiceW") << "the others remain";
  EXPECT_TRUE(svcctl->find(12)->typed);
  EXPECT_EQ(svcctl->document, "MS-SCMR");
}

TEST_F(UserFolder, ItsValuesWinEvenWhenTheBuiltInAreReadLater) {
  const LoadedCatalogue loaded = load_catalogue(write(kOverride));
  ASSERT_NE(loaded.catalogue.find_by_name("svcctl"), nullptr);
  const EnumShape* values = loaded.catalogue.find_values("SERVICE_ACCESS");
  ASSERT_NE(values, nullptr);
  EXPECT_EQ(values->values.at(0).name, "MINE");
}

TEST_F(UserFolder, GivesTypesToWhatHadOnlyNames) {
  const LoadedCatalogue loaded = load_catalogue(
      write("[uuid(60a15ec5-4de8-11d7-a637-005056a20182), version(1.0)] interface rpcecho {\n"
            "  long First([in] handle_t h, [in] long a);\n"
            "}\n"));
  const Interface* rpcecho =
      loaded.catalogue.find(*Guid::parse("60a15ec5-4de8-11d7-a637-005056a20182"), 1);
  ASSERT_NE(rpcecho, nullptr);
  EXPECT_FALSE(rpcecho->names_only);
  EXPECT_EQ(rpcecho->find(0)->name, "First");
  EXPECT_TRUE(rpcecho->find(0)->typed);
  EXPECT_EQ(rpcecho->find(1)->name, "echo_EchoData");
  EXPECT_FALSE(rpcecho->find(1)->typed);
}

TEST_F(UserFolder, CanImportTheBuiltInFiles) {
  const LoadedCatalogue loaded = load_catalogue(
      write("import \"ms-scmr.idl\";\n"
            "[uuid(01020304-0506-0708-090a-0b0c0d0e0f10), version(1.0)] interface mine {\n"
            "  long First([in] handle_t h, [in] SERVICE_STATUS* status);\n"
            "}\n"));
  EXPECT_TRUE(loaded.diagnostics.empty());
  const Interface* mine = loaded.catalogue.find_by_name("mine");
  ASSERT_NE(mine, nullptr);
  EXPECT_TRUE(mine->find(0)->typed) << mine->find(0)->untyped_why;
}

// Several sensors may share a catalogue: what one reads, all see, once.
TEST(BuiltinTest, FindingFromSeveralThreads) {
  const LoadedCatalogue loaded = load_catalogue();
  const char* uuids[] = {
      "367abb81-9844-35f1-ad32-98f038001003", "12345778-1234-abcd-ef00-0123456789ab",
      "4b324fc8-1670-01d3-1278-5a47bf6ee188", "86d35949-83c9-4044-b424-db363231fd0c"};
  std::vector<std::vector<const Interface*>> found(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < found.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 4; ++i)
        found[t].push_back(loaded.catalogue.find(*Guid::parse(uuids[(i + t) % 4])));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t t = 0; t < found.size(); ++t) {
    for (std::size_t i = 0; i < 4; ++i) {
      ASSERT_NE(found[t][i], nullptr);
      EXPECT_EQ(found[t][i], found[0][(i + t) % 4]);
    }
  }
}

// The codec compiles for interfaces that were read after it was made.
TEST(BuiltinTest, ProgramsOfInterfacesReadLater) {
  const LoadedCatalogue loaded = load_catalogue();
  const ndr::Codec codec(loaded.catalogue);
  const Interface* svcctl = loaded.catalogue.find_by_name("svcctl");
  ASSERT_NE(svcctl, nullptr);
  const ndr::Program* program =
      codec.program(*svcctl, 12, ndr::Half::kRequest, ndr::Syntax::kNdr20);
  ASSERT_NE(program, nullptr);
  EXPECT_EQ(codec.program(*svcctl, 12, ndr::Half::kRequest, ndr::Syntax::kNdr20), program);
  EXPECT_NE(codec.program(*svcctl, 12, ndr::Half::kRequest, ndr::Syntax::kNdr64), program);
  EXPECT_EQ(codec.program(*svcctl, 10, ndr::Half::kRequest, ndr::Syntax::kNdr20), nullptr)
      << "a name has no program";
}

}  // namespace
}  // namespace rpcmarshal
