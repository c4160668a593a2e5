// The rules of the public SigmaHQ repository: each parses, or is refused for a reason that is
// right.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "sigma/loader.h"

namespace rpcmarshal::sigma {
namespace {

const std::string kRules = RPCM_SHARED_DIR "/corpus/sigma-rules";

TEST(SigmaHq, EveryRuleParsesOrIsRefusedForAGoodReason) {
  if (!std::filesystem::exists(kRules)) GTEST_SKIP() << "needs the rules in " << kRules;
  RuleSet set;
  Diagnostics diagnostics;
  load_path(kRules, set, diagnostics);
  const std::size_t parsed = set.rules.size();
  EXPECT_GT(parsed, 3900u);
  // Refused: only what was removed from Sigma long ago, and rules for another tool's fields.
  std::map<std::string, int> reasons;
  for (const Diagnostic& d : diagnostics) {
    if (d.severity != Diagnostic::Severity::kError) continue;
    const bool removed = d.message.find("were removed from Sigma") != std::string::npos;
    // Kept by the repository as not expressible: "write ProcessGuid from ..." and the like.
    const bool never_sigma = d.file.find("/unsupported/") != std::string::npos &&
                             d.message.find("in the condition: ") != std::string::npos;
    if (!removed && !never_sigma) ADD_FAILURE() << d.to_string();
    ++reasons[d.message];
  }
  // Those have values only where they are used.
  resolve(set, {}, diagnostics);
  EXPECT_GT(set.rules.size(), parsed - 45);
  std::printf("%zu rules parse, %zu run without placeholder values\n", parsed, set.rules.size());
}

}  // namespace
}  // namespace rpcmarshal::sigma
