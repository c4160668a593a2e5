#include "sensor/endpoint_memory.h"

#include <algorithm>

namespace rpcmarshal {
namespace {

constexpr std::size_t kMaxPipeName = 256;

std::string folded(std::string_view pipe) {
  const std::size_t slash = pipe.rfind('\\');
  if (slash != std::string_view::npos) pipe.remove_prefix(slash + 1);
  std::string out(pipe.substr(0, kMaxPipeName));
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

}  // namespace

EndpointMemory::Place EndpointMemory::place(const IpAddress& address, std::uint16_t port,
                                            std::string_view pipe) {
  Place out;
  out.address = address;
  out.pipe = folded(pipe);
  out.port = out.pipe.empty() ? port : 0;
  return out;
}

void EndpointMemory::add(Place place, const SyntaxId& interface, bool mapped) {
  auto found = places_.find(place);
  if (found == places_.end()) {
    if (places_.size() >= kMaxPlaces) {
      places_.erase(order_.front());
      order_.pop_front();
    }
    order_.push_back(place);
    found = places_.emplace(std::move(place), std::vector<Served>()).first;
  }
  for (Served& known : found->second) {
    if (known.interface.uuid != interface.uuid || known.interface.major != interface.major)
      continue;
    known.mapped |= mapped;
    return;
  }
  if (found->second.size() < kMaxServed) found->second.push_back({interface, mapped});
}

void EndpointMemory::mapped(const IpAddress& mapper, const Tower& tower) {
  switch (tower.transport) {
    case Tower::Transport::kTcp:
    case Tower::Transport::kHttp:
      if (tower.port == 0) return;
      add(place(mapper, tower.port, {}), tower.interface, true);
      // A machine with several addresses names one of them, not always the one it was asked on.
      if (tower.address && *tower.address != mapper)
        add(place(*tower.address, tower.port, {}), tower.interface, true);
      return;
    case Tower::Transport::kPipe:
      if (!tower.pipe.empty()) add(place(mapper, 0, tower.pipe), tower.interface, true);
      return;
    default:
      return;
  }
}

void EndpointMemory::bound(const Endpoint& server, std::string_view pipe,
                           const SyntaxId& interface) {
  add(place(server.address, server.port, pipe), interface, false);
}

const std::vector<EndpointMemory::Served>& EndpointMemory::find(const Endpoint& server,
                                                                std::string_view pipe) const {
  static const std::vector<Served> kNothing;
  const auto found = places_.find(place(server.address, server.port, pipe));
  return found == places_.end() ? kNothing : found->second;
}

}  // namespace rpcmarshal
