// Which function a replaced dispatch-table entry had before: asked by every call, from any thread,
// without a lock. Tables are known by the address of their first entry. What was added stays for
// the life of the process, because a thread may be on its way into the hook through an entry that
// is restored already; a table of a module that was freed is overwritten when another takes its
// place in memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "agent/hook/interfaces.h"

namespace rpcmarshal::agent {

struct HookedTable {
  explicit HookedTable(const FoundTable& table)
      : found(table),
        originals(new std::atomic<DispatchFunction>[table.count]()),
        asynchronous(new std::atomic<bool>[table.count]()) {}
  FoundTable found;
  std::unique_ptr<std::atomic<DispatchFunction>[]> originals;  ///< null: not replaced yet
  std::unique_ptr<std::atomic<bool>[]> asynchronous;           ///< set before its original is
};

/// What an entry was before.
struct Original {
  DispatchFunction function = nullptr;  ///< null: not known
  bool asynchronous = false;            ///< its reply is not made when it returns
};

class Originals {
 public:
  static constexpr std::size_t kMaxTables = 4096;

  /// What stood for `opnum` in the table whose entries are at `entries`.
  Original find(const DispatchFunction* entries, std::uint32_t opnum) const {
    const HookedTable* table = find_table(entries);
    if (!table) return {};
    // COM registers a table of one function that serves every operation (RPC_IF_OLE).
    if (opnum >= table->found.count) {
      if (table->found.count != 1) return {};
      opnum = 0;
    }
    return {table->originals[opnum].load(std::memory_order_acquire),
            table->asynchronous[opnum].load(std::memory_order_relaxed)};
  }
  /// The record for this table, made when it is new or has another size. Null when full.
  HookedTable* add(const FoundTable& table);
  /// Every table ever added that is still in force. Valid until the next add().
  std::vector<HookedTable*> tables();

 private:
  static constexpr std::size_t kSlots = kMaxTables * 2;
  static std::size_t slot_of(const DispatchFunction* entries) {
    return (reinterpret_cast<std::uintptr_t>(entries) >> 3) * 0x9E3779B97F4A7C15ull >> 51;
  }
  const HookedTable* find_table(const DispatchFunction* entries) const {
    for (std::size_t at = slot_of(entries), n = 0; n < kSlots; ++n, at = (at + 1) % kSlots) {
      const HookedTable* table = slots_[at].load(std::memory_order_acquire);
      if (!table || table->found.entries == entries) return table;
    }
    return nullptr;
  }

  static_assert(kSlots == std::size_t{1} << 13);  // slot_of() takes 13 bits
  std::atomic<HookedTable*> slots_[kSlots] = {};
  std::mutex mutex_;  ///< add() and tables()
  std::vector<std::unique_ptr<HookedTable>> owned_;
  std::size_t used_ = 0;
};

/// What to call for a message, by its interface and transfer syntax. No function when its table was
/// never hooked.
Original original_of(const Originals& originals, const RpcMessage& message);
/// The transfer syntax of a message; a null pointer means NDR.
SyntaxId syntax_of(const RpcMessage& message);

}  // namespace rpcmarshal::agent
