// Whose ticket a Kerberos ticket is: AS and TGS replies name the client beside the sealed ticket,
// and the client later presents the same sealed bytes in its AP-REQ, where its name is hidden
// ([RFC4120] 5.4.2, 5.5.1). Safe to share between threads; bounded, the ticket learned first goes
// first.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/bytes.h"

namespace rpcmarshal {

/// Stands for a ticket's ciphertext. Keyed with a secret of this process, so that nobody on the
/// wire can make two tickets with the same one; never 0.
std::uint64_t ticket_digest(Bytes cipher);

/// What a KDC's reply says in place of a name that it hides ([RFC6111] 3).
inline constexpr std::string_view kHiddenClient = "WELLKNOWN/ANONYMOUS";

class TicketNames {
 public:
  struct Client {
    std::string name, realm;
    /// The reply hid the name ([RFC 6113] 5.4.2): it is that of the ticket which the request
    /// showed.
    bool by_request = false;
  };
  /// A whole Kerberos message, of any type, of one conversation between a client and a KDC.
  /// `shown` is kept by the caller from message to message: the ticket of the last TGS request.
  /// True when something was learned. What is known of a ticket stays: a reply sent again by
  /// somebody else does not change it.
  bool learn(Bytes message, std::uint64_t& shown);
  /// False when the ticket was not seen in a reply.
  bool find(std::uint64_t digest, Client& out) const;
  std::size_t size() const;

 private:
  static constexpr std::size_t kMaxTickets = 65536;
  static constexpr std::size_t kMaxName = 256;

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Client> clients_;
  std::deque<std::uint64_t> order_;
};

}  // namespace rpcmarshal
