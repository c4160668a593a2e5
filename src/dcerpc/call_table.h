// Calls of one connection that are not finished, found by (side that called, call id), oldest
// first. Slots and small stub buffers are used again, so a connection that calls one at a time
// allocates nothing after its first call.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "dcerpc/call.h"

namespace rpcmarshal {

struct AuthContext;

/// One half of a call while its fragments are collected.
struct PendingHalf {
  bool started = false;
  bool finished = false;  ///< the last fragment was seen
  bool damaged = false;   ///< a fragment is missing, malformed or over a limit
  bool cut = false;       ///< over a limit: no further bytes are kept
  bool sealed = false;    ///< a fragment is sealed, and could not be opened
  bool opened = false;    ///< a fragment was sealed, and was opened
  CallHalf::Signature signature = CallHalf::Signature::kUnchecked;
  const char* seal_reason = nullptr;  ///< static; null: the exchange knows why
  Timestamp time = 0;
  DataRepresentation drep;
  std::uint32_t fragments = 0;
  std::uint64_t size = 0;  ///< stub bytes on the wire
  std::vector<std::byte> stub;
};

struct PendingCall {
  std::uint32_t call_id = 0;
  Direction direction{};  ///< in which the request travels
  std::uint16_t context_id = 0;
  std::uint16_t opnum = 0;
  std::optional<Guid> object;
  bool bound = false;    ///< `interface` and `transfer` come from a bind
  bool never_offered = false;  ///< as in Call
  bool settled = false;  ///< and the bind was answered when the request came
  bool rejected = false;
  bool cancelled = false;
  std::uint32_t reject_reason = 0;
  SyntaxId interface;
  SyntaxId transfer;
  AuthService service = AuthService::kNone;
  AuthLevel level = AuthLevel::kNone;
  const AuthContext* auth = nullptr;
  bool fault = false;
  std::uint32_t fault_status = 0;
  PendingHalf request;
  PendingHalf response;

  // Owned by CallTable.
  std::uint32_t slot = 0;
  std::uint32_t older = 0, newer = 0;
};

class CallTable {
 public:
  CallTable();

  std::size_t size() const { return size_; }
  PendingCall* find(Direction direction, std::uint32_t call_id);
  /// A new, cleared call, the newest. The key must not be in use. Pointers stay good until
  /// remove().
  PendingCall& add(Direction direction, std::uint32_t call_id);
  void remove(PendingCall& call);

  PendingCall* oldest() { return oldest_ == kNone ? nullptr : &slots_[oldest_]; }
  PendingCall* newer(const PendingCall& call) {
    return call.newer == kNone ? nullptr : &slots_[call.newer];
  }

  /// Appends to one half's stub, keeping account of the bytes held.
  void append(PendingHalf& half, Bytes bytes);
  void clear(PendingHalf& half);
  /// Bytes of capacity held in stub buffers.
  std::size_t held() const { return held_; }
  std::size_t memory() const;

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  std::size_t home(Direction direction, std::uint32_t call_id) const;
  void insert_index(const PendingCall& call);
  void erase_index(const PendingCall& call);
  void release(PendingHalf& half, bool keep_small);

  std::deque<PendingCall> slots_;  // addresses stay
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> index_;  // open addressing, linear probing; slot or kNone
  std::size_t size_ = 0;
  std::size_t held_ = 0;
  std::uint32_t oldest_ = kNone, newest_ = kNone;
};

}  // namespace rpcmarshal
