// Fields that events do not carry under the name rules ask for: what Zeek and the RPC Firewall
// would have called the parts of one of our events, and the RPC Firewall's inserts, which Windows
// logs without names.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "logs/known_fields.h"
#include "sigma/fields.h"

namespace rpcmarshal::logs {

/// Zeek's endpoint and operation for an interface UUID and opnum, in text; empty when unknown.
using ZeekNames = std::function<std::pair<std::string, std::string>(std::string_view uuid,
                                                                    std::string_view opnum)>;

class DerivedFields {
 public:
  /// Adds its paths to the index: before any event is read. `names` may be empty.
  DerivedFields(sigma::FieldIndex& index, const KnownFields& known, ZeekNames names);

  /// Adds to an event of ours, or of the RPC Firewall; leaves others alone. After each fill().
  /// `names`: Zeek's of our event, when they are known already; they live as long as its values.
  void add(sigma::EventFields& event, const std::pair<std::string, std::string>* names = nullptr);
  /// To an event that is ours.
  void add_own(sigma::EventFields& event, const std::pair<std::string, std::string>* names);

 private:
  void add_firewall(sigma::EventFields& event);

  const KnownFields& known_;
  ZeekNames names_;
  sigma::FieldId uuid_, opnum_, endpoint_, operation_, data_, event_log_;
  sigma::FieldId firewall_[15];
  std::string zeek_endpoint_, zeek_operation_;  // live as long as the event's values
};

}  // namespace rpcmarshal::logs
