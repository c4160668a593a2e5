// Asynchronous calls whose stub has returned and whose answer has not been made. The server ends
// them with RpcAsyncCompleteCall or RpcAsyncAbortCall, in any thread, at any time, also before its
// stub has returned; which call it ends is told by the call's binding handle: RPC_MESSAGE.Handle
// when it is dispatched, RpcAsyncGetCallHandle() of the asynchronous state when it ends.
//
// A call goes open() - stub_returned() - ending() - ended(), the last three in either order.
// Bounded in calls, bytes and time: what is given up comes back without an answer, oldest first.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "agent/hook/record.h"

namespace rpcmarshal::agent {

/// What is known of a call's end. Plain data: it lives in frames that exceptions pass.
struct Completion {
  Timestamp ticks;          ///< when, by Platform::ticks()
  std::uint32_t exception;  ///< of an aborted call; 0: it returned
  std::uint32_t size;       ///< bytes of `value` that could be read
  std::byte value[8];       ///< what the server's Reply points to: the return value comes first
};

class PendingCalls {
 public:
  static constexpr std::size_t kMaxCalls = 4096;
  static constexpr std::size_t kMaxBytes = std::size_t{8} << 20;
  static constexpr Timestamp kPatience = Timestamp{300} * 1'000'000'000;

  using Record = std::unique_ptr<CallRecord>;
  using Records = std::vector<Record>;

  /// A call on `handle` is about to be dispatched, at `ticks`. Not 0, what the others know it by.
  /// A call that was pending on the same handle is over: it is appended to `given_up`, as are those
  /// for which there is no room any more.
  std::uint64_t open(const void* handle, Timestamp ticks, Records& given_up);
  /// Its stub has returned. The record comes back, filled in, when the call has ended already, and
  /// as it is when the call was given up; otherwise it is kept.
  Record stub_returned(std::uint64_t call, Record record, Records& given_up);
  /// Its stub raised: it will not end in any other way.
  void forget(std::uint64_t call);
  /// The call on `handle` is about to end; 0 when none is known. From here on the runtime may use
  /// the handle for another call.
  std::uint64_t ending(const void* handle);
  /// As before, for a call that is known otherwise. False: it is not pending (any more).
  bool ending(std::uint64_t call);
  /// It has ended. Its record, filled in, when the stub has returned; otherwise stub_returned()
  /// will give it.
  Record ended(std::uint64_t call, const Completion& completion);
  /// It has not ended after all.
  void not_ended(std::uint64_t call);
  /// The runtime refused the answer: the call is over without one.
  Record failed(std::uint64_t call);

  /// Takes out what has waited for longer than kPatience at `now`.
  void expire(Timestamp now, Records& given_up);
  /// Takes out everything.
  void drain(Records& given_up);
  std::size_t size() const;

 private:
  struct Entry {
    const void* handle;
    Timestamp opened;
    Record record;                         ///< null: the stub has not returned
    std::optional<Completion> completion;  ///< of a call whose stub has not returned
  };
  using Entries = std::map<std::uint64_t, Entry>;  ///< numbers rise, so the oldest is first
  Entries::iterator remove(Entries::iterator entry, Records* given_up);
  void make_room(std::size_t calls, Records& given_up);
  void unname(const Entry& entry, std::uint64_t call);

  mutable std::mutex mutex_;  ///< all below
  Entries entries_;
  /// Calls that can end: not those whose end is under way.
  std::unordered_map<const void*, std::uint64_t> by_handle_;
  std::size_t bytes_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace rpcmarshal::agent
