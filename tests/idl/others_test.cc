// IDL that is not ours: what Wine's developers wrote (Debian's libwine-dev), 300 files of COM and
// RPC interfaces in Microsoft's dialect.
#include <algorithm>
#include <filesystem>
#include <string>

#include "idl/helpers.h"

namespace rpcmarshal::idl {
namespace {

TEST(IdlOfOthers, WinesInterfacesAreTyped) {
  const std::filesystem::path folder = "/usr/include/wine/wine/windows";
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    GTEST_SKIP() << "no " << folder.string() << " (Debian package libwine-dev)";
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    // windows.foundation.idl and the like are WinRT's language: namespaces, runtime classes.
    if (entry.path().extension() == ".idl" && !name.starts_with("windows")) {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  ASSERT_GT(files.size(), 200u);
  const ParseResult parsed = parse_files(files);
  EXPECT_GT(parsed.counts.interfaces, 2000u);
  EXPECT_GT(parsed.counts.procedures, 30000u);
  // Types that only C headers define.
  EXPECT_LT(parsed.counts.untyped * 100, parsed.counts.procedures) << parsed.counts.untyped;
  for (const Diagnostic& finding : parsed.diagnostics) {
    if (finding.severity != Diagnostic::Severity::kError) continue;
    EXPECT_EQ(finding.message.find(" expected"), std::string::npos) << finding.to_string();
  }
}

}  // namespace
}  // namespace rpcmarshal::idl
