// The machine that runs a program over a stub; decode.cc says how. Shared by decode.cc (the loop)
// and shapes.cc (what is rare).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "ndr/check.h"
#include "ndr/decode.h"
#include "ndr/tape.h"

namespace rpcmarshal::ndr {

/// The loop, for NDR20 or NDR64 and for bytes in the machine's order or not.
template <bool kWide, bool kSwap>
class Machine {
 public:
  Machine(const Program& program, Bytes stub, Tape& tape)
      : p_(program),
        nodes_(program.nodes.data()),
        data_(stub.data()),
        size_(stub.size()),
        tape_(tape),
        scratch_(*tape.scratch_),
        entry_limit_(std::min<std::uint64_t>(kFreeEntries + 4 * stub.size(), kMostEntries)),
        usable_(std::min<std::uint64_t>(tape.capacity_, entry_limit_)) {}

  DecodeResult run();

 private:
  using Scratch = Tape::Scratch;
  using Frame = Scratch::Frame;
  static constexpr std::size_t kWord = kWide ? 8 : 4;  ///< counts and referent ids
  static constexpr ByteOrder kOrder =
      kSwap == (std::endian::native == std::endian::little) ? ByteOrder::kBig : ByteOrder::kLittle;
  /// More entries than this plus four per byte of stub: types that only multiply (wrappers of
  /// wrappers of a pointer) are not worth the memory.
  static constexpr std::uint64_t kFreeEntries = 4096;
  static constexpr std::uint64_t kMaxEmptyElements = 4096;
  static constexpr std::uint64_t kMostEntries = 1u << 26;

  bool execute();
  std::uint32_t next_parameter();
  [[gnu::always_inline]] inline bool list(const Node& n, std::uint32_t node, std::uint32_t slot,
                                          std::uint32_t extra);
  bool list_of_many(const Node& n, std::uint32_t node, std::uint32_t slot);
  bool pipe(const Node& n, std::uint32_t node, std::uint32_t slot);
  bool sid(const Node& n, std::uint32_t node, std::uint32_t slot);
  bool blob(const Node& n, std::uint32_t node, std::uint32_t slot, std::uint32_t extra);
  bool pick(const Node& n, std::uint32_t& arm, std::uint32_t& offset);
  void give_up();

  bool fail(std::string_view why) {
    reason_ = why;
    return false;
  }
  bool ends() { return fail("the stub ends before this value"); }
  /// Moves past padding to `alignment`, and makes sure `bytes` follow.
  bool room(std::size_t alignment, std::size_t bytes) {
    const std::size_t at = (at_ + alignment - 1) & ~(alignment - 1);
    if (at > size_ || bytes > size_ - at) return ends();
    at_ = at;
    return true;
  }
  template <typename T>
  T get(std::size_t offset) const {
    return load<T>(data_ + offset, kOrder);
  }
  std::uint64_t word(std::size_t offset) const {
    if constexpr (kWide) return get<std::uint64_t>(offset);
    return get<std::uint32_t>(offset);
  }
  bool read_word(std::uint64_t& out) {
    if (!room(kWord, kWord)) return false;
    out = word(at_);
    at_ += kWord;
    return true;
  }
  /// Entries for `count` children, side by side; kNoNode when the tape may not grow further.
  std::uint32_t allocate(std::uint64_t count) {
    const std::uint64_t size = tape_.size_ + count;
    if (size > usable_ && !grow(size)) return kNoNode;
    const std::uint32_t first = tape_.size_;
    tape_.size_ = static_cast<std::uint32_t>(size);
    return first;
  }
  bool grow(std::uint64_t size);
  void put(std::uint32_t slot, std::uint32_t node, ValueKind kind, std::size_t offset,
           std::uint64_t count, std::uint32_t link, std::uint32_t extra = 0) {
    tape_.entries_[slot] = Entry{node,
                                 kind,
                                 0,
                                 static_cast<std::uint16_t>(extra),
                                 static_cast<std::uint32_t>(offset),
                                 static_cast<std::uint32_t>(count),
                                 link};
  }
  void push(std::uint32_t node, std::uint32_t slot, std::uint64_t remaining, std::uint32_t owner,
            std::uint8_t step, std::uint8_t tail_align) {
    scratch_.frames[frames_++] =
        Frame{node, slot, static_cast<std::uint32_t>(remaining), owner, step, tail_align};
  }
  void disagree(Mismatch::What what, std::uint32_t slot, std::int64_t declared,
                std::uint64_t wire) {
    note_mismatch(tape_.mismatches_, mismatches_, {what, slot, declared, wire});
  }
  bool read_hoisted(unsigned count) {
    hoisted_next_ = 0;
    for (unsigned i = 0; i < count; ++i) {
      if (!read_word(hoisted_[i & 7])) return false;
    }
    return true;
  }
  std::uint64_t take_hoisted() { return hoisted_[hoisted_next_++ & 7]; }

  const Program& p_;
  const Node* const nodes_;
  const std::byte* const data_;
  const std::size_t size_;
  std::size_t at_ = 0;
  Tape& tape_;
  Scratch& scratch_;
  const std::uint64_t entry_limit_;
  std::uint64_t usable_;  ///< entries that need no grow()
  std::size_t frames_ = 0;
  std::uint32_t first_ = 0;      ///< the parameters' entries
  std::uint32_t parameter_ = 0;  ///< next_parameter()'s place
  unsigned pass_ = 0;
  std::uint64_t hoisted_[8] = {};
  unsigned hoisted_next_ = 0;
  std::uint32_t mismatches_ = 0;
  std::uint32_t failed_ = 0;  ///< the entry being decoded when something failed
  std::string_view reason_;
};

template <bool kWide, bool kSwap>
bool Machine<kWide, kSwap>::grow(std::uint64_t size) {
  if (size > entry_limit_) return fail("more values than a stub of this size should hold");
  std::uint64_t capacity = std::max<std::uint64_t>(tape_.capacity_ * std::uint64_t{2}, 256);
  capacity = std::max(capacity, size);
  void* memory = std::realloc(tape_.entries_, capacity * sizeof(Entry));
  if (!memory) throw std::bad_alloc();
  tape_.entries_ = static_cast<Entry*>(memory);
  tape_.capacity_ = static_cast<std::uint32_t>(capacity);
  usable_ = std::min<std::uint64_t>(capacity, entry_limit_);
  return true;
}

}  // namespace rpcmarshal::ndr
