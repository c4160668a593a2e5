// RPC over HTTP v2 ([MS-RPCH] 2.2): a virtual connection is two HTTP connections, one whose endless
// request carries the client's PDUs (RPC_IN_DATA) and one whose endless response carries the
// server's (RPC_OUT_DATA). The first RTS PDU of each names the virtual connection by a cookie; here
// both are joined to one byte stream pair. Channels are replaced while a connection lives: the new
// one names the same cookie.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "capture/stream.h"
#include "security/identity.h"

namespace rpcmarshal {

/// What the HTTP layer tells of a virtual connection.
struct HttpTunnelInfo {
  ConnectionInfo channel;              ///< the channel that was seen first
  std::string target;                  ///< of the URL: "exch1:6001", the server behind the proxy
  std::shared_ptr<AuthExchange> auth;  ///< towards the proxy; null when none was seen
};

struct HttpTunnelStatistics {
  std::uint64_t channels = 0, connections = 0;
  std::uint64_t malformed = 0;  ///< channels whose HTTP or first RTS PDU could not be read
  std::uint64_t limits = 0;
};

class HttpTunnels {
 public:
  /// Makes the consumer of a virtual connection's PDUs; kForward is from the client.
  using Open = std::function<std::unique_ptr<StreamConsumer>(const HttpTunnelInfo&)>;
  explicit HttpTunnels(Open open) : open_(std::move(open)) {}
  HttpTunnels(const HttpTunnels&) = delete;
  HttpTunnels& operator=(const HttpTunnels&) = delete;

  /// A consumer for one HTTP connection. The tunnels outlive it.
  std::unique_ptr<StreamConsumer> channel(const ConnectionInfo& connection);
  const HttpTunnelStatistics& statistics() const { return statistics_; }

 private:
  using Cookie = std::array<std::byte, 16>;
  /// Both channels' bytes come together here. It ends with its last channel.
  struct Virtual {
    std::unique_ptr<StreamConsumer> consumer;
  };
  class Channel;

  std::shared_ptr<Virtual> join(const Cookie& cookie, const HttpTunnelInfo& info);

  static constexpr std::size_t kMaxConnections = 65536;

  Open open_;
  std::map<Cookie, std::weak_ptr<Virtual>> connections_;
  HttpTunnelStatistics statistics_;
};

/// Whether a stream starts with a request of RPC over HTTP v2: 0 unknown yet, 1 yes, -1 no.
int looks_like_rpc_http(Bytes start);

}  // namespace rpcmarshal
