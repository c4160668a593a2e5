// A compiled policy: refused, or decided by without reading outside it. The checksum is made right,
// so that what is behind it is reached.
#include <cstring>
#include <vector>

#include "policy/evaluator.h"
#include "policy/json_fields.h"

using namespace rpcmarshal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace format = policy::format;
  std::vector<std::byte> block(size);
  if (size > 0) std::memcpy(block.data(), data, size);
  if (size >= format::kHeaderSize) {
    std::memcpy(block.data(), format::kMagic, sizeof format::kMagic);
    const auto put = [&](std::size_t at, std::uint64_t value, std::size_t bytes) {
      for (std::size_t i = 0; i < bytes; ++i)
        block[at + i] = static_cast<std::byte>(value >> (8 * i) & 0xFF);
    };
    put(format::kAtVersion, format::kVersion, 4);
    put(format::kAtSize, size, 4);
    constexpr std::size_t kBehind = format::kAtChecksum + 8;
    put(format::kAtChecksum, format::checksum(block.data() + kBehind, size - kBehind), 8);
  }
  const policy::Policy::Loaded loaded = policy::Policy::load(block);
  if (!loaded.policy) return 0;
  policy::JsonFields fields(*loaded.policy);
  policy::Evaluator evaluator(*loaded.policy);
  for (const char* event :
       {R"({"a":"x","request":{"b":[1,2.5,"\u00e4"]},"decode":{"request":{"status":"partial"}}})",
        R"({"interface":{"name":"svcctl"},"operation":"A","client":{"address":"10.0.0.1"}})"}) {
    fields.parse(event);
    const policy::Decision d = evaluator.decide(fields, 1);
    if (d.rule != policy::Decision::kNoRule) loaded.policy->rule(d.rule);
  }
  return 0;
}
