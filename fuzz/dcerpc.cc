// A DCE/RPC connection fed by a script: each step is one control byte (bit 0 direction, bit 1 gap)
// and a two-byte length, then that many bytes. Small limits, so that they are reached. What is
// handed over must be consistent with itself.
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "dcerpc/call.h"
#include "dcerpc/datagrams.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rpcmarshal;
  DceLimits limits;
  limits.max_stub = 600;
  limits.max_fragments = 8;
  limits.max_outstanding = 6;
  limits.max_connection_bytes = 4096;
  DceStatistics statistics;
  std::atomic<std::uint64_t> numbers{1};
  std::uint64_t touched = 0;
  auto check = [&](const Call& call) {
    for (const CallHalf* half : {&call.request, &call.response}) {
      require(half->stub.size() <= half->stub_size);
      require(half->present || (half->stub.empty() && !half->complete));
      for (std::byte b : half->stub) touched += std::to_integer<unsigned>(b);
    }
    require(call.request.present || call.outcome == Outcome::kResponseOnly);
    require(call.interface || !call.bind_seen || call.never_offered);
    require(!call.never_offered || (call.bind_seen && !call.interface && call.inferred.empty()));
    if (call.identity) touched += call.identity->user.size();
  };
  auto connection = make_dce_connection({"\\pipe\\lsarpc", {}, 0}, limits, check, statistics,
                                        [&](const Bind& bind) { touched += bind.contexts.size(); });
  auto datagrams = make_dce_datagrams(
      limits, [&](const Endpoint&, const Endpoint&, const Call& call) { check(call); }, statistics,
      numbers);
  ByteReader script({reinterpret_cast<const std::byte*>(data), size});
  Timestamp time = 0;
  while (script.remaining() > 3) {
    unsigned control = script.u8();
    std::size_t length = script.u16();
    Direction direction = (control & 1) ? Direction::kBackward : Direction::kForward;
    if (control & 2) {
      connection->on_gap(direction, ++time, length + 1);
      continue;
    }
    Bytes bytes = script.take(length < script.remaining() ? length : script.remaining());
    std::vector<std::byte> copy(bytes.begin(),
                                bytes.end());  // exactly this size, for the sanitizer
    connection->on_data(direction, ++time, copy);
    datagrams->on_datagram({}, {}, time, copy);
    require(datagrams->memory() < 65536);
    require(connection->memory() < (4u << 20));
  }
  connection->on_end(++time);
  datagrams->on_end();
  require(datagrams->memory() == 0);
  looks_like_dce({reinterpret_cast<const std::byte*>(data), size});
  return touched == 0x123456789 ? 1 : 0;
}
