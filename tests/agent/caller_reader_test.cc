// Who calls, from runtimes that answer as Windows' documentation says: with call attributes, socket
// addresses and tokens, which Wine does not have.
#include "agent/hook/caller_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>

namespace rpcmarshal::agent {
namespace {

using testing::ElementsAre;
using Protocol = EventTransport::Protocol;

class FakeRuntime final : public CallerRuntime {
 public:
  void bindings(const RpcMessage&, Bindings& out) noexcept override {
    out.client = client;
    out.server = server;
    ++open;
  }
  void release(Bindings&) noexcept override { --open; }
  bool remote_address(const RpcMessage&, SocketBytes& out) noexcept override {
    return socket(remote, out);
  }
  bool local_address(const RpcMessage&, SocketBytes& out) noexcept override {
    return socket(local, out);
  }
  bool attributes(const RpcMessage&, RpcCallAttributes& out) noexcept override {
    if (!answers) return false;
    EXPECT_EQ(out.version, 2u);
    EXPECT_EQ(out.flags, kQueryClientName | kQueryClientPid | kQueryIsLocal | kQueryNoAuthRequired);
    out.authentication_level = level;
    out.authentication_service = service;
    out.client_pid = pid;
    const std::size_t room = out.client_name_length / sizeof(char16_t);
    std::copy_n(name.data(), std::min(name.size() + 1, room), out.client_name);
    return true;
  }
  bool authentication(const RpcMessage&, std::uint32_t& l, std::uint32_t& s) noexcept override {
    l = level;
    s = service;
    return level != 0;
  }
  bool local_client(const RpcMessage&, std::uint32_t& out) noexcept override {
    out = other_pid;
    return other_pid != 0;
  }
  bool object(const RpcMessage&, Guid& out) noexcept override {
    if (of) out = *of;
    return of.has_value();
  }
  std::shared_ptr<Identity> token(const RpcMessage&) noexcept override {
    ++tokens;
    return sid.empty() ? nullptr
                       : std::make_shared<Identity>(Identity{.sid = sid, .groups = groups});
  }
  std::string image(std::uint32_t process) noexcept override {
    ++images;
    return "C:\\" + std::to_string(process) + ".exe";
  }
  std::uint64_t milliseconds() noexcept override { return now; }

  std::u16string client = u"ncacn_ip_tcp:10.0.0.5", server = u"ncacn_ip_tcp:10.0.0.4[49667]", name;
  std::vector<std::uint8_t> remote, local;  ///< SOCKADDR, as Windows lays it out
  bool answers = true;
  std::uint32_t level = 6, service = 16, pid = 0, other_pid = 0;
  std::optional<Guid> of;
  std::string sid = "S-1-5-21-1-2-3-1104";
  std::vector<std::string> groups = {"S-1-5-11"};
  std::uint64_t now = 1000;
  int tokens = 0, images = 0, open = 0;

