// Rules on events, for every command that takes --rules. One Detector per thread; the rules, and
// the state of correlations, are shared.
#pragma once

#include <cstdint>
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
  /// That event's JSON when it was made, as make_json_format() writes it with its default options,
  /// without a line end; else empty. Valid until the next call.
  std::string_view event_json() const { return json_; }
  /// What a client did on a share. As event(); alerts have its JSON, in the form of Zeek's
  /// smb_files and smb_mapping logs.
  std::span<const Alert> share(const Endpoint& client, const Endpoint& server,
                               const SmbFileEvent& event);
  /// The next event of a log, which `log` is at. As event(); alerts have its JSON when `with_json`.
  std::span<const Alert> event(logs::LogReader& log, bool with_json);

  /// This thread is done with everything before the packet `place`, which came at `time`.
  void progress(std::uint64_t place, std::int64_t time);
  /// Correlations that have fired since the last call, in this thread.
  std::vector<Alert> take_correlated();
  /// No more events in any thread: open windows are judged. Their alerts: take_correlated().
  void finish();

  /// Events seen, and alerts given out by level_rank().
  std::uint64_t events() const { return events_; }
  const std::uint64_t (&alerts_by_level() const)[5] { return by_level_; }

 private:
  std::span<const Alert> evaluate(const sigma::Plan& plan, sigma::EventFields& fields,
                                  std::int64_t time);
  void fill(const Rules::Route& route, const Event& event);
  void fill_header(const Rules::Route& route, const Event& event);
  void observe(const std::vector<std::uint32_t>& matches, std::int64_t time);

  static constexpr std::size_t kMaxRoutes = 65536;

  Rules& rules_;
  Correlations& correlations_;
  const int thread_;
  logs::DerivedFields derived_;
  logs::Classifier classifier_;
  sigma::Matcher matcher_;
  std::unordered_map<RouteKey, Rules::Route, RouteKeyHash> routes_;
  EventJson event_json_;
  EventFiller filler_;
  sigma::EventFields fields_;
  std::string text_;
  std::string_view json_;  // in text_
  std::string addresses_[2];
  std::pair<std::string, std::string> zeek_names_;
  std::string_view input_;
  std::uint64_t place_ = 0;
  std::vector<Alert> alerts_;
  std::vector<sigma::CorrelationMatch> correlated_;
  std::vector<sigma::FieldId> needed_;
  std::uint64_t events_ = 0;
  std::uint64_t by_level_[5] = {};
};

}  // namespace rpcmarshal::detect
