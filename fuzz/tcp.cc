// Frames with made-up flags, sequence numbers and payloads through decapsulation and reassembly.
// Input: records of a link type selector, a length and a frame, or (selector 0) a compact segment
// of one of four flows, so that the fuzzer reaches deep states. Checked: bytes of a connection and
// direction never exceed what was sent, on_end comes once and last, memory stays within its limit.
#include "capture/tcp.h"

#include <cstdlib>

using namespace rpcmarshal;

namespace {

struct Consumer : StreamConsumer {
  bool ended = false;
  std::size_t bytes = 0;
  std::size_t quit_after = ~std::size_t{0};
  void on_data(Direction, Timestamp, Bytes data) override {
    if (ended || data.empty()) std::abort();
    for (std::byte b : data) bytes += b != std::byte{0};
  }
  void on_gap(Direction, Timestamp, std::uint64_t missing) override {
    if (ended || missing == 0) std::abort();
  }
  void on_end(Timestamp) override {
    if (ended) std::abort();
    ended = true;
  }
  bool interested() const override { return bytes < quit_after; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  TcpLimits limits;
  limits.max_flows = 3;
  limits.max_memory = 1u << 20;
  limits.max_flow_pending = 8192;
  limits.max_flow_segments = 32;
  limits.gap_window = 512;
  TcpReassembler tcp(
      [](const ConnectionInfo& info) -> std::unique_ptr<StreamConsumer> {
        if (info.number % 5 == 4) return nullptr;
        auto consumer = std::make_unique<Consumer>();
        if (info.number % 5 == 3) consumer->quit_after = 100;
        return consumer;
      },
      limits);
  Decapsulator decap;
  static const int kLinkTypes[] = {0, 1, 9, 12, 113, 276, 228, 229};
  ByteReader in({reinterpret_cast<const std::byte*>(data), size});
  Timestamp now = 1;
  while (in.ok() && in.remaining() > 0) {
    std::uint8_t selector = in.u8();
    now += static_cast<Timestamp>(selector >> 4) * 500'000'000;
    TransportPacket packet;
    if ((selector & 15) != 0) {
      RawPacket raw;
      raw.time = now;
      raw.link_type = kLinkTypes[selector & 7];
      raw.data = in.take(in.u8());
      raw.original_length = static_cast<std::uint32_t>(raw.data.size() + ((selector & 8) ? 9 : 0));
      if (decap.parse(raw, packet) == Decapsulator::Result::kTcp) tcp.segment(packet);
    } else {
      std::uint8_t who = in.u8();
      packet.time = now;
      packet.flags = in.u8();
      packet.source.port = static_cast<std::uint16_t>(1000 + (who & 3));
      packet.destination.port = 445;
      if (who & 4) std::swap(packet.source, packet.destination);
      std::uint32_t base = (who & 8) ? 0xffffff00u : 0;
      packet.sequence = base + in.u16() * ((who & 16) ? 65537u : 1u);
      packet.acknowledgment = base + in.u16();
      packet.payload = in.take(in.u8());
      packet.payload_length = static_cast<std::uint32_t>(packet.payload.size()) + (who >> 5);
      tcp.segment(packet);
    }
    if (tcp.flows() > limits.max_flows || tcp.memory() > limits.max_memory) std::abort();
  }
  tcp.finish();
  if (tcp.flows() != 0) std::abort();
  return 0;
}
