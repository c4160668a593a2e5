// The scanner of other processes' memory, on memory laid out by the documented offsets, whole and
// damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "agent/service/interface_scan.h"
#include "agent/service/pe_image.h"
#include "fake_memory.h"

namespace rpcmarshal::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kBase = 0x7ff600000000, kData = kBase + 0x2000, kCode = kBase + 0x1000;

TEST(ScanTest, FindsAnInterfaceWithItsTableAndEndpoint) {
  FakeMemory memory;
  const auto module = add_image(memory, kBase, 0x1000, "C:\\Windows\\System32\\services.exe");
  add_interface(memory, kData + 0x88, kSvcctl, {kCode, kCode + 16, kCode + 32}, "\\pipe\\svcctl");
  const auto found = scan_module(memory, module, {});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].id, kSvcctl);
  EXPECT_EQ(found[0].operations, 3u);
  EXPECT_EQ(found[0].stubs, Stubs::kInline);
  EXPECT_FALSE(found[0].ndr64);
  EXPECT_EQ(found[0].module, "services.exe");
  EXPECT_EQ(found[0].address, kData + 0x88);
  EXPECT_THAT(found[0].endpoints, ElementsAre("ncacn_np:[\\pipe\\svcctl]"));
}

TEST(ScanTest, TellsInterpretedAsynchronousAndHookedOperations) {
  FakeMemory memory;
  const auto module = add_image(memory, kBase, 0x2000, "server.dll");
  SyntaxId other = kSvcctl;
  other.major = 3;
  SyntaxId third = kSvcctl;
  third.major = 4;
  add_interface(memory, kData, kSvcctl, {kCode, kCode});
  add_interface(memory, kData + 0x400, other, {kCode, kCode + 8});
  memory.add(0x5000, 0x1000, true);
  add_interface(memory, kData + 0x800, third, {0x5000, 0x5010, kCode});
  ScanContext context;
  context.interpreter_entries = {{kCode, false}, {kCode + 8, true}};
  context.hook = {0x5000, 0x1000, "rpcmarshal-hook.dll"};
  const auto found = scan_module(memory, module, context);
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_EQ(found[0].stubs, Stubs::kInterpreted);
  EXPECT_EQ(found[1].stubs, Stubs::kAsync);
  EXPECT_EQ(found[2].hooked, 2u);
}

// Tables hold the module's own jumps to imported functions.
TEST(ScanTest, FollowsJumpsToTheInterpreter) {
  FakeMemory memory;
  const auto module = add_image(memory, kBase, 0x2000, "server.exe");
  add_interface(memory, kData, kSvcctl, {kCode, kCode});
  memory.put<std::uint8_t>(kCode, 0xE9);  // to the second jump, 0x40 behind
  memory.put<std::int32_t>(kCode + 1, 0x40 - 5);
  memory.put<std::uint16_t>(kCode + 0x40, 0x25FF);  // through the pointer at kData + 0x1800
  memory.put<std::int32_t>(kCode + 0x42, 0x1000 + 0x1800 - 0x46);
  memory.put<std::uint64_t>(kData + 0x1800, 0x7ffa12340000);
  ScanContext context;
  context.interpreter_entries = {{0x7ffa12340000, false}};
  auto found = scan_module(memory, module, context);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].stubs, Stubs::kInterpreted);
  memory.put<std::int32_t>(kCode + 1, -5);  // a jump to itself
  found = scan_module(memory, module, context);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].stubs, Stubs::kInline);
}

TEST(ScanTest, SeesNdr64InTheSyntaxTable) {
  FakeMemory memory;
  const auto module = add_image(memory, kBase, 0x2000, "server.dll");
  add_interface(memory, kData, kSvcctl, {kCode});
  memory.put<std::uint64_t>(kData + 0x50, kData + 0x1000);    // InterpreterInfo
  memory.put<std::uint64_t>(kData + 0x1030, 2);               // nCount
  memory.put<std::uint64_t>(kData + 0x1038, kData + 0x1100);  // pSyntaxInfo
  memory.put_syntax(kData + 0x1100, kNdr20);
  memory.put_syntax(kData + 0x1150, {kNdr64Syntax, 1, 0});
  const auto found = scan_module(memory, module, {});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_TRUE(found[0].ndr64);
}

TEST(ScanTest, AClientsInterfaceIsNone) {
  FakeMemory memory;
  const auto module = add_image(memory, kBase, 0x1000, "client.dll");
  add_interface(memory, kData, kSvcctl, {kCode});
  memory.put<std::uint64_t>(kData + 0x30, 0);
  EXPECT_THAT(scan_module(memory, module, {}), IsEmpty());
}

TEST(ScanTest, ATableWithDataInItIsNone) {
  FakeMemory memory;
  const auto module = add_image(memory, kBase, 0x1000, "odd.dll");
  add_interface(memory, kData, kSvcctl, {kCode, kData});
  EXPECT_THAT(scan_module(memory, module, {}), IsEmpty());
}

TEST(ScanTest, ATableWithTooManyEntriesIsNone) {
  FakeMemory memory;
  const auto module = add_image(memory, kBase, 0x1000, "odd.dll");
  add_interface(memory, kData, kSvcctl, {kCode});
  memory.put<std::uint32_t>(kData + 0x100, 0xFFFFFFFF);
  EXPECT_THAT(scan_module(memory, module, {}), IsEmpty());
}

