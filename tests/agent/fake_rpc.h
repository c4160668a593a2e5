// A made-up RPC runtime for tests of the hook's portable part: interfaces with dispatch tables in
// our own memory, messages, and callers that say what a test wants.
#pragma once

#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/hook/hook.h"
#include "agent/hook/interfaces.h"

namespace rpcmarshal::agent {

/// Memory that a test declares to be readable, code that it declares to be code.
class FakeSpace final : public AddressSpace {
 public:
  template <typename T>
  void add(const T& object) {
    add(&object, sizeof object);
  }
  void add(const void* at, std::size_t size) { regions_[address(at)] = address(at) + size; }
  void add_code(const void* at) { code_.insert(at); }

  bool readable(const void* at, std::size_t size) override {
    const std::uintptr_t from = address(at);
    for (const auto& [begin, end] : regions_) {
      if (from >= begin && from < end && size <= end - from) return true;
    }
    return false;
  }
  bool executable(const void* at) override { return code_.contains(at); }
  const void* module(const void* at) override { return modules_[at]; }
  void put_in_module(const void* at, const void* module) { modules_[at] = module; }

 private:
  static std::uintptr_t address(const void* at) { return reinterpret_cast<std::uintptr_t>(at); }
  std::map<std::uintptr_t, std::uintptr_t> regions_;
  std::set<const void*> code_;
  std::map<const void*, const void*> modules_;
};

/// An interface with one table in NDR, and with a second in NDR64 when asked for.
struct FakeInterface {
  explicit FakeInterface(std::vector<DispatchFunction> with, const Guid& uuid,
                         std::uint16_t major = 1)
      : entries(std::move(with)),
        table{static_cast<std::uint32_t>(entries.size()), entries.data(), 0} {
    interface.length = sizeof interface;
    interface.interface_id = {uuid, major, 0};
    interface.transfer_syntax = {kNdr20Syntax, 2, 0};
    interface.dispatch_table = &table;
  }
  void add_ndr64(std::vector<DispatchFunction> with) {
    wide = std::move(with);
    wide_table = {static_cast<std::uint32_t>(wide.size()), wide.data(), 0};
    syntaxes[0].transfer_syntax = {kNdr20Syntax, 2, 0};
    syntaxes[0].dispatch_table = &table;
    syntaxes[1].transfer_syntax = {kNdr64Syntax, 1, 0};
    syntaxes[1].dispatch_table = &wide_table;
    info.syntax_count = 2;
    info.syntax_info = syntaxes;
    interface.interpreter_info = &info;
    interface.flags = 0x06000000;  // as MIDL writes it
  }
  void declare(FakeSpace& space) const {
    space.add(interface);
    space.add(table);
    space.add(entries.data(), entries.size() * sizeof(void*));
    space.add(info);
    space.add(syntaxes);
    space.add(wide_table);
    if (!wide.empty()) space.add(wide.data(), wide.size() * sizeof(void*));
    for (const auto& list : {entries, wide}) {
      for (const DispatchFunction entry : list)
        space.add_code(reinterpret_cast<const void*>(entry));
    }
  }

  std::vector<DispatchFunction> entries, wide;
  RpcDispatchTable table, wide_table{};
  MidlSyntaxInfo syntaxes[2]{};
  MidlServerInfo info{};
  RpcServerInterface interface {};
};

/// A request for an interface; the buffers belong to it.
struct FakeMessage {
  FakeMessage(const FakeInterface& of, std::uint32_t opnum, std::string_view stub) : request(stub) {
    message.data_representation = 0x10;
    message.buffer = request.data();
    message.buffer_length = static_cast<std::uint32_t>(request.size());
    message.proc_num = opnum;
    message.interface_information = const_cast<RpcServerInterface*>(&of.interface);
  }
  void answer(std::string_view stub) {
    reply = stub;
    message.buffer = reply.data();
    message.buffer_length = static_cast<std::uint32_t>(reply.size());
  }
  std::string request, reply;
  RpcMessage message{};
};

class FakeCallers final : public CallerSource {
 public:
  Caller next;
  void transport(const RpcMessage&, Caller& caller) noexcept override {
    caller.protocol = next.protocol;
    caller.local = next.local;
    caller.endpoint = next.endpoint;
  }
  void identify(const RpcMessage&, Caller& caller) noexcept override { caller = next; }
};

class FakePlatform final : public Platform {
 public:
  Timestamp time = 1'700'000'000'000'000'000, tick = 0;
  Timestamp now() noexcept override { return time; }
  Timestamp ticks() noexcept override { return tick += 1000; }
  void* thread_value() noexcept override { return value(); }
  void set_thread_value(void* to) noexcept override { value() = to; }

 private:
  static void*& value() {
    static thread_local void* of_thread = nullptr;
    return of_thread;
  }
};

}  // namespace rpcmarshal::agent
