#include "agent/hook/hook.h"

#include <gtest/gtest.h>

#include <thread>

#include "agent/fake_rpc.h"
#include "agent/hook/reporter.h"
#include "agent_hook/event_json.h"

namespace rpcmarshal::agent {
namespace {

using nlohmann::json;

constexpr Guid kSvcctl{
    0x367abb81, 0x9844, 0x35f1, {0xad, 0x32, 0x98, 0xf0, 0x38, 0x00, 0x10, 0x03}};

void original(RpcMessage*) {}

/// ROpenSCManagerW: machine name null, database name null, access.
const std::string kOpen("\0\0\0\0\0\0\0\0\x3f\0\x0f\0", 12);
/// A context handle and ERROR_SUCCESS.
const std::string kOpened = std::string(4, '\0') + "0123456789abcdef" + std::string(4, '\0');

struct Machine {
  Machine() : svcctl(std::vector<DispatchFunction>(64, &original), kSvcctl, 2) {
    const auto table =
        hook.originals().add({{kSvcctl, 2, 0}, {kNdr20Syntax, 2, 0}, svcctl.entries.data(), 64});
    for (int i = 0; i < 64; ++i) table->originals[i] = &original;
    callers.next.protocol = EventTransport::Protocol::kTcp;
    callers.next.client.address = *parse_address("10.0.0.5");
    callers.next.client.port = 50000;
    callers.next.server.port = 49700;
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() { hook.stop(0); }  // gives the session back, which is freed
  Session& start(SessionOptions options = {}) {
    hook.start(std::make_unique<Session>(options));
    return *hook.session();
  }
  /// One call, as rpcm_entry makes it.
  std::uint32_t call(std::uint32_t opnum, std::string_view request, std::string_view reply,
                     std::uint32_t raise = 0) {
    FakeMessage message(svcctl, opnum, request);
    CallFrame frame;
    hook.enter(&message.message, frame);
    const std::uint32_t code = frame.refuse ? frame.refuse : raise;
    if (code == 0) message.answer(reply);
    hook.leave(frame, code);
    return code;
  }

  FakePlatform platform;
  FakeCallers callers;
  Hook hook{platform, callers};
  FakeInterface svcctl;
};

class RefuseAll final : public Decider {
 public:
  bool decide(const CallRecord&, Verdict& verdict) noexcept override {
    verdict.refuse = true;
    verdict.status = status;
    ++asked;
    return !fails;
  }
  void learn(const CallRecord&) noexcept override { ++learned; }
  std::uint32_t status = 5;
  bool fails = false;
  std::atomic<int> asked{0}, learned{0};
};

TEST(Hook, ACallBecomesTheWiresEvent) {
  Machine m;
  Session& session = m.start();
  m.callers.next.user = [] {
    auto user = std::make_shared<Identity>();
    user->user = "jdoe";
    user->domain = "CONTOSO";
    user->sid = "S-1-5-21-1-2-3-1104";
    return user;
  }();
  m.callers.next.level = AuthLevel::kPrivacy;
  m.callers.next.service = AuthService::kNtlm;
  EXPECT_EQ(m.call(15, kOpen, kOpened), 0u);
  const auto calls = session.queue.take(0);
  ASSERT_EQ(calls.size(), 1u);
  const json event = event_of(*calls.front());
  EXPECT_EQ(event["sensor"], "host");
  EXPECT_EQ(event["operation"], "ROpenSCManagerW");
  EXPECT_EQ(event["request"]["dwDesiredAccess"], "SC_MANAGER_ALL_ACCESS");
  EXPECT_EQ(event["response"]["return"]["name"], "ERROR_SUCCESS");
  EXPECT_EQ(event["outcome"], "returned");
  EXPECT_EQ(event["decode"]["status"], "complete");
  EXPECT_EQ(event["client"]["address"], "10.0.0.5");
  EXPECT_EQ(event["client"]["port"], 50000);
  EXPECT_FALSE(event["server"].contains("address"));
  EXPECT_EQ(event["server"]["port"], 49700);
  EXPECT_EQ(event["server"]["pid"], 321);
  EXPECT_EQ(event["user"]["sid"], "S-1-5-21-1-2-3-1104");
  EXPECT_EQ(event["user"]["level"], "privacy");
  EXPECT_FALSE(event.contains("call_id"));
  EXPECT_FALSE(event["transport"].contains("connection"));
  EXPECT_GT(event["duration"], 0);
}

TEST(Hook, ExceptionsAndUntouchedBuffersAreToldAsTheyAre) {
  Machine m;
  Session& session = m.start();
  EXPECT_EQ(m.call(15, kOpen, {}, 1717), 1717u);
  EXPECT_EQ(m.call(15, kOpen, {}, 5), 5u);
  FakeMessage untouched(m.svcctl, 15, kOpen);
  CallFrame frame;
  m.hook.enter(&untouched.message, frame);
  m.hook.leave(frame, 0);
  const auto calls = session.queue.take(0);
  ASSERT_EQ(calls.size(), 3u);
  EXPECT_EQ(event_of(*calls[0])["outcome"], "fault");
  EXPECT_EQ(event_of(*calls[0])["fault"]["status"], 1717);
  EXPECT_EQ(event_of(*calls[1])["outcome"], "denied");
  // The request is not mistaken for the reply.
  EXPECT_EQ(event_of(*calls[2])["decode"]["response"]["size"], 0);
  EXPECT_EQ(m.hook.counters().exceptions, 2u);
}

TEST(Hook, ARefusedCallNeverReachesTheServer) {
  Machine m;
  Session& session = m.start();
  const auto decider = std::make_shared<RefuseAll>();
  session.decider = decider;
  FakeMessage message(m.svcctl, 12, kOpen);
  CallFrame frame;
  m.hook.enter(&message.message, frame);
  EXPECT_EQ(frame.refuse, 5u);
  m.hook.leave(frame, frame.refuse);
  const auto calls = session.queue.take(0);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_EQ(event_of(*calls[0])["outcome"], "denied");
  EXPECT_EQ(m.hook.counters().blocked, 1u);
  EXPECT_EQ(m.hook.counters().exceptions, 0u);
  EXPECT_EQ(decider->learned, 0);
  decider->status = 0;  // a status of no error would let the client believe in success
  EXPECT_EQ(m.call(12, kOpen, {}), 5u);
}

TEST(Hook, AFailureOfItsOwnIsOpenOrClosedAsConfigured) {
  for (const bool closed : {false, true}) {
    Machine m;
    Session& session = m.start({.fail_closed = closed});
    const auto decider = std::make_shared<RefuseAll>();
    decider->fails = true;
    session.decider = decider;
    EXPECT_EQ(m.call(15, kOpen, kOpened), closed ? 5u : 0u);
    EXPECT_EQ(m.hook.counters().failures, 1u);
  }
}

TEST(Hook, LocalCallsAreLeftAloneUnlessAskedFor) {
  Machine m;
  Session& session = m.start();
  m.callers.next.protocol = EventTransport::Protocol::kLocal;
  m.callers.next.local = true;
  m.callers.next.client = {};
  const auto decider = std::make_shared<RefuseAll>();
  session.decider = decider;
  EXPECT_EQ(m.call(15, kOpen, kOpened), 0u);
  EXPECT_EQ(decider->asked, 0);
  EXPECT_TRUE(session.queue.take(0).empty());
  EXPECT_EQ(m.hook.counters().calls, 1u);
  m.hook.stop(0);
  m.callers.next.client_pid = 77;
  m.callers.next.client_image = std::make_shared<const std::string>("C:\\tool.exe");
  Session& with = m.start({.local_calls = true});
  m.call(15, kOpen, kOpened);
  const auto calls = with.queue.take(0);
  ASSERT_EQ(calls.size(), 1u);
  const json event = event_of(*calls[0]);
  EXPECT_EQ(event["transport"]["protocol"], "ncalrpc");
  EXPECT_EQ(event["client"], json({{"pid", 77}, {"process", "C:\\tool.exe"}}));
}

TEST(Hook, TheSameMessageInsideItselfIsOneCall) {
  Machine m;
  Session& session = m.start();
  FakeMessage message(m.svcctl, 15, kOpen);
  FakeMessage other(m.svcctl, 15, kOpen);
  CallFrame outer, inner, callback;
  m.hook.enter(&message.message, outer);
  m.hook.enter(&message.message, inner);
  EXPECT_EQ(inner.record, nullptr);
  EXPECT_EQ(inner.original, &original);
  m.hook.leave(inner, 0);
  m.hook.enter(&other.message, callback);  // a server that serves another call meanwhile
  m.hook.leave(callback, 0);
  m.hook.leave(outer, 0);
  EXPECT_EQ(session.queue.take(0).size(), 2u);
  EXPECT_EQ(m.hook.counters().calls, 2u);
  EXPECT_EQ(m.hook.active(), 0u);
  EXPECT_EQ(m.platform.thread_value(), nullptr);
}

TEST(Hook, WideSyntaxAndPartialBuffers) {
  Machine m;
  Session& session = m.start();
  RpcSyntax wide{kNdr64Syntax, 1, 0};
  m.svcctl.add_ndr64(std::vector<DispatchFunction>(64, &original));
  const auto table =
      m.hook.originals().add({{kSvcctl, 2, 0}, {kNdr64Syntax, 1, 0}, m.svcctl.wide.data(), 64});
  for (int i = 0; i < 64; ++i) table->originals[i] = &original;
  const std::string open64 = std::string(16, '\0') + std::string("\x3f\0\x0f\0", 4);
  FakeMessage message(m.svcctl, 15 | 0x80000000u, open64);  // the runtime's own bits above
  message.message.transfer_syntax = &wide;
  CallFrame frame;
  m.hook.enter(&message.message, frame);
  EXPECT_EQ(frame.original, &original);
  message.answer(kOpened);
  m.hook.leave(frame, 0);
  FakeMessage partial(m.svcctl, 15, kOpen);
  partial.message.rpc_flags = kBufferPartial;
  m.hook.enter(&partial.message, frame);
  m.hook.leave(frame, 0);
  const auto calls = session.queue.take(0);
  ASSERT_EQ(calls.size(), 2u);
  const json event = event_of(*calls[0]);
  EXPECT_EQ(event["syntax"]["name"], "ndr64");
  EXPECT_EQ(event["request"]["dwDesiredAccess"], "SC_MANAGER_ALL_ACCESS");
  EXPECT_EQ(event["decode"]["status"], "complete");
  EXPECT_EQ(event_of(*calls[1])["outcome"], "no_response");
}

TEST(Hook, LargeBuffersAreCutAndSayIt) {
  Machine m;
  Session& session = m.start({.max_stub = 8});
  m.call(15, kOpen, kOpened);
  const auto calls = session.queue.take(0);
  const json event = event_of(*calls.at(0));
  EXPECT_EQ(event["decode"]["status"], "truncated");
  EXPECT_EQ(event["decode"]["request"]["size"], 12);
}

TEST(Hook, AFullQueueDropsAndCounts) {
  Machine m;
  m.start({.queue_bytes = 1500});
  for (int i = 0; i < 10; ++i) m.call(15, kOpen, kOpened);
  EXPECT_GT(m.hook.counters().dropped, 0u);
  EXPECT_LT(m.hook.counters().dropped, 10u);
}

TEST(Queue, GathersUntilTimeAnEighthOrTheEnd) {
  using Clock = std::chrono::steady_clock;
  const auto record = [](std::size_t size) {
    auto call = std::make_unique<CallRecord>();
    const std::string bytes(size, 'x');
    call->request.copy(bytes.data(), size, size);
    return call;
  };
  CallQueue queue(std::size_t{1} << 20);
  ASSERT_TRUE(queue.push(record(1000)));
  const auto asked = Clock::now();
  queue.gather(30);  // little is there: all the time is waited
  EXPECT_GE(Clock::now() - asked, std::chrono::milliseconds(30));
  ASSERT_TRUE(queue.push(record(std::size_t{1} << 17)));
  queue.gather(600'000);  // an eighth: at once
  EXPECT_EQ(queue.take(0).size(), 2u);

  std::thread server([&] {
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(queue.push(record(1000)));
  });
  queue.gather(600'000);  // ends in the middle
  server.join();
  EXPECT_EQ(queue.take(600'000).size(), 200u);  // what waits is not waited for
  std::thread last([&] { queue.close(); });
  queue.gather(600'000);
  last.join();
  EXPECT_TRUE(queue.take(600'000).empty());
  EXPECT_LT(Clock::now() - asked, std::chrono::minutes(5));
}

TEST(Hook, StopWaitsForCallsInside) {
  Machine m;
  m.start();
  FakeMessage message(m.svcctl, 15, kOpen);
  CallFrame frame;
  m.hook.enter(&message.message, frame);
  EXPECT_EQ(m.hook.stop(20), nullptr);  // it stays: somebody is inside
  EXPECT_EQ(m.hook.session(), nullptr);
  std::unique_ptr<Session> lost(frame.session);
  m.hook.leave(frame, 0);
  m.start();
  EXPECT_NE(m.hook.stop(20), nullptr);
  EXPECT_EQ(m.call(15, kOpen, kOpened), 0u);  // served, not recorded
}

TEST(Hook, StartAndStopUnderCalls) {
  Machine m;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        m.call(15, kOpen, kOpened);
        // As with real entries, which are put back before stop(): it waits for a moment without
        // calls.
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    m.start();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_NE(m.hook.stop(5000), nullptr);
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(m.hook.active(), 0u);
}

/// What the reporter writes, and whether there is anybody to read it.
class FakeChannel final : public EventChannel {
 public:
  std::atomic<bool> there{true}, broken{false};
  bool write(std::string_view messages) noexcept override {
    if (broken) return false;
    const std::lock_guard lock(mutex);
    text += messages;
    return true;
  }
  bool connect(bool& now) noexcept override {
    now = there && !std::exchange(connected_, true);
    return there;
  }
  std::mutex mutex;
  std::string text;

 private:
  bool connected_ = false;
};

TEST(Reporter, WritesHelloEventsAndAStatusThatCountsThem) {
  Machine m;
  auto session = std::make_unique<Session>(SessionOptions{});
  const ProcessFacts process{4, "x.exe"};
  FakeChannel channel;
  {
    Reporter reporter(*session, m.hook.counters(), catalogue().catalogue, process, channel, [&] {
      HookStatus status;
      status.pid = 4;
      status.events = m.hook.counters().events;
      return status;
    });
    reporter.note("hello there");
    Session& running = *session;
    m.hook.start(std::move(session));
    for (int i = 0; i < 100; ++i) m.call(15, kOpen, kOpened);
    session = m.hook.stop(1000);
    ASSERT_EQ(session.get(), &running);
  }
  MessageReader reader;
  reader.feed(as_bytes(channel.text));
  int events = 0, notes = 0;
  std::optional<HookStatus> last;
  bool hello_first = false;
  for (int n = 0; const auto message = reader.next(); ++n) {
    if (message->type == MessageType::kHello) hello_first = n == 0;
    if (message->type == MessageType::kNote) notes += message->payload == "hello there";
    if (message->type == MessageType::kStatus) last = message->status();
    if (message->type == MessageType::kEvent) {
      EXPECT_EQ(json::parse(message->payload)["id"], ++events);
    }
  }
  EXPECT_TRUE(hello_first);
  EXPECT_EQ(events, 100);
  EXPECT_EQ(notes, 1);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->events, 100u);
}

TEST(Reporter, WithoutAnAgentCallsAreDroppedAndCounted) {
  Machine m;
  auto session = std::make_unique<Session>(SessionOptions{});
  const ProcessFacts process{4, "x.exe"};
  FakeChannel channel;
  channel.there = false;
  {
    Reporter reporter(*session, m.hook.counters(), catalogue().catalogue, process, channel,
                      [] { return HookStatus{}; });
    m.hook.start(std::move(session));
    for (int i = 0; i < 10; ++i) m.call(15, kOpen, kOpened);
    session = m.hook.stop(1000);
  }
  EXPECT_EQ(m.hook.counters().dropped, 10u);
  EXPECT_TRUE(channel.text.empty());
}

}  // namespace
}  // namespace rpcmarshal::agent
