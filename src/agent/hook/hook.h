// The hook itself, without Windows: what happens before and after the original function of a
// dispatch-table entry. A call goes
//
//   entry ─ enter() ─ guarded original ─ leave() ─ (re-raise) ─ runtime
//              │                            │
//        copy request, decide        copy reply, push ─ queue ─ reporter thread ─ pipe
//
// An RPC exception passes through frames without running C++ destructors, so nothing here spans the
// original: enter() and leave() are complete by themselves and keep their state in a CallFrame of
// plain data. They never throw, never wait but for short locks, never write.
//
// A Session is everything that exists only while the process is protected. Threads reach it through
// Hook::session_ and are counted, so that it is destroyed only when none is inside; when one stays
// inside for longer than anybody wants to wait, it is left as it is.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "agent/common/protocol.h"
#include "agent/hook/caller.h"
#include "agent/hook/decider.h"
#include "agent/hook/originals.h"
#include "agent/hook/pending.h"
#include "agent/hook/queue.h"
#include "agent/hook/record.h"

namespace rpcmarshal::agent {

/// What the hook needs of the machine.
class Platform {
 public:
  virtual ~Platform() = default;
  virtual Timestamp now() noexcept = 0;    ///< wall clock, nanoseconds since 1970
  virtual Timestamp ticks() noexcept = 0;  ///< steady clock, nanoseconds
  /// One pointer per thread, for nested entries.
  virtual void* thread_value() noexcept = 0;
  virtual void set_thread_value(void* value) noexcept = 0;
};

struct SessionOptions {
  bool local_calls = false;
  bool fail_closed = false;
  std::uint32_t max_stub = 256 * 1024;
  std::uint32_t queue_bytes = 16 * 1024 * 1024;
};

struct Session {
  explicit Session(const SessionOptions& with) : options(with), queue(with.queue_bytes) {}
  SessionOptions options;
  CallQueue queue;
  PendingCalls pending;
  /// Replaced while calls are decided; null: everything is allowed.
  std::atomic<std::shared_ptr<Decider>> decider;
};

/// Counters of HookStatus that calls change.
struct Counters {
  std::atomic<std::uint64_t> calls{0}, dropped{0}, blocked{0}, audited{0}, unknown{0}, failures{0},
      exceptions{0}, events{0};
};

/// State of one call on the stack of its thread. Plain data.
struct CallFrame {
  DispatchFunction original;  ///< null: not known, the call cannot be served
  Session* session;           ///< null: nothing is recorded
  CallRecord* record;         ///< owned by the frame between enter() and leave()
  CallFrame* outer;           ///< of the same thread
  const RpcMessage* message;
  const void* request_buffer;
  std::uint32_t request_length;
  Timestamp started;
  bool asynchronous;      ///< the reply is not made when the original returns
  std::uint64_t pending;  ///< of an asynchronous call: its number among the session's pending ones
  std::uint32_t refuse;   ///< not 0: raise this, do not call the original
};

/// State of one RpcAsyncCompleteCall or RpcAsyncAbortCall of the server. Plain data.
struct EndFrame {
  Session* session;
  std::uint64_t call;  ///< 0: not one of ours
  Completion completion;
};

class Hook {
 public:
  Hook(Platform& platform, CallerSource& callers) : platform_(platform), callers_(callers) {}

  /// Fills `frame`. Then either raise frame.refuse, or call frame.original; in both cases leave().
  void enter(RpcMessage* message, CallFrame& frame) noexcept;
  /// `exception`: what the original raised, or what was raised to refuse; 0 when it returned.
  void leave(CallFrame& frame, std::uint32_t exception) noexcept;

  /// The server is about to end an asynchronous call: with the return value at `reply`, of which
  /// `size` bytes (at most 8) can be read, or with an exception. ended() must follow.
  void ending(const RpcAsyncState* state, const std::byte* reply, std::size_t size,
              std::uint32_t exception, EndFrame& frame) noexcept;
  /// `status`: what the runtime's own function returned, or raised.
  void ended(EndFrame& frame, std::uint32_t status) noexcept;
  /// Gives up calls that have been pending for too long. Of the session's own thread.
  void expire(Session& session) noexcept;

  void start(std::unique_ptr<Session> session);
  Session* session() const { return session_.load(std::memory_order_acquire); }
  /// Takes the session away from new calls. When every call has left within `milliseconds` it is
  /// given back to be destroyed; otherwise it stays for ever, and null is returned.
  std::unique_ptr<Session> stop(int milliseconds);

  std::uint32_t active() const { return active_.load(std::memory_order_relaxed); }
  Originals& originals() { return originals_; }
  Counters& counters() { return counters_; }

 private:
  void observe(RpcMessage& message, CallFrame& frame);
  bool nested(const CallFrame& frame) const;
  void push(Session& session, std::unique_ptr<CallRecord> record) noexcept;
  void push(Session& session, PendingCalls::Records& records) noexcept;

  Platform& platform_;
  CallerSource& callers_;
  Originals originals_;
  Counters counters_;
  std::atomic<Session*> session_{nullptr};
  std::atomic<std::uint32_t> active_{0};
};

}  // namespace rpcmarshal::agent
