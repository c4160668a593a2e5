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

// What Windows takes for the same path: each of them made servers connect, and none may hide the
// host.
TEST(UncHosts, OtherWritingsOfAPath) {
  for (const char* text : {R"(//evil/share/x)",
                           R"(\/evil\share)",
                           R"(/\evil/share)",
                           R"(\\\evil\share)",
                           R"(\\\\evil\share)",
                           R"(\\?\UNC\evil\share)",
                           R"(//?/UNC/evil/share)",
                           R"(\\.\UNC\evil\x)",
                           R"(\\?\GLOBALROOT\Device\Mup\evil\x)",
                           R"(\\.\GLOBALROOT\??\UNC\evil\x)",
                           R"(\\?\Global\UNC\evil\x)",
                           R"(\??\UNC\evil\share)",
                           R"(\DosDevices\UNC\evil\share)",
                           R"(\Device\Mup\evil\share)",
                           R"(\Device\LanmanRedirector\;X:0\evil\share)",
                           R"(\\;LanmanRedirector\evil\share)",
                           R"(\\;WebDavRedirector\;Z:0000\evil\share)",
                           R"(\\?\UNC\\evil\share)",
                           R"("//evil/share/x.exe" /y)",
                           R"(x.exe //evil/share)",
                           R"(x.exe "\/evil/share")",
                           "x.exe \\\\\\\\evil\\share"}) {
    EXPECT_THAT(hosts(text), ElementsAre("evil")) << text;
  }
  EXPECT_THAT(hosts(R"(\\evil@SSL@443\DavWWWRoot\x)"), ElementsAre("evil@SSL@443"));
  EXPECT_THAT(hosts(R"(\\evil.\share)"), ElementsAre("evil."));
  EXPECT_THAT(hosts(R"(\\2001-db8--1.ipv6-literal.net\x)"),
              ElementsAre("2001-db8--1.ipv6-literal.net"));
  // A name of odd characters is asked for, too, when the path can be nothing else.
  EXPECT_THAT(hosts(R"(\\ev!l{1}\share)"), ElementsAre("ev!l{1}"));
}

TEST(UncHosts, SlashesThatAreNoPath) {
  for (const char* text :
       {"http://host/x", "see http://host/x", "// a comment", "a//b/c", "s//a/b/", "<a></a>//",
        "//", R"(\)", R"(\Microsoft\Windows\Task)", R"(\pipe\svcctl)", R"(\??\C:\Windows\x.sys)",
        R"(\Device\HarddiskVolume1\x)", R"(\\?\GLOBALROOT\Device\HarddiskVolumeShadowCopy1\x)",
        R"(\\.\GLOBALROOT)", R"(\\?\)", R"(\\;)", R"(\\;a;b\)", R"(\\..\x)"}) {
    EXPECT_THAT(hosts(text), IsEmpty()) << text;
  }
}

TEST(UncHosts, SlashesAtTheBeginning) {
  EXPECT_THAT(hosts("//10.0.0.9/share/file.txt"), ElementsAre("10.0.0.9"));
  EXPECT_THAT(hosts(R"(\/host\share)"), ElementsAre("host"));
  EXPECT_THAT(hosts(R"(/\host@80/share)"), ElementsAre("host@80"));
  EXPECT_THAT(hosts(R"("//host/share/x.exe" -s \\other\a)"), ElementsAre("host", "other"));
  EXPECT_THAT(hosts(R"(\??\UNC\host\share)"), ElementsAre("host"));
  EXPECT_THAT(hosts("//?/unc/host/share"), ElementsAre("host"));
  EXPECT_THAT(hosts(R"("\??\UNC\host\share\x.exe" -s)"), ElementsAre("host"));
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
