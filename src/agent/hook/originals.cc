#include "agent/hook/originals.h"

#include <algorithm>

namespace rpcmarshal::agent {

HookedTable* Originals::add(const FoundTable& table) {
  const std::lock_guard lock(mutex_);
  std::size_t at = slot_of(table.entries);
  HookedTable* known = nullptr;
  for (std::size_t n = 0; n < kSlots; ++n, at = (at + 1) % kSlots) {
    known = slots_[at].load(std::memory_order_relaxed);
    if (!known || known->found.entries == table.entries) break;
  }
  if (known && known->found.count == table.count) {
    return known;
  }
  if (!known && used_ >= kMaxTables) return nullptr;
  owned_.push_back(std::make_unique<HookedTable>(table));
  if (known) {  // another module's table at the same place: calls under way keep the old record
    for (std::uint32_t i = 0; i < std::min(known->found.count, table.count); ++i) {
      owned_.back()->asynchronous[i].store(known->asynchronous[i].load());
      owned_.back()->originals[i].store(known->originals[i].load());
    }
  }
  slots_[at].store(owned_.back().get(), std::memory_order_release);
  used_ += !known;
  return owned_.back().get();
}

std::vector<HookedTable*> Originals::tables() {
  const std::lock_guard lock(mutex_);
  std::vector<HookedTable*> all;
  for (const auto& slot : slots_) {
    if (HookedTable* table = slot.load(std::memory_order_relaxed)) all.push_back(table);
  }
  return all;
}

SyntaxId syntax_of(const RpcMessage& message) {
  return message.transfer_syntax ? message.transfer_syntax->id() : SyntaxId{kNdr20Syntax, 2, 0};
}

Original original_of(const Originals& originals, const RpcMessage& message) {
  const auto* interface = static_cast<const RpcServerInterface*>(message.interface_information);
  if (!interface) return {};
  const std::uint32_t opnum = message.proc_num & kProcNumMask;
  // With several syntaxes the runtime dispatches through the table of the one that was negotiated.
  if ((interface->flags & kHasMultiSyntaxes) && interface->interpreter_info &&
      message.transfer_syntax) {
    const MidlServerInfo& info = *interface->interpreter_info;
    const std::size_t count =
        info.syntax_info ? std::min<std::size_t>(info.syntax_count, kMaxSyntaxes) : 0;
    for (std::size_t i = 0; i < count; ++i) {
      const MidlSyntaxInfo& syntax = info.syntax_info[i];
      if (syntax.transfer_syntax.id() != message.transfer_syntax->id() || !syntax.dispatch_table)
        continue;
      const Original found = originals.find(syntax.dispatch_table->table, opnum);
      if (found.function) return found;
    }
  }
  return interface->dispatch_table ? originals.find(interface->dispatch_table->table, opnum)
                                   : Original{};
}

}  // namespace rpcmarshal::agent
