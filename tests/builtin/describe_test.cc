#include "builtin/describe.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "builtin/builtin.h"

namespace rpcmarshal {
namespace {

const Catalogue& catalogue() {
  static const LoadedCatalogue loaded = load_catalogue();
  return loaded.catalogue;
}

const Interface& interface(const char* name) {
  const Interface* found = catalogue().find_by_name(name);
  EXPECT_NE(found, nullptr) << name;
  return *found;
}

TEST(DescribeTest, CountsLeaveOutReservedSlots) {
  const InterfaceCounts counts = count_operations(interface("svcctl"));
  EXPECT_GE(counts.operations, 50u);
  EXPECT_LE(counts.typed, counts.operations);
  EXPECT_GE(counts.typed, 44u);
  EXPECT_GT(counts.attack, 5u);
}

TEST(DescribeTest, EveryWordMustBeMentioned) {
  const auto all = catalogue().all(true);
  const auto coerced = select_interfaces(catalogue().all(), {"T1187"});
  EXPECT_GE(coerced.size(), 3u);
  const auto named = select_interfaces(all, {"createservicew"});
  ASSERT_FALSE(named.empty());
  EXPECT_EQ(named.front()->name, "svcctl");
  EXPECT_FALSE(select_interfaces(all, {"WINSTATION_RPC"}).empty()) << "Zeek's name";
  EXPECT_EQ(select_interfaces(all, {"367abb81"}).size(), 1u);
  EXPECT_TRUE(select_interfaces(all, {"svcctl", "no such word"}).empty());
  EXPECT_EQ(select_interfaces(all, {}).size(), all.size());
}

TEST(DescribeTest, TextOfOneInterface) {
  const std::string text = show_text(interface("svcctl"));
  for (const char* expected :
       {"svcctl  367abb81-9844-35f1-ad32-98f038001003 v2.0  MS-SCMR", "  12  RCreateServiceW",
        "T1569.002", "also called CreateServiceW", "RCreateWowService", "\\pipe\\svcctl"}) {
    EXPECT_NE(text.find(expected), std::string::npos) << expected << "\n" << text;
  }
  EXPECT_EQ(text.find("NotUsedOnWire"), std::string::npos);
}

TEST(DescribeTest, TextOfWhatHasOnlyNames) {
  const std::string text = show_text(interface("rpcecho"));
  EXPECT_NE(text.find("echo_EchoData  (arguments not typed)"), std::string::npos);
}

TEST(DescribeTest, MistakesOfOthersAreSaid) {
  EXPECT_NE(show_text(interface("IWbemServices")).find("Zeek calls it DeleteClass, by mistake"),
            std::string::npos);
}

TEST(DescribeTest, ListHasATotal) {
  const std::string text = list_text(select_interfaces(catalogue().all(), {"MS-TSCH"}));
  EXPECT_NE(text.find("\n3 interfaces, "), std::string::npos) << text;
}

TEST(DescribeTest, JsonEscapes) {
  Interface odd;
  odd.name = "a\"b\\c\n";
  Procedure& procedure = odd.procedures.emplace_back();
  procedure.name = "First";
  procedure.annotations.items.push_back({"why", {"because \"so\""}});
  EXPECT_EQ(show_json(odd),
            "{\"name\":\"a\\\"b\\\\c\\u000a\",\"uuid\":\"00000000-0000-0000-0000-000000000000\","
            "\"version\":\"0.0\",\"operations\":1,\"typed\":1,\"attack_operations\":0,"
            "\"procedures\":[\n{\"opnum\":0,\"name\":\"First\",\"typed\":true,"
            "\"why\":\"because \\\"so\\\"\"}\n]}\n");
  EXPECT_EQ(list_json({}), "[\n]\n");
}

// RPCM_RECORD=1 writes the page anew, as tests/record does with the baselines.
TEST(DescribeTest, TheDocumentationIsUpToDate) {
  const std::string path = RPCM_SOURCE_DIR "/docs/interfaces.md";
  const std::string page = list_markdown(catalogue());
  if (std::getenv("RPCM_RECORD")) {
    std::ofstream(path) << page;
    GTEST_SKIP() << "recorded " << path;
  }
  std::ifstream in(path);
  std::ostringstream written;
  written << in.rdbuf();
  EXPECT_TRUE(written.str() == page)
      << "run: build/release/rpcmarshal interfaces --format markdown > docs/interfaces.md";
}

TEST(DescribeTest, TheAttackVersionIsSaid) {
  std::ifstream in(RPCM_SOURCE_DIR "/docs/idl.md");
  std::ostringstream page;
  page << in.rdbuf();
  EXPECT_NE(page.str().find("techniques of ATT&CK " + std::string(kAttackVersion)),
            std::string::npos);
}

}  // namespace
}  // namespace rpcmarshal
