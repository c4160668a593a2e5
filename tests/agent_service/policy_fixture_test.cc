// The compiled policy that Windows tests put in force is what the compiler makes of its text.
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
  std::ifstream in(RPCM_SOURCE_DIR "/tests/agent_service/data/" + name, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(PolicyFixtureTest, IsCompiledFromItsText) {
  policy::PolicyModel model;
  sigma::Diagnostics diagnostics;
  ASSERT_TRUE(
      policy::parse_policy(read_file("refuse_third.yml"), "refuse_third.yml", model, diagnostics));
  const auto bytes = policy::compile_policy(model, diagnostics);
  EXPECT_TRUE(read_file("refuse_third.bin") == as_text(bytes))
      << "compile it anew (tests/agent_service/data/README.md)";
}

}  // namespace
}  // namespace rpcmarshal::agent
#endif
