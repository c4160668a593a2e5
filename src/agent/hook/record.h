// One call as the hook saw it: copies of what the runtime's buffers held, and what there is to know
// about it without decoding. Made in the thread of the call; everything that takes time is done
// later, from the queue, by the reporter's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "agent/common/rpc_layout.h"
#include "agent/hook/caller.h"
#include "base/bytes.h"
#include "base/time.h"
#include "dcerpc/call.h"

namespace rpcmarshal::agent {

/// A copy of at most a limit of bytes, which remembers how many there were.
class CopiedBytes {
 public:
  void copy(const void* from, std::size_t size, std::size_t limit) {
    size_ = size;
    kept_ = size < limit ? size : limit;
    bytes_.reset(kept_ ? new std::byte[kept_] : nullptr);
    if (kept_) std::memcpy(bytes_.get(), from, kept_);
  }
  Bytes bytes() const { return {bytes_.get(), kept_}; }
  std::size_t size() const { return size_; }
  bool whole() const { return kept_ == size_; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0, kept_ = 0;
};

/// What a policy said about a call. Texts are the policy's own, which `owner` keeps.
struct Verdict {
  bool refuse = false;       ///< the call must not reach the server
  bool audit = false;        ///< a rule asked for the event
  bool unknown = false;      ///< it depended on something that could not be known
  std::uint32_t status = 5;  ///< of a refused call
  EventAction action;        ///< for the event; no decision: no policy was asked
  std::shared_ptr<const void> owner;
};

struct CallRecord {
  Timestamp time = 0;
  Timestamp duration = 0;  ///< nanoseconds
  SyntaxId interface, syntax;
  std::uint16_t opnum = 0;
  std::uint32_t data_representation = 0;
  Caller caller;
  CopiedBytes request, reply;
  bool has_reply = false;     ///< the server returned, and its reply could be read
  bool return_only = false;   ///< `reply` holds but the return value, as the server's memory has it
  bool partial = false;       ///< a pipe: more is sent, both ways, than the hook sees
  bool asynchronous = false;  ///< the reply is made by RpcAsyncCompleteCall (pending.h)
  std::uint32_t exception = 0;  ///< raised by the server, or by the hook to refuse
  Verdict verdict;

  /// Bytes it takes in the queue.
  std::size_t footprint() const {
    return sizeof *this + request.bytes().size() + reply.bytes().size();
  }
};

/// A Call, as the wire gives it, that refers to `record`: so both go one way from here on.
Call call_of(const CallRecord& record);

}  // namespace rpcmarshal::agent
