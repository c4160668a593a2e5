// Who calls: what the RPC runtime tells a server about the client of the call it is in. Windows is
// asked by caller_reader.h; tests have their own CallerSource.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/common/rpc_layout.h"
#include "base/guid.h"
#include "base/recent_map.h"
#include "capture/stream.h"
#include "event/event.h"
#include "security/identity.h"

namespace rpcmarshal::agent {

/// Empty, zero or null is "not known".
struct Caller {
  EventTransport::Protocol protocol = EventTransport::Protocol::kTcp;
  bool local = false;  ///< over ncalrpc
  Endpoint client, server;
  std::string endpoint;  ///< as the server registered it: "49667", "\pipe\svcctl", an LRPC port
  std::uint32_t client_pid = 0;
  std::shared_ptr<const std::string> client_image;  ///< path of that process
  AuthService service = AuthService::kNone;
  AuthLevel level = AuthLevel::kNone;
  std::optional<Guid> object;
  std::shared_ptr<const Identity> user;
};

class CallerSource {
 public:
  virtual ~CallerSource() = default;
  /// Fills in what can be known quickly: how the call came. Must not throw or raise.
  virtual void transport(const RpcMessage& message, Caller& caller) noexcept = 0;
  /// The rest, for calls that make an event.
  virtual void identify(const RpcMessage& message, Caller& caller) noexcept = 0;
};

/// "objuuid@ncacn_ip_tcp:10.0.0.5[49667,option]", as the runtime writes bindings.
struct StringBinding {
  std::string protocol, address, endpoint;
};
/// nullopt when it is no string binding. Text is UTF-16 without terminating NUL.
std::optional<StringBinding> parse_binding(std::u16string_view text);
/// Of "ncacn_np" and the like; nullopt for what Windows has no more (ncacn_spx...).
std::optional<EventTransport::Protocol> protocol_of(std::string_view sequence);
/// Dotted or colon form; nullopt for names.
std::optional<IpAddress> parse_address(std::string_view text);

/// Remembers users per (where from, principal, level, service), for asking costs a token each time.
/// Bounded; an entry is believed for a minute, because group memberships change.
class UserCache {
 public:
  using Shared = std::shared_ptr<const Identity>;
  /// Null when unknown or too old; `now` in milliseconds of any clock.
  Shared find(const std::string& key, std::uint64_t now);
  void put(const std::string& key, Shared user, std::uint64_t now);
  std::size_t size() const { return entries_.size(); }

  static constexpr std::uint64_t kBelieved = 60'000;
  static constexpr std::size_t kCapacity = 4096;

 private:
  struct Entry {
    Shared user;
    std::uint64_t since = 0;
  };
  RecentMap<std::string, Entry> entries_{kCapacity};
};

}  // namespace rpcmarshal::agent
