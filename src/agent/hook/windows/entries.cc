#include "agent/hook/windows/entries.h"

#include <algorithm>
#include <cstring>

#include "agent/hook/windows/guard.h"
#include "agent/hook/windows/process_memory.h"
#include "agent/hook/windows/windows_check.h"

namespace rpcmarshal::agent {
namespace {

Hook* g_hook = nullptr;
Entries* g_entries = nullptr;

/// The guard's state first: abandoned() gets its address and finds the rest behind it.
struct GuardedFrame {
  GuardState guard;
  CallFrame frame;
};

void abandon(GuardState* state) {
  auto* guarded_frame = reinterpret_cast<GuardedFrame*>(state);
  g_hook->leave(guarded_frame->frame, state->code != 0 ? state->code : 1);
}

// The runtime's own registration functions; ours see what is registered and pass it on.
using Register = RPC_STATUS(RPC_ENTRY*)(RPC_IF_HANDLE, UUID*, RPC_MGR_EPV*);
using RegisterEx = RPC_STATUS(RPC_ENTRY*)(RPC_IF_HANDLE, UUID*, RPC_MGR_EPV*, unsigned, unsigned,
                                          RPC_IF_CALLBACK_FN*);
using Register2 = RPC_STATUS(RPC_ENTRY*)(RPC_IF_HANDLE, UUID*, RPC_MGR_EPV*, unsigned, unsigned,
                                         unsigned, RPC_IF_CALLBACK_FN*);
using Register3 = RPC_STATUS(RPC_ENTRY*)(RPC_IF_HANDLE, UUID*, RPC_MGR_EPV*, unsigned, unsigned,
                                         unsigned, RPC_IF_CALLBACK_FN*, void*);

template <typename Function>
Function runtime(const char* name) {
  return reinterpret_cast<Function>(
      reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"rpcrt4.dll"), name)));
}

void seen(RPC_IF_HANDLE interface) {
  if (g_entries) g_entries->replace(static_cast<const RpcServerInterface*>(interface));
}

RPC_STATUS RPC_ENTRY our_register(RPC_IF_HANDLE interface, UUID* type, RPC_MGR_EPV* epv) {
  static const auto original = runtime<Register>("RpcServerRegisterIf");
  seen(interface);
  return original(interface, type, epv);
}
RPC_STATUS RPC_ENTRY our_register_ex(RPC_IF_HANDLE interface, UUID* type, RPC_MGR_EPV* epv,
                                     unsigned flags, unsigned calls, RPC_IF_CALLBACK_FN* callback) {
  static const auto original = runtime<RegisterEx>("RpcServerRegisterIfEx");
  seen(interface);
  return original(interface, type, epv, flags, calls, callback);
}
RPC_STATUS RPC_ENTRY our_register2(RPC_IF_HANDLE interface, UUID* type, RPC_MGR_EPV* epv,
                                   unsigned flags, unsigned calls, unsigned size,
                                   RPC_IF_CALLBACK_FN* callback) {
  static const auto original = runtime<Register2>("RpcServerRegisterIf2");
  seen(interface);
  return original(interface, type, epv, flags, calls, size, callback);
}
RPC_STATUS RPC_ENTRY our_register3(RPC_IF_HANDLE interface, UUID* type, RPC_MGR_EPV* epv,
                                   unsigned flags, unsigned calls, unsigned size,
                                   RPC_IF_CALLBACK_FN* callback, void* security) {
  static const auto original = runtime<Register3>("RpcServerRegisterIf3");
  seen(interface);
  return original(interface, type, epv, flags, calls, size, callback, security);
}

// How a server ends an asynchronous call. Ours tell the hook before the runtime does it, for the
// call's handle may be another call's afterwards.
using Complete = RPC_STATUS(RPC_ENTRY*)(PRPC_ASYNC_STATE, void*);
using Abort = RPC_STATUS(RPC_ENTRY*)(PRPC_ASYNC_STATE, ULONG);

/// Plain data: the runtime raises, when it cannot marshal what the server wants to send.
struct EndedCall {
  GuardState guard;
  EndFrame frame;
  PRPC_ASYNC_STATE state;
  void* reply;
  ULONG exception;
  bool abort;
  RPC_STATUS status;
};

