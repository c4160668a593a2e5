// tests/policy/golden.policy is golden.yml compiled: a change of the format changes its version,
// and this file. RPCM_RECORD=1 writes it anew.
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "run.h"

namespace rpcmarshal::policy {
namespace {

TEST(GoldenBlock, IsWhatTheCompilerWrites) {
  const std::string root = std::string(RPCM_SOURCE_DIR) + "/tests/policy/golden";
  std::ifstream yaml(root + ".yml");
  const std::string text{std::istreambuf_iterator<char>(yaml), std::istreambuf_iterator<char>()};
  PolicyRun run(text);
  ASSERT_FALSE(run.block.empty()) << run.errors();
  const std::string written(as_text(run.block));
  if (std::getenv("RPCM_RECORD") != nullptr)
    std::ofstream(root + ".policy", std::ios::binary) << written;
  std::ifstream file(root + ".policy", std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()),
            written);
}

}  // namespace
}  // namespace rpcmarshal::policy
