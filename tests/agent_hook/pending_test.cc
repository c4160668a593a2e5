#include "agent/hook/pending.h"

#include <gtest/gtest.h>

#include <thread>

#include "agent/fake_rpc.h"
#include "agent_hook/event_json.h"

namespace rpcmarshal::agent {
namespace {

using nlohmann::json;

constexpr Guid kSvcctl{
    0x367abb81, 0x9844, 0x35f1, {0xad, 0x32, 0x98, 0xf0, 0x38, 0x00, 0x10, 0x03}};
constexpr std::uint16_t kDelete = 2, kOpen = 15;  // RDeleteService, ROpenSCManagerW

void stub(RpcMessage*) {}

/// A server of asynchronous stubs. Each call has a handle of its own.
struct Machine {
  Machine() : svcctl(std::vector<DispatchFunction>(64, &stub), kSvcctl, 2) {
    const auto table =
        hook.originals().add({{kSvcctl, 2, 0}, {kNdr20Syntax, 2, 0}, svcctl.entries.data(), 64});
    for (int i = 0; i < 64; ++i) {
      table->asynchronous[i] = true;
      table->originals[i] = &stub;
    }
    hook.start(std::make_unique<Session>(SessionOptions{}));
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine() { hook.stop(0); }
  Session& session() { return *hook.session(); }

  /// Enters, does `meanwhile` in the stub, leaves.
  template <typename Meanwhile>
  void call(std::uint16_t opnum, std::uintptr_t handle, Meanwhile meanwhile,
            std::uint32_t raise = 0) {
    FakeMessage message(svcctl, opnum, std::string(20, '\1'));
    message.message.handle = reinterpret_cast<void*>(handle);
    CallFrame frame;
    hook.enter(&message.message, frame);
    meanwhile();
    hook.leave(frame, raise);
  }
  void call(std::uint16_t opnum, std::uintptr_t handle) {
    call(opnum, handle, [] {});
  }
  void end(std::uintptr_t handle, std::uint32_t result, std::uint32_t exception = 0,
           std::uint32_t status = 0) {
    RpcAsyncState state{};
    state.runtime_info = reinterpret_cast<void*>(handle);
    std::byte value[8];
    std::memset(value, 0xEE, sizeof value);  // what happens to lie behind it
    std::memcpy(value, &result, 4);
    EndFrame frame;
    hook.ending(&state, value, exception ? 0 : 8, exception, frame);
    hook.ended(frame, status);
  }
  std::vector<json> events() {
    std::vector<json> all;
    for (const auto& record : session().queue.take(0)) all.push_back(event_of(*record));
    return all;
  }

  FakePlatform platform;
  FakeCallers callers;
  Hook hook{platform, callers};
  FakeInterface svcctl;
};

TEST(Asynchronous, ACallIsReportedWhenTheServerEndsIt) {
  Machine m;
  m.call(kDelete, 1);
  m.call(kDelete, 2);
  EXPECT_TRUE(m.events().empty());
  m.end(2, 0);
  m.end(1, 1072);
  m.end(1, 0);  // no call of ours any more
  const auto events = m.events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["response"]["return"]["name"], "ERROR_SUCCESS");
  EXPECT_EQ(events[1]["response"]["return"]["name"], "ERROR_SERVICE_MARKED_FOR_DELETE");
  EXPECT_GT(events[1]["duration"], events[0]["duration"]);
  // Nothing else is in this response: it is what the client got.
  EXPECT_EQ(events[0]["outcome"], "returned");
  EXPECT_EQ(events[0]["decode"]["status"], "complete");
  EXPECT_EQ(events[0]["decode"]["response"]["size"], 4);
  EXPECT_EQ(m.hook.active(), 0u);
  EXPECT_EQ(m.session().pending.size(), 0u);
}

TEST(Asynchronous, ResultsThatAreNotSeenAreSaidToBeMissing) {
  Machine m;
  m.call(kOpen, 1);
  m.end(1, 5);
  const json event = m.events().at(0);
  EXPECT_EQ(event["response"], json({{"return", {{"value", 5}, {"name", "ERROR_ACCESS_DENIED"}}}}));
  EXPECT_EQ(event["decode"]["status"], "partial");
  EXPECT_EQ(event["decode"]["response"]["reason"],
            "an asynchronous call: only what it returned is known");
}

TEST(Asynchronous, EndedBeforeTheStubReturns) {
  Machine m;
  m.call(kDelete, 1, [&] { m.end(1, 6); });
  ASSERT_EQ(m.session().pending.size(), 0u);
  EXPECT_EQ(m.events().at(0)["response"]["return"]["name"], "ERROR_INVALID_HANDLE");
}

TEST(Asynchronous, ARuntimeThatDoesNotNameTheCall) {
  Machine m;
  m.call(kDelete, 1);
  m.call(kDelete, 2, [&] { m.end(0, 6); });  // in the stub of 2: it is 2
  m.end(0, 7);                               // in no stub: nobody knows
  EXPECT_EQ(m.events().size(), 1u);
  EXPECT_EQ(m.session().pending.size(), 1u);
}

TEST(Asynchronous, AbortedCallsAreFaults) {
  Machine m;
  m.call(kDelete, 1);
  m.end(1, 0, 1722);
  m.call(kDelete, 2, [&] { m.end(2, 0, 5); });
  const auto events = m.events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["outcome"], "fault");
  EXPECT_EQ(events[0]["fault"]["status"], 1722);
  EXPECT_EQ(events[1]["outcome"], "denied");
  EXPECT_EQ(m.hook.counters().exceptions, 2u);
}

TEST(Asynchronous, AStubThatRaisesHasEndedTheCall) {
  Machine m;
  m.call(
      kDelete, 1, [] {}, 1783);
  EXPECT_EQ(m.events().at(0)["fault"]["status"], 1783);
  EXPECT_EQ(m.session().pending.size(), 0u);
}

TEST(Asynchronous, WhatTheRuntimeSaysOfTheEndCounts) {
  Machine m;
  m.call(kDelete, 1);
  m.end(1, 0, 0, kAsyncCallPending);
  m.end(1, 0, 0, kInvalidAsyncHandle);
  EXPECT_TRUE(m.events().empty());  // it goes on
  m.end(1, 9);
  EXPECT_EQ(m.events().at(0)["response"]["return"]["value"], 9);
  m.call(kDelete, 1);
  m.end(1, 0, 0, 1726);  // the client was gone: there was no answer
  EXPECT_EQ(m.events().at(0)["outcome"], "no_response");
  m.call(kDelete, 1, [&] { m.end(1, 0, 0, 1726); });
  EXPECT_EQ(m.events().at(0)["outcome"], "no_response");
}

TEST(Asynchronous, AHandleUsedAgainClosesTheCallBefore) {
  Machine m;
  m.call(kDelete, 1);
  m.call(kOpen, 1);
  auto events = m.events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["operation"], "RDeleteService");
  EXPECT_EQ(events[0]["outcome"], "no_response");
  // The runtime may give the handle away between ending() and ended().
  RpcAsyncState state{};
  state.runtime_info = reinterpret_cast<void*>(1);
  EndFrame frame;
  m.hook.ending(&state, nullptr, 0, 1726, frame);
  m.call(kDelete, 1);
  m.hook.ended(frame, 0);
  events = m.events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0]["operation"], "ROpenSCManagerW");
  EXPECT_EQ(events[0]["fault"]["status"], 1726);
  m.end(1, 0);
  EXPECT_EQ(m.events().at(0)["operation"], "RDeleteService");
}

