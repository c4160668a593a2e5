#include "live/live_capture.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "capture/decap.h"

namespace rpcmarshal {

struct LiveCapture::Impl {
  std::string interface;
  pcap_t* pcap = nullptr;
  int link_type = 1;
  std::string error;
  DropStatistics drops;
  pcap_stat last{};  // libpcap's counters have 32 bits and wrap
  const std::function<void(const RawPacket&)>* receiver = nullptr;

  ~Impl() {
    if (pcap) pcap_close(pcap);
  }
};

LiveCapture::LiveCapture(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LiveCapture::~LiveCapture() = default;
int LiveCapture::descriptor() const { return pcap_get_selectable_fd(impl_->pcap); }
const std::string& LiveCapture::error() const { return impl_->error; }
const std::string& LiveCapture::interface() const { return impl_->interface; }

LiveCapture::Opened LiveCapture::open(const std::string& interface, const LiveOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->interface = interface;
  const auto failed = [&](const std::string& why) {
    return Opened{nullptr, interface + ": " + why};
  };
  char message[PCAP_ERRBUF_SIZE] = "";
  pcap_t* pcap = impl->pcap = pcap_create(interface.c_str(), message);
  if (!pcap) return failed(message);
  pcap_set_snaplen(pcap, options.snap_length);
  pcap_set_promisc(pcap, options.promiscuous ? 1 : 0);
  pcap_set_buffer_size(pcap, options.buffer_bytes);
  pcap_set_timeout(pcap, options.timeout_milliseconds);
  pcap_set_immediate_mode(pcap, options.immediate ? 1 : 0);
  pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
  const int status = pcap_activate(pcap);
  if (status < 0) {
    const std::string detail = pcap_geterr(pcap);
    std::string why = pcap_statustostr(status);
    if (!detail.empty()) why += " (" + detail + ")";
    if (status == PCAP_ERROR_PERM_DENIED)
      why += ": run as root, or with the capability CAP_NET_RAW";
    return failed(why);
  }
  if (pcap_get_tstamp_precision(pcap) != PCAP_TSTAMP_PRECISION_NANO)
    return failed("the kernel gives no times in nanoseconds");
  impl->link_type = pcap_datalink(pcap);
  if (!Decapsulator::supports(impl->link_type)) {
    const char* name = pcap_datalink_val_to_name(impl->link_type);
    return failed("link type " + (name ? std::string(name) : std::to_string(impl->link_type)) +
                  " is not supported");
  }
  if (!options.filter.empty()) {
    bpf_program program{};
    if (pcap_compile(pcap, &program, options.filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
      return failed(std::string("the filter cannot be used: ") + pcap_geterr(pcap));
    const int set = pcap_setfilter(pcap, &program);
    pcap_freecode(&program);
    if (set != 0) return failed(std::string("the filter was refused: ") + pcap_geterr(pcap));
  }
  if (pcap_setnonblock(pcap, 1, message) != 0) return failed(message);
  if (pcap_get_selectable_fd(pcap) < 0) return failed("cannot be waited on");
  return {std::unique_ptr<LiveCapture>(new LiveCapture(std::move(impl))), ""};
}

int LiveCapture::read(int at_most, const std::function<void(const RawPacket&)>& f) {
  Impl& s = *impl_;
  s.receiver = &f;
  const int count = pcap_dispatch(
      s.pcap, at_most,
      [](u_char* user, const pcap_pkthdr* header, const u_char* data) {
        const Impl& self = *reinterpret_cast<Impl*>(user);
        (*self.receiver)(RawPacket{
            // tv_usec holds nanoseconds, as asked for.
            .time = static_cast<Timestamp>(header->ts.tv_sec) * 1'000'000'000 + header->ts.tv_usec,
            .data = {reinterpret_cast<const std::byte*>(data), header->caplen},
            .original_length = header->len,
            .link_type = self.link_type});
      },
      reinterpret_cast<u_char*>(&s));
  if (count >= 0) return count;
  s.error = s.interface + ": " + pcap_geterr(s.pcap);
  return -1;
}

DropStatistics LiveCapture::drops() {
  Impl& s = *impl_;
  pcap_stat now{};
  if (pcap_stats(s.pcap, &now) == 0) {
    s.drops.received += now.ps_recv - s.last.ps_recv;
    s.drops.kernel += now.ps_drop - s.last.ps_drop;
    s.drops.interface += now.ps_ifdrop - s.last.ps_ifdrop;
    s.last = now;
  }
  return s.drops;
}

std::string capture_filter(const std::string& ports) {
  std::string transport = "tcp or udp";
  if (!ports.empty()) {
    std::string any;
    for (std::size_t at = 0; at <= ports.size();) {
      const std::size_t comma = std::min(ports.find(',', at), ports.size());
      const std::string part = ports.substr(at, comma - at);
      const std::size_t dash = part.find('-');
      const auto number = [&](const std::string& text) {
        unsigned value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size() || value > 65535)
          throw std::invalid_argument("--ports: '" + part + "' is no port or range of ports");
        return value;
      };
      const unsigned first = number(part.substr(0, dash));
      const unsigned last = dash == std::string::npos ? first : number(part.substr(dash + 1));
      if (last < first) throw std::invalid_argument("--ports: '" + part + "' is no range of ports");
      if (!any.empty()) any += " or ";
      any += first == last ? "port " + std::to_string(first)
                           : "portrange " + std::to_string(first) + '-' + std::to_string(last);
      at = comma + 1;
    }
    // Tunnels over UDP carry any port inside.
    transport = any + " or udp port 4789";
  }
  // Fragments of IPv4 have an offset or more to come; 44 is IPv6's fragment header; 4, 41 and 47
  // are IP in IP and GRE.
  const std::string base = transport +
                           " or (ip and ip[6:2] & 0x3fff != 0) or ip6 proto 44 or ip proto 4 or ip "
                           "proto 41 or proto 47";
  // Each `vlan` moves what follows behind one more tag. The kernel's filter sees tags in the packet
  // or beside it; libpcap knows which.
  return base + " or (vlan and (" + base + " or (vlan and (" + base + "))))";
}

}  // namespace rpcmarshal
