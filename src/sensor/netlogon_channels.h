// Follows how Netlogon secure channels are set up: the challenges of NetrServerReqChallenge and the
// proof of NetrServerAuthenticate ([MS-NRPC] 3.1.4.1), which are ordinary calls, give the session
// key when the machine account's key is known. Bounded; one for each sensor.
#pragma once

#include <string>

#include "base/recent_map.h"
#include "event/event.h"
#include "security/netlogon_keys.h"

namespace rpcmarshal {

class NetlogonChannels {
 public:
  /// Any event; learns into `secrets`.
  void observe(const Event& event, const Secrets& secrets);

 private:
  static constexpr std::size_t kMaxPending = 8192;
  RecentMap<std::string, NetlogonChallenges> pending_{kMaxPending};  ///< by computer and server
};

}  // namespace rpcmarshal
