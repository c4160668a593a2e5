// Which rules one of our events may match, told from little: its operation, its outcome, and which
// parts it has. A rule that asks for another operation, or for an argument this one has not, cannot
// match, whatever the arguments are; of most events nothing else need be looked at.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "event/event.h"
#include "sigma/fields.h"
#include "sigma/predicate.h"

namespace rpcmarshal::detect {

/// What rules ask of values that events of one operation do not share, as far as it is worth
/// telling them apart. Made once; threads share it.
class RouteHints {
 public:
  RouteHints() = default;
  /// Both must outlive this, and no longer change.
  RouteHints(const sigma::FieldIndex& fields, const sigma::Predicates& predicates);

  /// The kinds of details that rules name, at most 32.
  const std::vector<std::string_view>& detail_kinds() const { return detail_kinds_; }
  /// Whether a status that an operation returned is nothing to any rule: none of the predicates on
  /// it holds.
  bool plain(ndr::StatusKind kind, std::uint32_t status) const;

 private:
  std::vector<std::string_view> detail_kinds_;
  std::vector<const sigma::Predicate*> of_name_, of_value_;
  bool never_plain_ = true;
};

/// Events with the same key get the same answers from field_outlook().
struct RouteKey {
  const Procedure* procedure = nullptr;  ///< null: what is called is not known, or has no name
  const Interface* interface = nullptr;
  std::uint32_t parts = 0;    ///< outcome, and a bit for each part of the event that is there
  std::uint32_t details = 0;  ///< a bit for each of RouteHints::detail_kinds()
  bool operator==(const RouteKey&) const = default;

  /// The same, but that a returned status is nothing to rules is not said: what it is, is unknown.
  RouteKey without_status() const;
};

/// Of one thread.
class RouteKeys {
 public:
  explicit RouteKeys(const RouteHints& hints) : hints_(hints) {}
  RouteKey of(const Event& event);

 private:
  bool plain(ndr::StatusKind kind, std::uint32_t status);

  const RouteHints& hints_;
  struct Known {
    std::uint32_t status = 0;
    ndr::StatusKind kind = ndr::StatusKind::kNone;
    bool plain = false;
  };
  Known known_[64];  // by status; the last one that came
};

struct RouteKeyHash {
  std::size_t operator()(const RouteKey& key) const {
    std::uint64_t h =
        (reinterpret_cast<std::uintptr_t>(key.procedure) >> 4) * 0x9E3779B97F4A7C15ull;
    h ^= (std::uint64_t{key.details} << 32 | key.parts) * 0xA0761D6478BD642Full;
    return h ^ h >> 29;
  }
};

/// Fields that are cheap to take from any event: addresses and ports.
enum class HeaderField : std::uint8_t {
  kNone,
  kClientAddress,
  kClientPort,
  kServerAddress,
  kServerPort
};
HeaderField header_field(std::string_view field);

/// What is known of a field of `event` by its key alone. True: `out` has all its values (none: it
/// is absent), texts living as long as the event. False: it may have any value. Field names are
/// those of docs/event.md and, for what Zeek and the RPC Firewall would have logged, theirs
/// (`zeek_endpoint`, `zeek_operation` for this event). Of a status that is nothing to rules, events
/// of one key may have others: it serves for evaluating predicates only.
bool field_outlook(const Event& event, const RouteKey& key, const RouteHints& hints,
                   std::string_view field, std::string_view zeek_endpoint,
                   std::string_view zeek_operation, std::vector<sigma::EventValue>& out);

}  // namespace rpcmarshal::detect