Complete g_complete;
Abort g_abort;

void end_by_runtime(void* of) {
  auto& call = *static_cast<EndedCall*>(of);
  call.status =
      call.abort ? g_abort(call.state, call.exception) : g_complete(call.state, call.reply);
}

void abandon_end(GuardState* guard) {
  auto* call = reinterpret_cast<EndedCall*>(guard);
  g_hook->ended(call->frame, guard->code != 0 ? guard->code : 1);
}

RPC_STATUS end_call(EndedCall& call) {
  call.guard = {};
  call.guard.abandoned = &abandon_end;
  std::byte value[8];
  std::size_t size = call.reply ? sizeof value : 0;
  // The variable may be of four bytes, at the end of what is mapped.
  for (const auto copy = [&] { std::memcpy(value, call.reply, size); }; size >= 4; size /= 2) {
    if (probed(copy) == 0) break;
  }
  if (size < 4) size = 0;
  g_hook->ending(reinterpret_cast<const RpcAsyncState*>(call.state), value, size, call.exception,
                 call.frame);
  const std::uint32_t code = rpcm_guard_call(&end_by_runtime, &call, &call.guard);
  g_hook->ended(call.frame, code != 0 ? code : static_cast<std::uint32_t>(call.status));
  if (code != 0) RpcRaiseException(static_cast<RPC_STATUS>(code));
  return call.status;
}

RPC_STATUS RPC_ENTRY our_complete(PRPC_ASYNC_STATE state, void* reply) {
  EndedCall call{{}, {}, state, reply, 0, false, RPC_S_OK};
  return end_call(call);
}
RPC_STATUS RPC_ENTRY our_abort(PRPC_ASYNC_STATE state, ULONG exception) {
  EndedCall call{{}, {}, state, nullptr, exception, true, RPC_S_OK};
  return end_call(call);
}

struct Watched {
  const char* name;
  void* ours;
};
const Watched kWatched[] = {
    {"RpcServerRegisterIf", reinterpret_cast<void*>(&our_register)},
    {"RpcServerRegisterIfEx", reinterpret_cast<void*>(&our_register_ex)},
    {"RpcServerRegisterIf2", reinterpret_cast<void*>(&our_register2)},
    {"RpcServerRegisterIf3", reinterpret_cast<void*>(&our_register3)},
    {"RpcAsyncCompleteCall", reinterpret_cast<void*>(&our_complete)},
    {"RpcAsyncAbortCall", reinterpret_cast<void*>(&our_abort)},
};

}  // namespace

// No local here has a destructor: an exception that leaves this frame would not run it.
extern "C" void rpcm_entry(RpcMessage* message) {
  GuardedFrame call;
  call.guard = {};
  call.guard.abandoned = &abandon;
  g_hook->enter(message, call.frame);
  std::uint32_t code = call.frame.refuse;
  if (code == 0 && !call.frame.original) code = RPC_S_PROCNUM_OUT_OF_RANGE;
  if (code == 0) {
    code = rpcm_guard_call(reinterpret_cast<void (*)(void*)>(call.frame.original), message,
                           &call.guard);
  }
  g_hook->leave(call.frame, code);
  if (code != 0) RpcRaiseException(static_cast<RPC_STATUS>(code));
}

void set_entry_hook(Hook* hook) {
  g_hook = hook;
  g_complete = runtime<Complete>("RpcAsyncCompleteCall");
  g_abort = runtime<Abort>("RpcAsyncAbortCall");
}

Entries::Entries(Hook& hook) : hook_(hook) {
  for (const InterpreterEntry& entry : kInterpreterEntries) {
    const auto function = runtime<DispatchFunction>(entry.name);
    if (entry.asynchronous && function) asynchronous_.push_back(function);
  }
}

