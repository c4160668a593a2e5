// Sessions with several TCP connections (SMB 3 multichannel, [MS-SMB2] 3.3.5.5.2): what is open
// belongs to the session, not to the connection. A connection that binds a session finds here the
// state of the one that set it up. Sessions are told apart by server and id. Internal to smb/ but
// for its owner.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "base/bytes.h"

namespace rpcmarshal {

class SmbState;

class SmbChannels {
 public:
  using ServerGuid = std::array<std::byte, 16>;  ///< of the negotiation; zeros when not seen

  void add(const ServerGuid& server, std::uint64_t session,
           const std::shared_ptr<SmbState>& state) {
    if (sessions_.size() >= kMaxSessions) {
      std::erase_if(sessions_, [](const auto& entry) { return entry.second.expired(); });
      if (sessions_.size() >= kMaxSessions) sessions_.erase(sessions_.begin());
    }
    sessions_[{server, session}] = state;
  }
  /// Null when the session was not set up in the capture, or is over.
  std::shared_ptr<SmbState> find(const ServerGuid& server, std::uint64_t session) const {
    const auto found = sessions_.find({server, session});
    return found == sessions_.end() ? nullptr : found->second.lock();
  }

 private:
  static constexpr std::size_t kMaxSessions = 65536;
  std::map<std::pair<ServerGuid, std::uint64_t>, std::weak_ptr<SmbState>> sessions_;
};

}  // namespace rpcmarshal
