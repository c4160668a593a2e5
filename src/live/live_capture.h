// Packets of a network interface, through libpcap (AF_PACKET with a memory-mapped ring). Opening
// needs CAP_NET_RAW; reading does not. Nothing here blocks but in poll(): wait on descriptor().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "capture/packet.h"
#include "sensor/sensor.h"

namespace rpcmarshal {

struct LiveOptions {
  std::string filter;  ///< in libpcap's language; empty: everything
  int snap_length = 65535;
  int buffer_bytes = 64 << 20;     ///< of the kernel's ring, per interface
  int timeout_milliseconds = 100;  ///< how long the kernel may collect packets before it wakes us
  bool immediate = false;          ///< hand over each packet at once, at the cost of more work
  bool promiscuous = true;
};

class LiveCapture {
 public:
  struct Opened {
    std::unique_ptr<LiveCapture> capture;  ///< null on failure
    std::string error;                     ///< one line, naming the interface
  };
  static Opened open(const std::string& interface, const LiveOptions& options);
  ~LiveCapture();
  LiveCapture(const LiveCapture&) = delete;
  LiveCapture& operator=(const LiveCapture&) = delete;

  int descriptor() const;
  /// Gives up to `at_most` waiting packets to `f`; each lives for its call. Returns their number,
  /// 0 when none wait, -1 when the interface cannot be read any more (error()).
  int read(int at_most, const std::function<void(const RawPacket&)>& f);
  const std::string& error() const;
  const std::string& interface() const;
  /// What the kernel counted since opening; `queue` stays 0.
  DropStatistics drops();

 private:
  struct Impl;
  explicit LiveCapture(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The default filter: every TCP segment and UDP datagram on any port (RPC takes ports at random,
/// and content tells what a connection carries), IP fragments, the tunnels of packet mirrors, also
/// behind one or two VLAN tags. With `ports` ("135,445,49152-65535") only those, and fragments and
/// tunnels as before; throws std::invalid_argument, naming the part that is no port or range.
std::string capture_filter(const std::string& ports);

}  // namespace rpcmarshal
