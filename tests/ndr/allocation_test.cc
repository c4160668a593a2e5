// No allocation per call once the tape has grown: counted by replacing the global operator new.
#include <atomic>
#include <cstdlib>
#include <new>

#include "ndr/build.h"

namespace {
std::atomic<std::size_t> allocations{0};
}  // namespace

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // both replaced below; inlining hides it
#endif

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size ? size : 1);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace rpcmarshal::ndr::test {
namespace {

TEST(NdrAllocation, SteadyStateAllocatesNothing) {
  Idl idl;
  const Type* item = idl.record("I", {{"name", idl.full(idl.wstring())}, {"n", idl.u32()}});
  idl.procedure({{kIn, "n", idl.u32()},
                 {kIn, "a", idl.ref(idl.array(item, {Idl::conformant("n")}))},
                 {kIn, "b", idl.pointer(idl.array(idl.byte(), {Idl::conformant("n")}))}});
  const Program* program = idl.program();
  Wire w;
  constexpr std::uint32_t kItems = 50;
  w.u32(kItems).u32(kItems);
  for (std::uint32_t i = 0; i < kItems; ++i) w.u32(100 + i).u32(i);
  for (std::uint32_t i = 0; i < kItems; ++i) w.wstring(u"a name");
  w.align(4).u32(1).u32(3).raw("abc");  // disagrees with n: that costs nothing either
  Tape tape;
  Walker walker;
  std::string text;
  DecodeInput input;
  input.stub = w.bytes();
  std::size_t leaves = 0;
  const auto once = [&] {
    const DecodeResult result = decode(*program, input, tape);
    ASSERT_TRUE(result.complete());
    ASSERT_EQ(result.mismatches, 1u);
    text.clear();
    walker.start(tape.root());
    while (walker.next()) {
      if (walker.event() != Walker::Event::kLeaf) continue;
      ++leaves;
      walker.value().append_text(text);
    }
  };
  once();
  const std::size_t before = allocations;
  for (int i = 0; i < 100; ++i) once();
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_EQ(leaves, 101u * (2 + 2 * kItems));
  EXPECT_EQ(text.size(), 6u * kItems);
}

}  // namespace
}  // namespace rpcmarshal::ndr::test
