// Which interfaces are served where: what the endpoint mapper answered, and what binds were
// accepted. It helps with connections whose own bind was not captured. Bounded; the endpoint
// learned first goes first.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "capture/stream.h"
#include "dcerpc/tower.h"

namespace rpcmarshal {

class EndpointMemory {
 public:
  struct Served {
    SyntaxId interface;
    bool mapped = false;  ///< by the endpoint mapper; else seen in an accepted bind
  };

  /// A tower of the endpoint mapper at `mapper`.
  void mapped(const IpAddress& mapper, const Tower& tower);
  /// `pipe` is empty for TCP; else the port does not matter.
  void bound(const Endpoint& server, std::string_view pipe, const SyntaxId& interface);

  /// In the order learned; empty when nothing is known. Lives until the next change.
  const std::vector<Served>& find(const Endpoint& server, std::string_view pipe) const;
  std::size_t size() const { return places_.size(); }

 private:
  static constexpr std::size_t kMaxPlaces = 16384;
  /// More interfaces than this on one endpoint are not kept: no conclusion could come from them.
  static constexpr std::size_t kMaxServed = 64;

  struct Place {
    IpAddress address;
    std::uint16_t port = 0;
    std::string pipe;  ///< lower case, without "\pipe\"
    auto operator<=>(const Place&) const = default;
  };
  static Place place(const IpAddress& address, std::uint16_t port, std::string_view pipe);
  void add(Place place, const SyntaxId& interface, bool mapped);

  std::map<Place, std::vector<Served>> places_;
  std::deque<Place> order_;
};

}  // namespace rpcmarshal