 private:
  static bool socket(const std::vector<std::uint8_t>& from, SocketBytes& out) {
    std::ranges::copy(std::as_bytes(std::span(from)), out.begin());
    return !from.empty();
  }
};

struct Reading {
  Caller ask() {
    Caller caller;
    const RpcMessage message{};
    reader.transport(message, caller);
    reader.identify(message, caller);
    EXPECT_EQ(runtime.open, 0) << "strings of the runtime are given back";
    return caller;
  }
  FakeRuntime runtime;
  CallerReader reader{runtime};
};

// 10.0.0.5 port 50123, and 10.0.0.4 port 49667.
const std::vector<std::uint8_t> kRemote = {2, 0, 0xC3, 0xCB, 10, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0};
const std::vector<std::uint8_t> kLocal = {2, 0, 0xC2, 0x03, 10, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0};

TEST(CallerReader, AKerberosCallOverTcp) {
  Reading r;
  r.runtime.remote = kRemote;
  r.runtime.local = kLocal;
  r.runtime.name = u"CONTOSO\\\u00e4lice";
  r.runtime.of = Guid::parse("367abb81-9844-35f1-ad32-98f038001003");
  const Caller caller = r.ask();
  EXPECT_EQ(caller.protocol, Protocol::kTcp);
  EXPECT_FALSE(caller.local);
  EXPECT_EQ(caller.client.to_string(), "10.0.0.5:50123");
  EXPECT_EQ(caller.server.to_string(), "10.0.0.4:49667");
  EXPECT_EQ(caller.endpoint, "49667");
  EXPECT_EQ(caller.level, AuthLevel::kPrivacy);
  EXPECT_EQ(caller.service, AuthService::kKerberos);
  EXPECT_EQ(caller.object, r.runtime.of);
  EXPECT_EQ(caller.client_pid, 0u);
  ASSERT_TRUE(caller.user);
  EXPECT_EQ(caller.user->domain, "CONTOSO");
  EXPECT_EQ(caller.user->user, "\u00e4lice");
  EXPECT_EQ(caller.user->sid, "S-1-5-21-1-2-3-1104");
  EXPECT_THAT(caller.user->groups, ElementsAre("S-1-5-11"));
  EXPECT_EQ(caller.user->mechanism, AuthService::kKerberos);
}

TEST(CallerReader, APrincipalsTokenIsAskedForOnceAMinute) {
  Reading r;
  r.runtime.remote = kRemote;
  r.runtime.name = u"CONTOSO\\alice";
  const auto first = r.ask().user;
  EXPECT_EQ(r.ask().user, first);
  EXPECT_EQ(r.runtime.tokens, 1);
  // Somebody else on the same connection, the same name from elsewhere or at another level: others.
  r.runtime.name = u"CONTOSO\\bob";
  r.runtime.sid = "S-1-5-21-1-2-3-1105";
  EXPECT_EQ(r.ask().user->sid, "S-1-5-21-1-2-3-1105");
  r.runtime.name = u"CONTOSO\\alice";
  r.runtime.remote[7] = 6;
  EXPECT_NE(r.ask().user, first);
  r.runtime.remote[7] = 5;
  r.runtime.level = 5;
  EXPECT_NE(r.ask().user, first);
  r.runtime.level = 6;
  EXPECT_EQ(r.ask().user, first);
  EXPECT_EQ(r.runtime.tokens, 4);
  r.runtime.now += UserCache::kBelieved;
  EXPECT_NE(r.ask().user, first);
}

TEST(CallerReader, OverAPipeTheTokenSaysWho) {
  Reading r;
  r.runtime.client = u"ncacn_np:CLIENT7";
  r.runtime.server = u"ncacn_np:FS1[\\\\pipe\\\\svcctl]";
  r.runtime.level = 1;
  r.runtime.service = 0;
  Caller caller = r.ask();
  EXPECT_EQ(caller.protocol, Protocol::kNamedPipe);
  EXPECT_EQ(caller.endpoint, "\\pipe\\svcctl");
  EXPECT_EQ(caller.client, Endpoint{});
  EXPECT_EQ(caller.level, AuthLevel::kNone);
  ASSERT_TRUE(caller.user);
  EXPECT_EQ(caller.user->sid, "S-1-5-21-1-2-3-1104");
  EXPECT_EQ(caller.user->user, "");
  // Without a name nothing says that the next call is the same user's.
  r.runtime.sid = "S-1-5-18";
  EXPECT_EQ(r.ask().user->sid, "S-1-5-18");
}

TEST(CallerReader, NobodyAuthenticatedIsNobody) {
  Reading r;
  r.runtime.remote = kRemote;
  r.runtime.level = 1;
  r.runtime.service = 10;
  const Caller caller = r.ask();
  EXPECT_EQ(caller.level, AuthLevel::kNone);
  EXPECT_EQ(caller.service, AuthService::kNone);
  EXPECT_FALSE(caller.user);
  EXPECT_EQ(r.runtime.tokens, 0) << "the anonymous token is no user";
}

TEST(CallerReader, ANameWithoutATokenIsStillAName) {
  Reading r;
  r.runtime.name = u"alice";
  r.runtime.sid.clear();
  const Caller caller = r.ask();
  ASSERT_TRUE(caller.user);
  EXPECT_EQ(caller.user->user, "alice");
  EXPECT_EQ(caller.user->domain, "");
  EXPECT_EQ(caller.user->sid, "");
  EXPECT_EQ(caller.user->known_by, "call attributes");
  r.runtime.name.clear();
  EXPECT_FALSE(r.ask().user);
}

TEST(CallerReader, LocalCallsNameTheirProcess) {
  Reading r;
  r.runtime.client = u"ncalrpc:VM";
  r.runtime.server = u"ncalrpc:VM[lsapolicylookup]";
  r.runtime.pid = 4321;
  r.runtime.remote = kRemote;
  Caller caller = r.ask();
  EXPECT_TRUE(caller.local);
  EXPECT_EQ(caller.client_pid, 4321u);
  EXPECT_EQ(*caller.client_image, "C:\\4321.exe");
  EXPECT_EQ(caller.client, Endpoint{});
  r.ask();
  EXPECT_EQ(r.runtime.images, 1);
  r.runtime.now += CallerReader::kImageBelieved + 1;
  r.ask();
  EXPECT_EQ(r.runtime.images, 2) << "process ids are used again";
  // A runtime without call attributes has an older function.
  r.runtime.answers = false;
  r.runtime.other_pid = 77;
  caller = r.ask();
  EXPECT_EQ(caller.client_pid, 77u);
  EXPECT_EQ(*caller.client_image, "C:\\77.exe");
  EXPECT_EQ(caller.level, AuthLevel::kPrivacy) << "RpcBindingInqAuthClient";
}

TEST(CallerReader, ARuntimeThatSaysNothing) {
  Reading r;
  r.runtime.client.clear();
  r.runtime.server = u"ncacn_http:[593]";
  r.runtime.answers = false;
  r.runtime.level = 0;
  Caller caller = r.ask();
  EXPECT_EQ(caller.protocol, Protocol::kHttp);
  EXPECT_EQ(caller.level, AuthLevel::kNone);
  EXPECT_FALSE(caller.user);
  EXPECT_FALSE(caller.object);
  r.runtime.server.clear();
  caller = r.ask();
  EXPECT_EQ(caller.endpoint, "");
  EXPECT_EQ(caller.server, Endpoint{});
}

TEST(CallerReader, WhatTheRuntimeWritesIsBounded) {
  Reading r;
  r.runtime.name = std::u16string(CallerReader::kMaxName * 2, u'x');  // leaves no room for a NUL
  EXPECT_EQ(r.ask().user->user.size(), CallerReader::kMaxName);
  r.runtime.server = u"ncacn_ip_tcp:[99999999999999999999]";
  EXPECT_EQ(r.ask().server.port, 0);
  r.runtime.server = u"ncacn_ip_tcp:[";
  EXPECT_EQ(r.ask().endpoint, "");
}

TEST(SocketAddress, OfEveryFamily) {
  const auto of = [](std::initializer_list<std::uint8_t> bytes) {
    CallerRuntime::SocketBytes out{};
    std::memcpy(out.data(), bytes.begin(), bytes.size());
    return endpoint_of(out).to_string();
  };
  EXPECT_EQ(of({2, 0, 1, 0xBD, 192, 168, 1, 2}), "192.168.1.2:445");
  EXPECT_EQ(of({23, 0, 1, 0xBD, 9, 9, 9, 9, 0xFD, 0, 0, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5}),
            "[fd00:77::5]:445");
  EXPECT_EQ(of({23, 0, 1, 0xBD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, 5}),
            "10.0.0.5:445");
  EXPECT_EQ(of({1, 0, 1, 0xBD, 9, 9, 9, 9}), Endpoint{}.to_string());
}

}  // namespace
}  // namespace rpcmarshal::agent
