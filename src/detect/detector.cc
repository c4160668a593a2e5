#include "detect/detector.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "base/unicode.h"

namespace rpcmarshal::detect {
namespace {

/// For evaluate(): the event's time is among its fields.
constexpr std::int64_t kInFields = std::numeric_limits<std::int64_t>::min();

Alert alert_of(const sigma::Metadata& about) {
  Alert out;
  out.id = about.id;
  out.title = about.title;
  out.level = about.level;
  out.status = about.status;
  out.file = about.file;
  out.tags = about.tags;
  return out;
}

bool is_pipe_share(std::string_view tree) {
  return tree.size() >= 4 && equal_ignoring_case(tree.substr(tree.size() - 4), "IPC$");
}

std::string_view share_type(const SmbFileEvent& event) {
  return is_pipe_share(event.tree) ? "PIPE" : "DISK";
}

/// Of a pipe without "\\pipe\\", as the client asked for it.
std::string_view share_name(const SmbFileEvent& event) {
  std::string_view name = event.path;
  if (is_pipe_share(event.tree) && name.starts_with("\\pipe\\")) name.remove_prefix(6);
  return name;
}

/// Empty: Zeek logs nothing of it unless told to.
std::string_view zeek_action(const SmbFileEvent& event) {
  using Action = SmbFileEvent::Action;
  switch (event.action) {
    case Action::kOpen:
      return is_pipe_share(event.tree) ? "SMB::PIPE_OPEN" : "SMB::FILE_OPEN";
    case Action::kWrite:
      return is_pipe_share(event.tree) ? "" : "SMB::FILE_WRITE";
    case Action::kDelete:
      return "SMB::FILE_DELETE";
    case Action::kRename:
      return "SMB::FILE_RENAME";
    default:
      return {};
  }
}

/// [Zeek: scripts/base/protocols/smb, the logs smb_files and smb_mapping]
template <typename Out>
void write_share(Out& out, const Endpoint& client, const Endpoint& server,
                 const SmbFileEvent& event, bool mapping, std::string_view action) {
  out.begin_object();
  out.member("_path", mapping ? "smb_mapping" : "smb_files");
  if (out.key("ts")) {
    std::string time;
    append_time(time, event.time);
    out.string(time);
  }
  if (out.key("id.orig_h")) out.string(client.address.to_string());
  out.member_number("id.orig_p", client.port);
  if (out.key("id.resp_h")) out.string(server.address.to_string());
  out.member_number("id.resp_p", server.port);
  out.member("path", event.tree);
  if (mapping) {
    out.member("share_type", share_type(event));
  } else {
    out.member("action", action);
    out.member("name", share_name(event));
    if (event.action == SmbFileEvent::Action::kWrite) out.member_number("size", event.size);
  }
  out.end_object();
}

}  // namespace

Detector::Detector(Rules& rules, Correlations& correlations, int thread)
    : rules_(rules),
      correlations_(correlations),
      thread_(thread),
      derived_(rules.derived()),
      classifier_(rules.engine(), rules.known()),
      matcher_(rules.engine()) {
  classifier_.set_sources(rules.fixed_sources());
}

std::span<const Alert> Detector::event(const Event& event) {
  ++events_;
  alerts_.clear();
  json_ = {};
  const RouteKey key = route_key(event);
  auto found = routes_.find(key);
  if (found == routes_.end()) {
    // Users' interfaces make the number of keys theirs; outcomes and parts do not multiply much.
    if (routes_.size() >= kMaxRoutes) routes_.clear();
    found = routes_.emplace(key, rules_.route(event)).first;
  }
  const sigma::Plan& plan = *found->second.plan;
  if (plan.rules().empty()) {
    if (rules_.correlator().timed()) observe({}, event.time);
    return {};
  }

  fill(found->second, event);
  const std::span<const Alert> out = evaluate(plan, fields_, event.time);
  if (!out.empty()) {
    text_.clear();
    event_json_.append(text_, event);
    json_ = text_;
  }
  return out;
}

void Detector::fill(const Rules::Route& route, const Event& event) {
  filler_.begin(fields_);
  fill_header(route, event);
  if (route.tree) filler_.add(event, *route.tree, route.all, fields_);
  if (!route.derived) return;
  zeek_names_ = rules_.zeek_names(event);
  derived_.add_own(fields_, &zeek_names_);
}

void Detector::fill_header(const Rules::Route& route, const Event& event) {
  for (const auto& [field, value] : route.constants) fields_.add(value, field);
  bool written[2] = {};
  const auto address = [&](std::size_t side, const Endpoint& of) {
    if (!written[side]) addresses_[side] = of.address.to_string();
    written[side] = true;
    return sigma::EventValue::of(std::string_view(addresses_[side]));
  };
  for (const auto& [field, header] : route.headers) {
    switch (header) {
      case HeaderField::kClientAddress:
        fields_.add(address(0, event.client), field);
        break;
      case HeaderField::kServerAddress:
        fields_.add(address(1, event.server), field);
        break;
      case HeaderField::kClientPort:
        fields_.add(sigma::EventValue::of(std::int64_t{event.client.port}), field);
        break;
      case HeaderField::kServerPort:
        fields_.add(sigma::EventValue::of(std::int64_t{event.server.port}), field);
        break;
      case HeaderField::kNone:
        break;
    }
  }
}

std::span<const Alert> Detector::share(const Endpoint& client, const Endpoint& server,
                                       const SmbFileEvent& event) {
  alerts_.clear();
  json_ = {};
  const bool mapping = event.action == SmbFileEvent::Action::kTreeConnect;
  const std::string_view action = zeek_action(event);
  // Refused is not done.
  if (event.status != 0 || (!mapping && action.empty())) return {};
  const auto& [plan, tree] = mapping ? rules_.share_mappings() : rules_.share_files();
  if (plan->rules().empty()) return {};
  filler_.begin(fields_);
  write_share(filler_.writer(*tree, plan->any_value() != nullptr, fields_), client, server, event,
              mapping, action);
  evaluate(*plan, fields_, event.time);
  if (alerts_.empty()) return {};
  text_.clear();
  JsonWriter json(text_);
  write_share(json, client, server, event, mapping, action);
  json_ = text_;
  for (Alert& alert : alerts_) alert.event = json_;
  return alerts_;
}

std::span<const Alert> Detector::event(logs::LogReader& log, bool with_json) {
  ++events_;
  json_ = {};
  alerts_.clear();
  auto& fields = const_cast<sigma::EventFields&>(log.fields());
  const sigma::Plan& plan = classifier_.plan(fields, log.sources());
  // Kinds of events come in runs: what the last one needed, the next one will.
  const bool all = plan.any_value() != nullptr;
  if (all && !log.has_all()) log.fill_all();
  log.expect_all(all);
  derived_.add(fields);
  evaluate(plan, fields, kInFields);
  if (with_json && !alerts_.empty()) {
    text_.clear();
    log.append_json(text_);
    json_ = text_;
    for (Alert& alert : alerts_) alert.event = json_;
  }
  return alerts_;
}

std::span<const Alert> Detector::evaluate(const sigma::Plan& plan, sigma::EventFields& fields,
                                          std::int64_t time) {
  const std::vector<std::uint32_t>& matches = matcher_.match(plan, fields);
  const sigma::Correlator& correlator = rules_.correlator();
  if (matches.empty() && !correlator.timed()) return {};
  if (time == kInFields) time = logs::event_time(fields, rules_.known());
  for (const std::uint32_t index : matches) {
    if (correlator.silent(index)) continue;
    const sigma::Metadata& about = rules_.engine().program().rules[index].rule->about;
    if (level_rank(about.level) < rules_.least_level()) continue;
    Alert& alert = alerts_.emplace_back(alert_of(about));
    alert.time = time;
    alert.input = input_;
    for (sigma::MatchedField& field : matcher_.explain(index))
      alert.matched.push_back({field.field, std::move(field.value)});
    ++by_level_[level_rank(about.level)];
  }
  if (!correlator.empty()) observe(matches, time);
  std::ranges::stable_sort(alerts_, std::greater(),
                           [](const Alert& a) { return level_rank(a.level); });
  return alerts_;
}

void Detector::observe(const std::vector<std::uint32_t>& matches, std::int64_t time) {
  needed_.clear();
  Observation seen;
  for (const std::uint32_t rule : matches) {
    if (!rules_.correlator().fed_by(rule)) continue;
    rules_.correlator().fields_of(rule, needed_);
    seen.rules.push_back(rule);
  }
  if (seen.rules.empty() && !rules_.correlator().timed()) return;
  std::sort(needed_.begin(), needed_.end());
  needed_.erase(std::unique(needed_.begin(), needed_.end()), needed_.end());
  for (const sigma::FieldId field : needed_) {
    auto& [id, values] = seen.values.emplace_back();
    id = field;
    matcher_.values_of(field, values);
  }
  seen.place = place_;
  seen.time = time;
  correlations_.add(std::move(seen), correlated_);
}

void Detector::progress(std::uint64_t place, std::int64_t time) {
  if (!rules_.correlator().empty()) correlations_.progress(thread_, place, time, correlated_);
}

std::vector<Alert> Detector::take_correlated() {
  std::vector<Alert> out;
  for (sigma::CorrelationMatch& match : correlated_) {
    const sigma::Metadata& about = match.correlation->about;
    if (!match.reported || level_rank(about.level) < rules_.least_level()) continue;
    Alert& alert = out.emplace_back(alert_of(about));
    alert.time = match.time;
    alert.input = input_;
    alert.correlation = sigma::correlation_type_name(match.correlation->type);
    alert.group = std::move(match.group);
    alert.value = match.value;
    ++by_level_[level_rank(about.level)];
  }
  correlated_.clear();
  return out;
}

void Detector::finish() { correlations_.finish(correlated_); }

}  // namespace rpcmarshal::detect
