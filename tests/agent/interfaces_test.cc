#include "agent/hook/interfaces.h"

#include <gtest/gtest.h>

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
    scan_interfaces(around(lab, at), space, tables);
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
  scan_interfaces(around(lab, 16), space, tables);
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_EQ(tables[0].syntax.uuid, kNdr20Syntax);
  EXPECT_EQ(tables[1].syntax.uuid, kNdr64Syntax);
  EXPECT_EQ(tables[1].entries, lab.wide.data());
}

TEST(Scan, WhatCannotBeFollowedIsLeftAlone) {
  FakeInterface lab({&one, &two}, kUuid);
  const auto found = [&](FakeSpace& space) {
    std::vector<FoundTable> tables;
    scan_interfaces(around(lab, 0), space, tables);
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

TEST(Scan, HostileSyntaxListsAreBounded) {
  FakeInterface lab({&one}, kUuid);
  lab.add_ndr64({&two});
  lab.info.syntax_count = ~std::uintptr_t{0};
  FakeSpace space;
  lab.declare(space);
  std::vector<FoundTable> tables;
  scan_interfaces(around(lab, 0), space, tables);
  EXPECT_EQ(tables.size(), 1u);  // eight structures are not readable
  scan_interfaces({}, space, tables);
  scan_interfaces(Bytes(around(lab, 0)).first(sizeof(RpcServerInterface) - 1), space, tables);
  EXPECT_EQ(tables.size(), 1u);
}

TEST(Originals, AreFoundByTableAndSyntax) {
  FakeInterface lab({&one, &two}, kUuid);
  lab.add_ndr64({&three});
  Originals originals;
  const auto hook = [&](const SyntaxId& syntax, std::vector<DispatchFunction>& entries) {
    HookedTable* table = originals.add(
        {{kUuid, 1, 0}, syntax, entries.data(), static_cast<std::uint32_t>(entries.size())});
    for (std::size_t i = 0; i < entries.size(); ++i) table->originals[i] = entries[i];
  };
  FakeMessage message(lab, 1, "");
  EXPECT_EQ(original_of(originals, message.message), nullptr);
  hook({kNdr20Syntax, 2, 0}, lab.entries);
  hook({kNdr64Syntax, 1, 0}, lab.wide);
  EXPECT_EQ(original_of(originals, message.message), &two);
  message.message.proc_num = 0;
  EXPECT_EQ(original_of(originals, message.message), &one);
  RpcSyntax wide{kNdr64Syntax, 1, 0};
  message.message.transfer_syntax = &wide;
  EXPECT_EQ(original_of(originals, message.message), &three);
  message.message.proc_num = 7;
  EXPECT_EQ(original_of(originals, message.message), nullptr);
  EXPECT_EQ(originals.tables().size(), 2u);
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
  EXPECT_EQ(originals.find(entries.data(), 2), &three);
  EXPECT_EQ(originals.find(entries.data(), 0), &one);
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
  for (auto& entries : tables) found += originals.find(entries.data(), 0) == &two;
  EXPECT_EQ(found, added);
}

}  // namespace
}  // namespace rpcmarshal::agent
