// Signatures of interpreted operations, from format strings as widl -Oicf writes them.
#include "agent/service/signatures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "fake_memory.h"

namespace rpcmarshal::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kInfo = 0x10000, kStub = 0x10100, kProc = 0x10400, kOffsets = 0x10300,
                        kTypes = 0x10800;

void put_bytes(FakeMemory& memory, std::uint64_t at, const std::vector<int>& bytes) {
  for (const int b : bytes) memory.put<std::uint8_t>(at++, static_cast<std::uint8_t>(b));
}

// Two operations:
//   0  long f([in, unique, string] wchar_t* a, [in] unsigned long b, [out] long* c)  implicit
//   handle 1  void g([in] handle_t h, [in, out] struct* s)                    explicit primitive
//   handle
FakeMemory lay_out(std::uint32_t version = 0x50002) {
  FakeMemory memory;
  memory.add(kInfo, 0x1000);
  memory.put<std::uint64_t>(kInfo, kStub);
  memory.put<std::uint64_t>(kInfo + 0x10, kProc);
  memory.put<std::uint64_t>(kInfo + 0x18, kOffsets);
  memory.put<std::uint64_t>(kStub + 0x40, kTypes);
  memory.put<std::uint32_t>(kStub + 0x4c, version);
  memory.put<std::uint16_t>(kOffsets, 0);
  memory.put<std::uint16_t>(kOffsets + 2, 0x40);
  memory.put<std::uint16_t>(kOffsets + 4, 0xFFFF);
  put_bytes(memory, kProc,
            {0x32, 0x48, 0,  0, 0,    0, 0, 0, 0x28, 0,  // handle, flags, rpc flags, 0, stack
             8,    0,    8,  0, 0x46, 4,                 // buffers, has extensions, four
             8,    1,    0,  0, 0,    0, 0, 0,           // extension of eight bytes
             0x0b, 0,    0,  0, 2,    0,                 // in, must size: type 2
             0x48, 0,    8,  0, 9,    0,                 // in, base: ulong
             0x50, 0x21, 16, 0, 8,    0,                 // out, base, simple ref: long
             0x70, 0,    24, 0, 8,    0});               // return, out, base: long
  put_bytes(memory, kProc + 0x40, {0,    0x48, 0, 0, 0,    0, 1,  0, 0x10, 0,  // explicit handle
                                   0x32, 0,    0, 0,                           // primitive
                                   0,    0,    0, 0, 0x40, 1, 10, 1, 0,    0, 0, 0,
                                   0,    0,    0, 0, 0x1b, 1, 8,  0, 8,    0});  // in out: type 8
  put_bytes(memory, kTypes + 2, {0x12, 0x08, 0x25, 0x5c});  // unique, simple: wstring
  put_bytes(memory, kTypes + 8, {0x11, 0, 2, 0});           // ref, at 10 + 2
  put_bytes(memory, kTypes + 12, {0x1a, 3, 24, 0});         // struct of 24 bytes
  return memory;
}

TEST(SignaturesTest, ReadsTypesAndDirections) {
  EXPECT_THAT(read_signatures(lay_out(), kInfo, 3),
              ElementsAre("(in unique wstring, in ulong, out ref long) -> long",
                          "(in out ref struct(24)) -> void", ""));
}

TEST(SignaturesTest, TakesNdrsStringsFromTheTableOfSyntaxes) {
  FakeMemory memory = lay_out();
  memory.add(0x20000, 0x100);
  memory.put<std::uint64_t>(kInfo + 0x30, 2);
  memory.put<std::uint64_t>(kInfo + 0x38, 0x20000);
  memory.put_syntax(0x20000, {kNdr64Syntax, 1, 0});
  memory.put_syntax(0x20050, kNdr20);
  memory.put<std::uint64_t>(0x20050 + 0x20, kProc);
  memory.put<std::uint64_t>(0x20050 + 0x28, kOffsets + 2);  // the second is the first here
  memory.put<std::uint64_t>(0x20050 + 0x30, kTypes);
  memory.put<std::uint16_t>(kProc + 0x46, 0);
  EXPECT_THAT(read_signatures(memory, kInfo, 1), ElementsAre("(in out ref struct(24)) -> void"));
}

TEST(SignaturesTest, InlineStubsHaveNone) {
  EXPECT_THAT(read_signatures(lay_out(0x10001), kInfo, 3), IsEmpty());
  EXPECT_THAT(read_signatures(lay_out(), 0, 3), IsEmpty());
  EXPECT_THAT(read_signatures(lay_out(), 0x999999, 3), IsEmpty());
}

TEST(SignaturesTest, APointerToItselfEnds) {
  FakeMemory memory = lay_out();
  put_bytes(memory, kTypes + 8, {0x11, 0, 0xFE, 0xFF});  // two bytes back: itself
  EXPECT_THAT(read_signatures(memory, kInfo, 2)[1], testing::StartsWith("(in out ref ref"));
}

TEST(SignaturesTest, SurvivesDamage) {
  std::mt19937 random(3);
  for (int round = 0; round < 5000; ++round) {
    FakeMemory memory = lay_out();
    for (int i = 0; i < 5; ++i)
      memory.put<std::uint8_t>(kInfo + random() % 0x1000, static_cast<std::uint8_t>(random()));
    for (int i = 0; i < 3; ++i)
      memory.put<std::uint8_t>(kProc + random() % 0x80, static_cast<std::uint8_t>(random()));
    for (const std::string& one : read_signatures(memory, kInfo, 3)) EXPECT_LT(one.size(), 20000u);
  }
}

}  // namespace
}  // namespace rpcmarshal::agent