// One that straddles two of the pieces memory is read in must be found, and once.
TEST(ScanTest, FindsEachOnceAcrossPieces) {
  for (const std::size_t at : {0xFF98u, 0xFFA0u, 0xFFA8u, 0xFFF0u, 0xFFF8u, 0x10000u, 0x10008u}) {
    FakeMemory memory;
    const auto module = add_image(memory, kBase, 0x20000, "big.dll");
    add_interface(memory, kData + at, kSvcctl, {kCode});
    EXPECT_THAT(scan_module(memory, module, {}), SizeIs(1)) << at;
  }
}

TEST(ScanTest, AnInterfaceAtTheVeryEndIsFound) {
  FakeMemory memory;
  const auto module = add_image(memory, kBase, 0x1000, "end.dll");
  add_interface(memory, kData, kSvcctl, {kCode});
  // A second one whose tables lie elsewhere, for it is the last thing in the section.
  for (int i = 0; i < 0x60; ++i) {
    std::byte b[1];
    ASSERT_TRUE(memory.read(kData + i, b));
    memory.put(kData + 0xFA0 + i, b[0]);
  }
  EXPECT_THAT(scan_module(memory, module, {}), SizeIs(2));
}

TEST(ScanTest, A32BitImageIsLeftAlone) {
  FakeMemory memory;
  const auto module = add_image(memory, kBase, 0x1000, "old.dll", 0x14c);
  add_interface(memory, kData, kSvcctl, {kCode});
  EXPECT_THAT(scan_module(memory, module, {}), IsEmpty());
}

TEST(ScanTest, EndpointsThatAreNoTextAreLeftOut) {
  FakeMemory memory;
  const auto module = add_image(memory, kBase, 0x1000, "odd.dll");
  add_interface(memory, kData, kSvcctl, {kCode}, "\\pipe\\x");
  memory.put<std::uint64_t>(kData + 0x128, 0xdeadbeef0000);
  const auto found = scan_module(memory, module, {});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0].endpoints, IsEmpty());
}

// Whatever is in the memory: no crash, no hang, no more than the bounds allow.
TEST(ScanTest, SurvivesDamage) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    FakeMemory memory;
    const auto module = add_image(memory, kBase, 0x1000, "damaged.dll");
    add_interface(memory, kData + 0x88, kSvcctl, {kCode, kCode}, "\\pipe\\svcctl");
    for (int i = 0; i < 6; ++i) {
      const std::uint64_t at = (random() % 2 ? kBase : kData) + random() % 0x300;
      memory.put<std::uint8_t>(at, static_cast<std::uint8_t>(random()));
    }
    const auto found = scan_module(memory, module, {});
    EXPECT_LE(found.size(), 2u);
  }
}

TEST(PeTest, FindsExports) {
  FakeMemory memory;
  const auto module = add_image(memory, kBase, 0x1000, "rpcrt4.dll");
  const std::uint64_t optional = kBase + 0x84 + 20;
  memory.put<std::uint32_t>(optional + 112, 0x2000);  // export directory
  const auto directory = [&](int at, std::uint32_t value) {
    memory.put<std::uint32_t>(kData + static_cast<std::uint64_t>(at), value);
  };
  directory(20, 2);
  directory(24, 2);
  directory(28, 0x2100);
  directory(32, 0x2200);
  directory(36, 0x2300);
  memory.put<std::uint32_t>(kData + 0x100, 0x1010);
  memory.put<std::uint32_t>(kData + 0x104, 0x2800);  // forwarded: points to text
  memory.put<std::uint32_t>(kData + 0x200, 0x2400);
  memory.put<std::uint32_t>(kData + 0x204, 0x2420);
  memory.put<std::uint16_t>(kData + 0x300, 1);
  memory.put<std::uint16_t>(kData + 0x302, 0);
  memory.put_text(kData + 0x400, "NdrAsyncServerCall");
  memory.put_text(kData + 0x420, "NdrServerCall2");
  const auto image = read_pe(memory, kBase);
  ASSERT_TRUE(image);
  EXPECT_EQ(find_export(memory, kBase, *image, "NdrServerCall2"), kBase + 0x1010);
  EXPECT_EQ(find_export(memory, kBase, *image, "NdrAsyncServerCall"), std::nullopt);
  EXPECT_EQ(find_export(memory, kBase, *image, "Nothing"), std::nullopt);
  EXPECT_THAT(interpreter_entries(memory, module),
              testing::ElementsAre(testing::Pair(kBase + 0x1010, false)));
  // Counts beyond the tables end the search.
  directory(24, 0xFFFFFFFF);
  EXPECT_EQ(find_export(memory, kBase, *image, "zzz"), std::nullopt);
}

TEST(PeTest, WhatIsNoImageIsNone) {
  FakeMemory memory;
  memory.add(0x1000, 0x200);
  EXPECT_FALSE(read_pe(memory, 0x1000));
  EXPECT_FALSE(read_pe(memory, 0x9000));
  memory.put<std::uint16_t>(0x1000, 0x5a4d);
  memory.put<std::uint32_t>(0x103c, 0xFFFFFFF0);
  EXPECT_FALSE(read_pe(memory, 0x1000));
}

TEST(PeTest, TextEndsWithinItsBoundsAndPage) {
  FakeMemory memory;
  memory.add(0x1000, 0x1000);
  memory.put_text(0x1FF8, "abcdefg");  // ends with the page, and nothing comes after it
  EXPECT_EQ(read_c_string(memory, 0x1FF8, 100), "abcdefg");
  memory.put<char>(0x1FFF, 'h');
  EXPECT_EQ(read_c_string(memory, 0x1FF8, 100), std::nullopt);
  EXPECT_EQ(read_c_string(memory, 0x1FF8, 4), std::nullopt);
}

}  // namespace
}  // namespace rpcmarshal::agent
