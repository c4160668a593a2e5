// Puts the hook's common entry into the dispatch tables of this process, and takes it out again.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "agent/hook/hook.h"
#include "agent/hook/windows/process_memory.h"
#include "agent/hook/windows/sdk.h"

namespace rpcmarshal::agent {

/// The function in every replaced entry. Set up before the first entry is replaced.
extern "C" void rpcm_entry(RpcMessage* message);
void set_entry_hook(Hook* hook);

class Entries {
 public:
  explicit Entries(Hook& hook);

  /// Replaces the entries of every interface in modules that were not looked at yet; `again`: in
  /// all, for somebody may have put entries back. Returns how many more are replaced now. replace()
  /// and restore() are for one thread.
  std::size_t replace(bool again);
  /// And those of interfaces that live in private memory and were registered before. Once, after
  /// replace().
  HeapScan replace_on_heap();
  /// An interface that was handed to the runtime (it may live on a heap).
  void replace(const RpcServerInterface* interface);
  /// Puts the originals back where our entry still stands.
  void restore();

  std::uint32_t interfaces() const { return interfaces_.load(std::memory_order_relaxed); }
  std::uint32_t entries() const { return entries_.load(std::memory_order_relaxed); }

 private:
  void replace_tables(const std::vector<FoundTable>& tables);
  void watch_imports(HMODULE module);
  void recount();

  Hook& hook_;
  std::vector<DispatchFunction> asynchronous_;  ///< of rpcrt4: NdrAsyncServerCall and its siblings
  /// Module and what tells it from another that is loaded at its place later.
  std::set<std::pair<HMODULE, std::uint64_t>> looked_at_;
  std::mutex mutex_;
  std::atomic<std::uint32_t> interfaces_{0}, entries_{0};
  std::atomic<bool> on_{false};
};

}  // namespace rpcmarshal::agent
