// TCP reassembly and nothing more, by libtins: the bytes of both directions of every connection, in
// order, counted.
#include <tins/tcp_ip/stream_follower.h>
#include <tins/tins.h>

#include <cstdint>
#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: tins CAPTURE\n"), 2;
  std::uint64_t packets = 0, payload = 0;
  Tins::TCPIP::StreamFollower follower;
  follower.new_stream_callback([&](Tins::TCPIP::Stream& stream) {
    stream.client_data_callback([&](Tins::TCPIP::Stream& s) { payload += s.client_payload().size(); });
    stream.server_data_callback([&](Tins::TCPIP::Stream& s) { payload += s.server_payload().size(); });
    stream.auto_cleanup_payloads(true);
  });
  Tins::FileSniffer sniffer(argv[1]);
  while (Tins::Packet packet = sniffer.next_packet()) {
    ++packets;
    follower.process_packet(packet);
  }
  std::printf("%llu packets, %llu bytes delivered\n", static_cast<unsigned long long>(packets),
              static_cast<unsigned long long>(payload));
}
