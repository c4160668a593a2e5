// What reading a capture costs before anything is understood: every packet through libpcap, its
// Ethernet, IPv4 and TCP headers looked at, its payload's bytes counted.
#include <pcap/pcap.h>

#include <cstdint>
#include <cstdio>

int main(int argc, char** argv) {
  char message[PCAP_ERRBUF_SIZE] = "";
  pcap_t* pcap = argc == 2 ? pcap_open_offline(argv[1], message) : nullptr;
  if (!pcap) return std::fprintf(stderr, "usage: floor CAPTURE %s\n", message), 2;
  pcap_pkthdr* header = nullptr;
  const u_char* p = nullptr;
  std::uint64_t packets = 0, payload = 0;
  while (pcap_next_ex(pcap, &header, &p) == 1) {
    ++packets;
    if (header->caplen < 54 || p[12] != 8 || p[13] != 0 || p[23] != 6) continue;
    const unsigned ip = (p[14] & 15u) * 4, tcp = (p[14 + ip + 12] >> 4) * 4u;
    payload += (p[16] << 8 | p[17]) - ip - tcp;
  }
  std::printf("%llu packets, %llu bytes of payload\n", static_cast<unsigned long long>(packets),
              static_cast<unsigned long long>(payload));
  pcap_close(pcap);
}
