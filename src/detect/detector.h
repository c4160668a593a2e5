// Rules on events, for every command that takes --rules. One Detector per thread; the rules, and
// the state of correlations, are shared.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "detect/correlations.h"
#include "detect/event_fields.h"
#include "detect/route.h"
#include "detect/rules.h"
#include "event/event.h"
#include "logs/classifier.h"
#include "logs/reader.h"
#include "sink/alert.h"
#include "sink/sink.h"
#include "smb/pipe.h"

namespace rpcmarshal::detect {

class Detector {
 public:
  /// All must outlive this. `thread` is this one's number for Correlations.
  Detector(Rules& rules, Correlations& correlations, int thread = 0);

  /// Where packets and lines are from, for alerts; lives until the next call.
  void set_input(std::string_view input) { input_ = input; }
  /// Packets so far, in the order of all threads: what events found from now on are at.
  void set_place(std::uint64_t place) { place_ = place; }

  /// One event of ours. Its alerts, but not those of correlations; valid until the next call.
  std::span<const Alert> event(const Event& event);
  /// The JSON of that event, which is `event`, as make_json_format() writes it with its default
  /// options, without a line end; made when it is asked for. Valid until the next call.
  std::string_view event_json(const Event& event);
  /// What a client did on a share. As event(); alerts have its JSON, in the form of Zeek's
  /// smb_files and smb_mapping logs.
  std::span<const Alert> share(const Endpoint& client, const Endpoint& server,
                               const SmbFileEvent& event);
  /// The next event of a log, which `log` is at. As event(); alerts have its JSON when `with_json`.
  std::span<const Alert> event(logs::LogReader& log, bool with_json);

  /// This thread is done with everything before the packet `place`, which came at `time`.
  void progress(std::uint64_t place, std::int64_t time);
  /// Correlations that have fired since the last call, in this thread. Valid until the next call.
  std::span<const Alert> take_correlated();
  bool any_correlated() const { return !correlated_.empty(); }
  /// No more events in any thread: open windows are judged. Their alerts: take_correlated().
  void finish();

  /// Events seen, and alerts given out by level_rank().
  std::uint64_t events() const { return events_; }
  const std::uint64_t (&alerts_by_level() const)[5] { return by_level_; }

 private:
  void add_alert(std::uint32_t rule, std::int64_t time, std::span<const Alert::Match> matched,
                 std::string_view matched_json);
  /// As above, of a rule that the matcher found.
  void add_found(std::uint32_t rule, std::int64_t time,
                 const std::vector<std::vector<sigma::MatchedField>>& known);
  /// The highest level first.
  void order_alerts();
  /// nullptr: nothing matches events of this kind.
  const Rules::Route* route_of(const Event& event);
  /// `fill_tree` adds what is neither a constant nor in the header.
  template <typename Fill>
  void fill(const Rules::Sources& sources, const Endpoint& client, const Endpoint& server,
            sigma::EventFields& out, Fill&& fill_tree);
  /// Alerts and correlations of an event of a kind that is known.
  template <typename Fill>
  void run(const Rules::Route& route, const Endpoint& client, const Endpoint& server,
           std::int64_t time, Fill&& fill_tree);
  /// Hands seen_ to the correlations.
  void observe(std::int64_t time);

  static constexpr std::size_t kMaxRoutes = 65536;

  /// Open addressing, a power of two; each route stays where it is.
  struct RouteSlot {
    RouteKey key;
    const Rules::Route* route = nullptr;  ///< nullptr: the slot is free
    bool nothing = true;                  ///< as in the route, which need not be looked at then
  };

  // What every event needs stands together: the decoder leaves little of the rest in the
  // processor's caches.
  std::vector<RouteSlot> route_slots_{std::size_t{256}};
  std::uint64_t events_ = 0;
  std::string_view json_;  // in text_
  std::vector<Alert> alerts_;
  const bool timed_;  ///< time passing is something to correlations
  RouteKeys keys_;

  Rules& rules_;
  Correlations& correlations_;
  const int thread_;
  logs::DerivedFields derived_;
  logs::Classifier classifier_;
  sigma::Matcher matcher_;
  std::deque<Rules::Route> routes_;
  EventJson event_json_;
  EventFiller filler_;
  sigma::EventFields fields_, fed_;
  std::string text_;
  /// Of the last event that was asked for them, the client's and the server's.
  struct Address {
    IpAddress address;
    std::string text;
  };
  Address addresses_[2];
  std::pair<std::string, std::string> zeek_names_;
  std::string_view input_;
  std::uint64_t place_ = 0;
  /// What alerts_ have matched; the first `explained_used_` are of this event.
  std::deque<std::vector<Alert::Match>> explained_;
  std::size_t explained_used_ = 0;
  /// What is the same in all alerts of a rule, made with its first.
  struct About {
    Alert alert;
    std::string rule_json;
    int level = 0;
    bool made = false, alerts = false;  ///< alerts: they are given out
    void make(const sigma::Metadata& metadata, bool given_out);
  };
  std::vector<About> about_;
  const About& about(std::uint32_t rule);
  /// The same of a correlation, perhaps of rules that have come after ours.
  const About& about(const sigma::Correlation& correlation);
  std::unordered_map<const sigma::Correlation*, About> about_correlations_;
  Observation seen_;
  std::vector<sigma::CorrelationMatch> correlated_;
  std::vector<Alert> correlated_alerts_;
  std::vector<sigma::FieldId> needed_;
  std::uint64_t by_level_[5] = {};
};

}  // namespace rpcmarshal::detect
