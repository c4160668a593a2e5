// Session keys that were found in traffic under the keys of Secrets: of Kerberos tickets (from AS
// and TGS replies, or from the ticket itself), and of Netlogon secure channels. Shared by all
// workers; locks itself; bounded, the oldest goes first.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "security/secret_memory.h"

namespace rpcmarshal {

/// What a ticket holds, or a KDC's reply says about it.
struct OpenedTicket {
  SecretKey key;                    ///< session key
  std::string client, realm;        ///< UTF-8, as the KDC wrote them; empty when not known
  std::string sid;                  ///< of the client, from the PAC; empty without one
  std::vector<std::string> groups;  ///< SIDs, from the PAC
};

/// A Netlogon session key ([MS-NRPC] 3.1.4.3) and how messages are sealed with it.
struct NetlogonKey {
  SecretKey key;  ///< 16 bytes
  bool aes = false;
};

class LearnedKeys {
 public:
  /// `digest` is ticket_digest(). Replaces.
  void put_ticket(std::uint64_t digest, OpenedTicket ticket) {
    put(tickets_, ticket_order_, digest, std::move(ticket));
  }
  bool find_ticket(std::uint64_t digest, OpenedTicket& out) const {
    return find(tickets_, digest, out);
  }

  /// A secure channel of this computer (as it names itself, in upper case, without a domain) was
  /// set up. It may have one with each domain controller: the newest kMaxChannels keys are kept.
  static constexpr std::size_t kMaxChannels = 4;
  void put_netlogon(const std::string& computer, const NetlogonKey& key) {
    std::vector<NetlogonKey> keys;
    find(netlogon_, computer, keys);
    keys.insert(keys.begin(), key);
    if (keys.size() > kMaxChannels) keys.pop_back();
    put(netlogon_, netlogon_order_, computer, std::move(keys));
  }
  /// The newest first; empty when there is none.
  std::vector<NetlogonKey> find_netlogon(const std::string& computer) const {
    std::vector<NetlogonKey> keys;
    find(netlogon_, computer, keys);
    return keys;
  }

 private:
  static constexpr std::size_t kMax = 16384;

  template <typename Map, typename Order, typename Key, typename Value>
  void put(Map& map, Order& order, const Key& key, Value value) {
    const std::lock_guard lock(mutex_);
    if (!map.insert_or_assign(key, std::move(value)).second) return;
    order.push_back(key);
    if (order.size() <= kMax) return;
    map.erase(order.front());
    order.pop_front();
  }
  template <typename Map, typename Key, typename Value>
  bool find(const Map& map, const Key& key, Value& out) const {
    const std::lock_guard lock(mutex_);
    const auto found = map.find(key);
    if (found == map.end()) return false;
    out = found->second;
    return true;
  }

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, OpenedTicket> tickets_;
  std::deque<std::uint64_t> ticket_order_;
  std::unordered_map<std::string, std::vector<NetlogonKey>> netlogon_;
  std::deque<std::string> netlogon_order_;
};

}  // namespace rpcmarshal
