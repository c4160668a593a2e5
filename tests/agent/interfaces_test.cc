#include "agent/hook/interfaces.h"

#include <gtest/gtest.h>

#include <functional>

#include "agent/fake_rpc.h"
#include "agent/hook/originals.h"

namespace rpcmarshal::agent {
namespace {

constexpr Guid kUuid{0x6d1f3a52, 0x8b7c, 0x4e11, {0x9a, 0x4d, 0x2f, 0x6b, 0x3c, 0x5e, 0x7a, 0x90}};

void one(RpcMessage*) {}
void two(RpcMessage*) {}
void three(RpcMessage*) {}

/// Memory with the interface's structure somewhere in it.
std::vector<std::byte> around(const FakeInterface& interface, std::size_t at) {
  std::vector<std::byte> memory(at + sizeof interface.interface + 24);
  std::memcpy(memory.data() + at, &interface.interface, sizeof interface.interface);
  return memory;
}

TEST(Scan, FindsAnInterfaceWhereverItLies) {
  FakeInterface lab({&one, &two}, kUuid, 3);
  FakeSpace space;
  lab.declare(space);
  for (const std::size_t at : {0u, 8u, 4096u}) {
    std::vector<FoundTable> tables;
    scan_interfaces(around(lab, at), Found::kInModule, space, tables);
    ASSERT_EQ(tables.size(), 1u);
    EXPECT_EQ(tables[0].interface, (SyntaxId{kUuid, 3, 0}));
    EXPECT_EQ(tables[0].entries, lab.entries.data());
    EXPECT_EQ(tables[0].count, 2u);
  }
}

TEST(Scan, TakesTheTableOfEverySyntax) {
  FakeInterface lab({&one, &two}, kUuid);
  lab.add_ndr64({&three, &three});
  FakeSpace space;
  lab.declare(space);
  std::vector<FoundTable> tables;
  scan_interfaces(around(lab, 16), Found::kInModule, space, tables);
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_EQ(tables[0].syntax.uuid, kNdr20Syntax);
  EXPECT_EQ(tables[1].syntax.uuid, kNdr64Syntax);
  EXPECT_EQ(tables[1].entries, lab.wide.data());
}

TEST(Scan, WhatCannotBeFollowedIsLeftAlone) {
  FakeInterface lab({&one, &two}, kUuid);
  const auto found = [&](FakeSpace& space) {
    std::vector<FoundTable> tables;
    scan_interfaces(around(lab, 0), Found::kInModule, space, tables);
    return tables.size();
  };
  FakeSpace nothing;  // the pointers lead nowhere
  EXPECT_EQ(found(nothing), 0u);
  FakeSpace no_code;
  no_code.add(lab.table);
  no_code.add(lab.entries.data(), 16);
  EXPECT_EQ(found(no_code), 0u);
  FakeSpace space;
  lab.declare(space);
  EXPECT_EQ(found(space), 1u);
  lab.table.count = kMaxOperations + 1;
  EXPECT_EQ(found(space), 0u);
  lab.table.count = 3;  // reaches beyond what is readable
  EXPECT_EQ(found(space), 0u);
  lab.table.count = 2;
  lab.table.table =
      reinterpret_cast<DispatchFunction*>(reinterpret_cast<char*>(lab.entries.data()) + 1);
  EXPECT_EQ(found(space), 0u);
  lab.table.table = lab.entries.data();
  lab.interface.dispatch_table = nullptr;  // a client's interface
  EXPECT_EQ(found(space), 0u);
}

TEST(LeadsTo, ImportsAreFollowed) {
  // As a linker makes them: a table's entry is a jump to a jump through the import's slot.
  struct Code {
    std::uint8_t far[6] = {0xFF, 0x25, 2, 0, 0, 0};  // jmp [rip + 2]
    std::uint8_t gap[2] = {};
    DispatchFunction slot = &two;
    std::uint8_t near_jump[6] = {0xE9, 0xEB, 0xFF, 0xFF, 0xFF, 0};  // jmp far
  } code;
  const auto entry = [](const std::uint8_t* at) {
    return reinterpret_cast<DispatchFunction>(reinterpret_cast<std::uintptr_t>(at));
  };
  FakeSpace space;
  space.add(code);
  EXPECT_TRUE(leads_to(entry(code.far), {&one, &two}, space));
  EXPECT_TRUE(leads_to(entry(code.near_jump), {&two}, space));
  EXPECT_FALSE(leads_to(entry(code.far), {&one}, space));
  EXPECT_TRUE(leads_to(&two, {&two}, space));  // itself; what it does is not readable
  EXPECT_FALSE(leads_to(entry(code.gap), {&two}, space));
}

TEST(Scan, HostileSyntaxListsAreBounded) {
  FakeInterface lab({&one}, kUuid);
  lab.add_ndr64({&two});
  lab.info.syntax_count = ~std::uintptr_t{0};
  FakeSpace space;
  lab.declare(space);
  std::vector<FoundTable> tables;
  scan_interfaces(around(lab, 0), Found::kInModule, space, tables);
  EXPECT_EQ(tables.size(), 1u);  // eight structures are not readable
  scan_interfaces({}, Found::kInModule, space, tables);
  scan_interfaces(Bytes(around(lab, 0)).first(sizeof(RpcServerInterface) - 1), Found::kInModule,
                  space, tables);
  EXPECT_EQ(tables.size(), 1u);
}

/// As Wine's COM makes it: no transfer syntax, one function for all operations.
struct BareCom {
  BareCom() : com({&one}, kUuid, 0) {
    com.interface.transfer_syntax = {};
    com.declare(space);
    for (const void* at : {static_cast<const void*>(&com.table),
                           static_cast<const void*>(com.entries.data()), code()})
      space.put_in_module(at, this);
  }
  static const void* code() { return reinterpret_cast<const void*>(&one); }
  std::size_t found(Found where) {
    std::vector<FoundTable> tables;
    scan_interfaces(around(com, 8), where, space, tables);
    EXPECT_TRUE(tables.empty() || tables[0].syntax.uuid == kNdr20Syntax);
    return tables.size();
  }
  FakeInterface com;
  FakeSpace space;
};

TEST(Scan, ComInterfacesWithoutASyntaxAreTakenWhereTheyAreMade) {
  BareCom bare;
  EXPECT_EQ(bare.found(Found::kOnHeap), 1u);
  EXPECT_EQ(bare.found(Found::kRegistered), 1u);
  EXPECT_EQ(bare.found(Found::kInModule), 0u);
}

TEST(Scan, WhatOnlyResemblesAComInterfaceIsLeftAlone) {
  const std::function<void(BareCom&)> changes[] = {
      [](BareCom& b) { b.com.interface.interface_id.major = 1; },
      [](BareCom& b) { b.com.interface.transfer_syntax.major = 2; },
      [](BareCom& b) { b.com.interface.endpoint_count = 1; },
      [](BareCom& b) { b.com.interface.endpoints = &b; },
      [](BareCom& b) { b.com.interface.default_manager = &b; },
      [](BareCom& b) { b.com.interface.interpreter_info = &b.com.info; },
      [](BareCom& b) { b.com.interface.flags = 1; },
      [](BareCom& b) { b.com.table.reserved = 1; },
      [](BareCom& b) { b.com.table.count = 2; },
      [](BareCom& b) { b.com.interface.interface_id.uuid = {}; },
      [](BareCom& b) { b.space.put_in_module(&b.com.table, nullptr); },
      [](BareCom& b) { b.space.put_in_module(b.com.entries.data(), &b.space); },
      [](BareCom& b) { b.space.put_in_module(BareCom::code(), &b.space); },
  };
  for (const auto& change : changes) {
    BareCom bare;
    change(bare);
    EXPECT_EQ(bare.found(Found::kOnHeap), 0u) << &change - changes;
  }
}

TEST(Originals, AreFoundByTableAndSyntax) {
  FakeInterface lab({&one, &two}, kUuid);
  lab.add_ndr64({&three, &three});
  Originals originals;
  const auto hook = [&](const SyntaxId& syntax, std::vector<DispatchFunction>& entries) {
    HookedTable* table = originals.add(
        {{kUuid, 1, 0}, syntax, entries.data(), static_cast<std::uint32_t>(entries.size())});
    for (std::size_t i = 0; i < entries.size(); ++i) table->originals[i] = entries[i];
  };
  FakeMessage message(lab, 1, "");
  EXPECT_EQ(original_of(originals, message.message).function, nullptr);
  hook({kNdr20Syntax, 2, 0}, lab.entries);
  hook({kNdr64Syntax, 1, 0}, lab.wide);
  EXPECT_EQ(original_of(originals, message.message).function, &two);
  message.message.proc_num = 0;
  EXPECT_EQ(original_of(originals, message.message).function, &one);
  RpcSyntax wide{kNdr64Syntax, 1, 0};
  message.message.transfer_syntax = &wide;
  EXPECT_EQ(original_of(originals, message.message).function, &three);
  message.message.proc_num = 7;
  EXPECT_EQ(original_of(originals, message.message).function, nullptr);
  EXPECT_EQ(originals.tables().size(), 2u);
}

TEST(Originals, OneFunctionMayServeEveryOperation) {
  FakeInterface com({&one}, kUuid, 0);
  Originals originals;
  originals.add({{kUuid, 0, 0}, {}, com.entries.data(), 1})->originals[0] = &one;
  FakeMessage message(com, 6, "");
  EXPECT_EQ(original_of(originals, message.message).function, &one);
}

TEST(Originals, AnotherTableAtTheSamePlaceTakesOver) {
  std::vector<DispatchFunction> entries{&one, &two, &three};
  Originals originals;
  HookedTable* first = originals.add({{kUuid, 1, 0}, {}, entries.data(), 2});
  first->originals[0] = &one;
  EXPECT_EQ(originals.add({{kUuid, 1, 0}, {}, entries.data(), 2}), first);
  HookedTable* second = originals.add({{kUuid, 2, 0}, {}, entries.data(), 3});
  EXPECT_NE(second, first);
  second->originals[2] = &three;
  EXPECT_EQ(originals.find(entries.data(), 2).function, &three);
  EXPECT_EQ(originals.find(entries.data(), 0).function, &one);
  EXPECT_EQ(originals.tables().size(), 1u);
}

TEST(Originals, ManyTablesAreAllFound) {
  std::vector<std::vector<DispatchFunction>> tables(Originals::kMaxTables + 10, {&one});
  Originals originals;
  std::size_t added = 0;
  for (auto& entries : tables) {
    HookedTable* table = originals.add({{kUuid, 1, 0}, {}, entries.data(), 1});
    if (!table) continue;
    table->originals[0] = &two;
    ++added;
  }
  EXPECT_EQ(added, Originals::kMaxTables);
  std::size_t found = 0;
  for (auto& entries : tables) found += originals.find(entries.data(), 0).function == &two;
  EXPECT_EQ(found, added);
}

}  // namespace
}  // namespace rpcmarshal::agent
