// [MS-TSTS]: stubs by hand after the structures of section 2.2.2.
#include "catalogue/stub.h"

namespace rpcmarshal::catalogue::test {
namespace {

Wire& handle(Wire& w) {
  w.u32(0);
  for (int i = 1; i <= 16; ++i) w.u8(static_cast<std::uint8_t>(i));
  return w;
}

std::u16string padded(std::u16string text, std::size_t size) {
  text.resize(size);
  return text;
}

// tscon 3: opnum 2, which other tools call RpcWaitAsyncNotification.
TEST(Tsts, SessionIsTakenOver) {
  Wire w;
  handle(w).u32(3).wstring(u"");
  const Decoded d = decode("TermSrvSession.RpcConnect", Half::kRequest, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["TargetSessionId"]), "3");
  EXPECT_EQ(d["szPassword"].display().semantic, "secret");

  Wire old;
  handle(old).u32(1).u32(4).u32(3).u32(3).text16(u"pw").u16(0).align(4).u32(3).u8(1);
  const Decoded before = decode("IcaApi.RpcWinStationConnect", Half::kRequest, old);
  EXPECT_TRUE(complete(before));
  EXPECT_EQ(show(before["ConnectLogonId"]) + show(before["TargetLogonId"]), "43");
  EXPECT_EQ(before["pPassword"].display().semantic, "secret");
}

TEST(Tsts, SessionsAreListed) {
  Wire w;
  w.u32(0x20000).u32(1).u32(2).u32(2).u32(7).u32(4).text16(padded(u"RDP-Tcp#1", 33)).align(4);
  w.u32(0).u32(1).guid(*Guid::parse("0f0a4bf8-8362-435d-938c-222a518a8b78")).u32(1).u32(0);
  const Decoded d = decode("TermSrvEnumeration.RpcGetEnumResult", Half::kResponse, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["ppSessionEnumResult"]),
            "[{Level:2,Data:<2 SessionEnum_Level2:{SessionId:7,State:4,Name:\"RDP-Tcp#1\",Source:0,"
            "bFullDesktop:1,SessionType:0f0a4bf8-8362-435d-938c-222a518a8b78}>}]");
}

TEST(Tsts, SessionsWithUsersAndHosts) {
  Wire w;
  w.u32(0x20000).u32(1).u32(1).u32(1).u32(1).u32(0).u32(2);
  w.u32(0x20004).u32(0x20008).u32(0x2000C).u32(0).u32(0);
  w.wstring(u"console").align(4).wstring(u"ws7").align(4).wstring(u"alice").align(4);
  w.u32(1).u32(0);
  const Decoded d = decode("TermSrvEnumeration.RpcGetAllSessionsEx", Half::kResponse, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(
      show(d["ppSessionData.0.Data"]),
      "<1 ExecEnvEnumEx_Level1:{ExecEnvId:1,State:0,AbsSessionId:2,pszSessionName:\"console\","
      "pszHostName:\"ws7\",pszUserName:\"alice\",pszDomainName:null,pszFarmName:null}>");
}

// The family is the discriminant; the structure of the arm is aligned to 4.
TEST(Tsts, AddressOfAClient) {
  Wire w;
  w.u16(2).align(4).u16(0x3D0D).align(4).u32(0x0900000A).u64(0).u32(0);
  const Decoded d = decode("RCMPublic.RpcGetRemoteAddress", Half::kResponse, w);
  EXPECT_TRUE(complete(d));
  EXPECT_NE(show(d["pRemoteAddress"]).find("in_addr:150994954"), std::string::npos)
      << show(d["pRemoteAddress"]);
}

TEST(Tsts, ProcessesWithOwners) {
  Wire w;
  w.u32(0).u32(1).u32(0x20000).u32(1);  // result, count, array
  w.u32(0x20004).u32(12).u32(0x20008);  // one element
  w.align(8).u32(0).u32(9).u64(0).u64(0).u64(0).u64(1).u64(2).u64(3);
  w.u16(16).u16(18).u32(0x2000C);  // "lsass.ex"
  for (std::uint32_t i = 0; i < 18; ++i) w.u32(100 + i);
  w.align(4).u32(9).u32(0).u32(8).text16(u"lsass.ex");
  w.align(4).u32(12).u8(1).u8(1).u8(0).u8(0).u8(0).u8(0).u8(0).u8(5).u32(18);
  w.u8(1);
  const Decoded d = decode("IcaApi.RpcWinStationGetAllProcesses_NT6", Half::kResponse, w);
  EXPECT_TRUE(complete(d));
  EXPECT_EQ(show(d["ppTsAllProcessesInfo.0.pTsProcessInfo.ImageName"]), "\"lsass.ex\"");
  EXPECT_EQ(show(d["ppTsAllProcessesInfo.0.pTsProcessInfo.UniqueProcessId"]), "101");
  EXPECT_EQ(show(d["ppTsAllProcessesInfo.0.pSid"]), "x010100000000000512000000");
}

TEST(Tsts, ShadowInvitation) {
  Wire ask;
  ask.u32(2).u16(1).u16(0).u32(8192);
  const Decoded request = decode("SessEnvPublicRpc.RpcShadow2", Half::kRequest, ask);
  EXPECT_TRUE(complete(request));
  EXPECT_EQ(show(request["eRequestControl"]) + show(request["eRequestPermission"]), "10");

  Wire answer;
  answer.u16(0).align(4).u32(8192).u32(0).u32(3).text16(u"<E").u16(0).align(4).u32(0);
  const Decoded response = decode("SessEnvPublicRpc.RpcShadow2", Half::kResponse, answer);
  EXPECT_TRUE(complete(response));
  EXPECT_EQ(show(response["pszInvitation"]), "\"<E\"");
}

}  // namespace
}  // namespace rpcmarshal::catalogue::test
