// HTTP connections of RPC over HTTP, fed by a script: each step is a control byte (bit 0 direction,
// bit 1 gap, bits 2 and 3 which of four connections) and a two-byte length, then that many bytes.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "dcerpc/http_tunnel.h"
#include "dcerpc/tower.h"

namespace {

struct Sink : rpcmarshal::StreamConsumer {
  bool ended = false;
  void on_data(rpcmarshal::Direction, rpcmarshal::Timestamp, rpcmarshal::Bytes data) override {
    if (ended || data.empty()) std::abort();
  }
  void on_gap(rpcmarshal::Direction, rpcmarshal::Timestamp, std::uint64_t) override {
    if (ended) std::abort();
  }
  void on_end(rpcmarshal::Timestamp) override {
    if (ended) std::abort();
    ended = true;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rpcmarshal;
  HttpTunnels tunnels([](const HttpTunnelInfo&) { return std::make_unique<Sink>(); });
  std::unique_ptr<StreamConsumer> channels[4];
  for (auto& channel : channels) channel = tunnels.channel({});
  ByteReader script({reinterpret_cast<const std::byte*>(data), size});
  Timestamp time = 0;
  while (script.remaining() > 3) {
    const unsigned control = script.u8();
    const std::size_t length = script.u16();
    StreamConsumer& channel = *channels[control >> 2 & 3];
    const Direction direction = (control & 1) ? Direction::kBackward : Direction::kForward;
    if (control & 2) {
      channel.on_gap(direction, ++time, length + 1);
      continue;
    }
    const Bytes bytes = script.take(length < script.remaining() ? length : script.remaining());
    const std::vector<std::byte> copy(bytes.begin(), bytes.end());
    channel.on_data(direction, ++time, copy);
    if (channel.memory() > (1u << 20)) std::abort();
    parse_tower(copy);
  }
  for (auto& channel : channels) channel->on_end(++time);
  return 0;
}