TEST(Asynchronous, WaitingIsBounded) {
  Machine m;
  for (std::uintptr_t i = 1; i <= PendingCalls::kMaxCalls + 10; ++i) m.call(kDelete, i);
  EXPECT_EQ(m.session().pending.size(), PendingCalls::kMaxCalls);
  EXPECT_EQ(m.events().size(), 10u);
  m.platform.tick += PendingCalls::kPatience + 1'000'000'000;
  m.hook.expire(m.session());
  const auto events = m.events();
  EXPECT_EQ(events.size(), PendingCalls::kMaxCalls);
  EXPECT_EQ(events[0]["outcome"], "no_response");
  m.end(PendingCalls::kMaxCalls, 0);
  EXPECT_TRUE(m.events().empty());
}

TEST(Asynchronous, WaitingIsBoundedInBytes) {
  PendingCalls pending;
  PendingCalls::Records given_up;
  const std::string large(1 << 20, 'x');
  for (std::uintptr_t i = 1; i <= 10; ++i) {
    const std::uint64_t call = pending.open(reinterpret_cast<void*>(i), 0, given_up);
    auto record = std::make_unique<CallRecord>();
    record->request.copy(large.data(), large.size(), large.size());
    EXPECT_EQ(pending.stub_returned(call, std::move(record), given_up), nullptr);
  }
  EXPECT_EQ(pending.size(), 7u);
  EXPECT_EQ(given_up.size(), 3u);
}

TEST(Asynchronous, ACallGivenUpInsideItsStubIsReportedOnce) {
  Machine m;
  m.call(kDelete, 1, [&] { m.call(kDelete, 1); });
  ASSERT_EQ(m.events().size(), 1u);  // the outer one; the inner waits
  m.end(1, 0);
  EXPECT_EQ(m.events().size(), 1u);
}

TEST(Asynchronous, StoppingReportsWhatWaits) {
  Machine m;
  m.call(kDelete, 1);
  const std::unique_ptr<Session> session = m.hook.stop(100);
  ASSERT_TRUE(session);
  EXPECT_EQ(session->queue.take(0).size(), 1u);
  m.end(1, 0);  // nobody is interested any more
  EXPECT_EQ(m.hook.active(), 0u);
}

TEST(Asynchronous, ManyThreadsLoseNothing) {
  Machine m;
  constexpr std::uintptr_t kThreads = 4, kCalls = 2000;
  std::vector<std::thread> threads;
  for (std::uintptr_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::uintptr_t i = 1; i <= kCalls; ++i) {
        // On a busy machine the ends may lag behind; more than kMaxCalls would be given up.
        while (m.session().pending.size() > PendingCalls::kMaxCalls / 2) std::this_thread::yield();
        m.call(kDelete, t * kCalls + i);
      }
    });
    threads.emplace_back([&, t] {  // ends them, from elsewhere, as soon as they are there
      for (std::uintptr_t i = 1; i <= kCalls; ++i) {
        EndFrame frame;
        RpcAsyncState state{};
        state.runtime_info = reinterpret_cast<void*>(t * kCalls + i);
        for (;;) {
          m.hook.ending(&state, nullptr, 0, 1726, frame);
          m.hook.ended(frame, 0);
          if (frame.call != 0) break;
          std::this_thread::yield();
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto records = m.session().queue.take(0);
  EXPECT_EQ(records.size(), kThreads * kCalls);
  EXPECT_TRUE(std::ranges::all_of(records, [](const auto& r) { return r->exception == 1726; }));
  EXPECT_EQ(m.session().pending.size(), 0u);
}

}  // namespace
}  // namespace rpcmarshal::agent
