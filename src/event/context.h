// What the transport knows about the calls of one connection or pipe.
#pragma once

#include <memory>
#include <string>

#include "capture/stream.h"
#include "event/event.h"
#include "smb/pipe.h"

namespace rpcmarshal {

struct CallContext {
  EventTransport::Protocol protocol = EventTransport::Protocol::kTcp;
  Endpoint client, server;
  Timestamp connection_start = 0;  ///< of the TCP connection, as far as it was captured
  std::string pipe;                ///< named pipes only
  std::string tree;
  std::string target;  ///< RPC over HTTP: "exch1:6001", the server behind the proxy
  std::shared_ptr<const AuthExchange> http_auth;  ///< RPC over HTTP: towards the proxy
  std::shared_ptr<const SmbSession> session;      ///< named pipes only; identity may still change
  std::shared_ptr<const SmbRoutes> routes;        ///< named pipes: other connections of its session
  const EventAction* action = nullptr;            ///< what a policy decided, when one was asked
  const HostFacts* host = nullptr;                ///< the call was seen inside the server
};

}  // namespace rpcmarshal