std::size_t Entries::replace(bool again) {
  g_entries = this;
  on_ = true;
  std::uint32_t before = entries();
  {
    const std::lock_guard lock(mutex_);
    recount();
  }
  // Fewer than there were: a module went, and may have come again at its place between two looks;
  // or somebody put entries back.
  if (again || entries() < before) looked_at_.clear();
  before = entries();
  std::vector<FoundTable> tables;
  ProcessMemory space;
  std::set<std::pair<HMODULE, std::uint64_t>> now;
  for (const HMODULE module : loaded_modules()) {
    const std::pair key(module, identity_of(module));
    now.insert(key);
    if (looked_at_.contains(key)) continue;
    watch_imports(module);
    // A module may go while it is looked at.
    const auto scan = [&] {
      for (const DataSection& section : data_sections(module)) {
        if (space.readable(section.begin, section.size))
          scan_interfaces({section.begin, section.size}, Found::kInModule, space, tables);
      }
    };
    probed(scan);
  }
  looked_at_ = std::move(now);
  if (!tables.empty()) replace_tables(tables);
  return entries() - std::min(before, entries());
}

HeapScan Entries::replace_on_heap() {
  std::vector<FoundTable> tables;
  const HeapScan scan = scan_private_memory(tables);
  if (!tables.empty()) replace_tables(tables);
  return scan;
}

void Entries::replace(const RpcServerInterface* interface) {
  if (!on_) return;
  std::vector<FoundTable> tables;
  ProcessMemory space;
  const auto look = [&] {
    if (space.readable(interface, sizeof *interface))
      append_interface(reinterpret_cast<const std::byte*>(interface), Found::kRegistered, space,
                       tables);
  };
  probed(look);
  replace_tables(tables);
}

void Entries::watch_imports(HMODULE module) {
  HMODULE self = nullptr;
  GetModuleHandleExW(
      GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
      reinterpret_cast<const wchar_t*>(&rpcm_entry), &self);
  if (module == self) return;
  for (const Watched& function : kWatched)
    replace_import(module, "rpcrt4.dll", function.name, nullptr, function.ours);
}

void Entries::replace_tables(const std::vector<FoundTable>& tables) {
  const std::lock_guard lock(mutex_);
  if (!on_) return;
  ProcessMemory space;
  for (const FoundTable& found : tables) {
    HookedTable* table = hook_.originals().add(found);
    if (!table) continue;
    DispatchFunction last = nullptr;  // neighbours are mostly the same function
    bool asynchronous = false;
    for (std::uint32_t i = 0; i < found.count; ++i) {
      const DispatchFunction now = found.entries[i];
      if (now == &rpcm_entry) continue;
      // The original is known before anybody can come in.
      if (i == 0 || now != last) asynchronous = leads_to(now, asynchronous_, space);
      last = now;
      table->asynchronous[i].store(asynchronous, std::memory_order_relaxed);
      table->originals[i].store(now, std::memory_order_release);
      replace_pointer(reinterpret_cast<void**>(&found.entries[i]), reinterpret_cast<void*>(now),
                      reinterpret_cast<void*>(&rpcm_entry));
    }
  }
  recount();
}

void Entries::restore() {
  on_ = false;
  looked_at_.clear();
  for (const HMODULE module : loaded_modules()) {
    for (const Watched& function : kWatched) {
      replace_import(module, "rpcrt4.dll", function.name, function.ours,
                     runtime<void*>(function.name));
    }
  }
  const std::lock_guard lock(mutex_);
  ProcessMemory space;
  for (HookedTable* table : hook_.originals().tables()) {
    for (std::uint32_t i = 0; i < table->found.count; ++i) {
      auto* const slot = reinterpret_cast<void**>(&table->found.entries[i]);
      const DispatchFunction original = table->originals[i].load();
      if (original && space.readable(slot, sizeof *slot))
        replace_pointer(slot, reinterpret_cast<void*>(&rpcm_entry),
                        reinterpret_cast<void*>(original));
    }
  }
  recount();
}

void Entries::recount() {
  ProcessMemory space;
  std::uint32_t interfaces = 0, entries = 0;
  for (const HookedTable* table : hook_.originals().tables()) {
    std::uint32_t ours = 0;
    const auto look = [&] {
      if (!space.readable(table->found.entries, table->found.count * sizeof(void*))) return;
      for (std::uint32_t i = 0; i < table->found.count; ++i)
        ours += table->found.entries[i] == &rpcm_entry;
    };
    probed(look);
    interfaces += ours != 0;
    entries += ours;
  }
  interfaces_ = interfaces;
  entries_ = entries;
}

}  // namespace rpcmarshal::agent
