#include "event/unc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rpcmarshal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> hosts(std::string_view text) {
  std::vector<std::string> out;
  append_unc_hosts(out, text);
  return out;
}

TEST(UncHosts, FoundAnywhereInTheText) {
  EXPECT_THAT(hosts(R"(\\10.0.0.9\share\file.txt)"), ElementsAre("10.0.0.9"));
  EXPECT_THAT(hosts(R"(cmd.exe /c copy \\evil.example\a\b \\FS1\c)"),
              ElementsAre("evil.example", "FS1"));
  EXPECT_THAT(hosts(R"(\\attacker@8080\dav)"), ElementsAre("attacker@8080"));
  EXPECT_THAT(hosts(R"(\\host)"), ElementsAre("host"));
  EXPECT_THAT(hosts(R"("\\host" x)"), ElementsAre("host"));
}

TEST(UncHosts, LongPathFormHasAHostAndDevicePathsHaveNone) {
  EXPECT_THAT(hosts(R"(\\?\UNC\host\share)"), ElementsAre("host"));
  EXPECT_THAT(hosts(R"(\\.\unc\host\share)"), ElementsAre("host"));
  EXPECT_THAT(hosts(R"(\\?\C:\Windows)"), IsEmpty());
  EXPECT_THAT(hosts(R"(\\.\pipe\svcctl)"), IsEmpty());
}

TEST(UncHosts, OtherFormsThatWindowsTakesAreFoundAtTheBeginning) {
  EXPECT_THAT(hosts("//10.0.0.9/share/file.txt"), ElementsAre("10.0.0.9"));
  EXPECT_THAT(hosts(R"(\/host\share)"), ElementsAre("host"));
  EXPECT_THAT(hosts(R"(/\host@80/share)"), ElementsAre("host@80"));
  EXPECT_THAT(hosts(R"("//host/share/x.exe" -s \\other\a)"), ElementsAre("host", "other"));
  EXPECT_THAT(hosts(R"(\??\UNC\host\share)"), ElementsAre("host"));
  EXPECT_THAT(hosts("//?/unc/host/share"), ElementsAre("host"));
  EXPECT_THAT(hosts(R"(\??\C:\Windows)"), IsEmpty());
  EXPECT_THAT(hosts("//?/C:/Windows"), IsEmpty());
  EXPECT_THAT(hosts("// a comment"), IsEmpty());
  EXPECT_THAT(hosts("//word"), IsEmpty());
  EXPECT_THAT(hosts("http://host/share"), IsEmpty());
  EXPECT_THAT(hosts("/usr/bin//host/x"), IsEmpty());
}

TEST(UncHosts, WhatIsNoHostIsLeftAlone) {
  EXPECT_THAT(hosts(""), IsEmpty());
  EXPECT_THAT(hosts("\\\\"), IsEmpty());
  EXPECT_THAT(hosts(R"(\\\\\\)"), IsEmpty());
  EXPECT_THAT(hosts(R"(C:\\Windows\\System32)"), IsEmpty()) << "doubled separators";
  EXPECT_THAT(hosts(R"(x.exe /s:\\host\share C:\\x)"), ElementsAre("host"))
      << "a switch is no drive letter";
  EXPECT_THAT(hosts("\\\\" + std::string(300, 'a') + "\\x"), IsEmpty());
}

TEST(UncHosts, EachOnceAndBounded) {
  EXPECT_THAT(hosts(R"(\\a\1 \\A\2)"), ElementsAre("a"));
  std::string many;
  for (int i = 0; i < 100; ++i) many += "\\\\h" + std::to_string(i) + "\\s ";
  EXPECT_EQ(hosts(many).size(), 16u);
}

}  // namespace
}  // namespace rpcmarshal
