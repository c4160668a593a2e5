// Remembers what context handles were opened on, so that every later call that uses one can say it:
// <service Updater>, <HKLM\SYSTEM>. Bounded: the oldest unused half is forgotten when full.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/recent_map.h"
#include "capture/stream.h"

namespace rpcmarshal {

/// ndr_context_handle: 4 bytes of attributes and a GUID, 20 bytes as on the wire ([C706] 14.2.16.6
/// and N).
using ContextHandle = std::array<std::uint8_t, 20>;

class HandleTable {
 public:
  explicit HandleTable(std::size_t capacity = 1u << 16) : labels_(capacity) {}

  /// A handle is meant for one client at one server; the same bytes elsewhere are another handle.
  void opened(const IpAddress& client, const IpAddress& server, const ContextHandle& handle,
              std::string label);
  /// What it was opened on; empty when its opening was not seen. Valid until the next call.
  std::string_view find(const IpAddress& client, const IpAddress& server,
                        const ContextHandle& handle);
  void closed(const IpAddress& client, const IpAddress& server, const ContextHandle& handle);
  std::size_t size() const { return labels_.size(); }

 private:
  struct Key {
    IpAddress client, server;
    ContextHandle handle;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept;
  };

  RecentMap<Key, std::string, Hash> labels_;
};

}  // namespace rpcmarshal
