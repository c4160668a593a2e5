// The compiled policies that Windows tests put in force are what the compiler makes of their text.
#ifndef _WIN32
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/bytes.h"
#include "policy/compiler/compile.h"
#include "policy/compiler/parser.h"

namespace rpcmarshal::agent {
namespace {

std::string read_file(const std::string& name) {
  std::ifstream in(RPCM_SOURCE_DIR "/" + name, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(PolicyFixtureTest, IsCompiledFromItsText) {
  const std::string data = "tests/agent_service/data/";
  for (const auto& [text, compiled] :
       {std::pair(data + "refuse_third.yml", data + "refuse_third.bin"),
        std::pair(std::string("policies/tasks.yml"), data + "tasks.bin")}) {
    policy::PolicyModel model;
    sigma::Diagnostics diagnostics;
    ASSERT_TRUE(policy::parse_policy(read_file(text), text, model, diagnostics));
    const auto bytes = policy::compile_policy(model, diagnostics);
    EXPECT_TRUE(read_file(compiled) == as_text(bytes))
        << compiled << ": compile it anew (tests/agent_service/data/README.md)";
  }
}

}  // namespace
}  // namespace rpcmarshal::agent
#endif
