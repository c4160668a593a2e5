// Puts IP fragments together ([RFC 791] 3.2, [RFC 8200] 4.5). Bounded in number, bytes and age; the
// first copy of every byte wins, and a later copy that differs is counted. Internal to capture/.
#pragma once

#include <bitset>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "capture/decap.h"

namespace rpcmarshal {

class IpFragments {
 public:
  struct Key {
    IpAddress source, destination;
    std::uint32_t id = 0;
    std::uint8_t protocol = 0;
    bool operator==(const Key&) const = default;
  };
  struct Fragment {
    std::size_t offset = 0;  ///< bytes
    bool more = false;
    Bytes data;
  };
  struct Whole {
    bool complete = false;
    std::uint8_t protocol = 0;  ///< of the first fragment
    Bytes data;                 ///< lives until the next add()
  };

  explicit IpFragments(DecapStatistics& statistics) : statistics_(statistics) {}
  /// `next_protocol` is what follows the fragment header (IPv6) or the IP header (IPv4).
  Whole add(Timestamp time, const Key& key, std::uint8_t next_protocol, const Fragment& fragment);

 private:
  static constexpr std::size_t kMaxDatagrams = 1024;
  static constexpr std::size_t kMaxBytes = 16u << 20;
  static constexpr std::size_t kMaxLength = 65535;
  static constexpr Timestamp kMaxAge = 30'000'000'000;

  struct Datagram {
    Key key;
    Timestamp first = 0;
    std::uint8_t protocol = 0;
    std::size_t total = 0;   ///< 0 until the last fragment came
    std::size_t blocks = 0;  ///< of eight bytes, received
    std::vector<std::byte> data;
    std::bitset<8192> received;  ///< by block
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept;
  };
  using Datagrams = std::list<Datagram>;  // oldest first

  void drop(Datagrams::iterator it);

  DecapStatistics& statistics_;
  Datagrams datagrams_;
  std::unordered_map<Key, Datagrams::iterator, KeyHash> index_;
  std::size_t bytes_ = 0;
  std::vector<std::byte> whole_;
};

}  // namespace rpcmarshal
