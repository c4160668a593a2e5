#include "detect/detector.h"

#include <algorithm>
#include <functional>

#include "base/unicode.h"

namespace rpcmarshal::detect {
namespace {

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
void append_share_json(std::string& out, const Endpoint& client, const Endpoint& server,
                       const SmbFileEvent& event, bool mapping, std::string_view action) {
  JsonWriter json(out);
  json.begin_object();
  json.member("_path", mapping ? "smb_mapping" : "smb_files");
  std::string time;
  append_time(time, event.time);
  json.member("ts", time);
  json.member("id.orig_h", client.address.to_string());
  json.member_number("id.orig_p", client.port);
  json.member("id.resp_h", server.address.to_string());
  json.member_number("id.resp_p", server.port);
  json.member("path", event.tree);
  if (mapping) {
    json.member("share_type", is_pipe_share(event.tree) ? "PIPE" : "DISK");
  } else {
    std::string_view name = event.path;
    if (is_pipe_share(event.tree) && name.starts_with("\\pipe\\")) name.remove_prefix(6);
    json.member("action", action);
    json.member("name", name);
    if (event.action == SmbFileEvent::Action::kWrite) json.member_number("size", event.size);
  }
  json.end_object();
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

  text_.clear();
  event_json_.append(text_, event);
  const std::size_t size = text_.size();
  text_.append(logs::JsonDocument::kPadding, ' ');
  json_ = std::string_view(text_).substr(0, size);
  if (!document_.parse(json_)) return {};
  document_.fill(rules_.fields(), fields_, plan.any_value() != nullptr);
  return evaluate(plan, fields_, &found->second.zeek_names);
}

std::span<const Alert> Detector::share(const Endpoint& client, const Endpoint& server,
                                       const SmbFileEvent& event) {
  alerts_.clear();
  json_ = {};
  const bool mapping = event.action == SmbFileEvent::Action::kTreeConnect;
  const std::string_view action = zeek_action(event);
  // Refused is not done.
  if (event.status != 0 || (!mapping && action.empty())) return {};
  const sigma::Plan& plan = mapping ? rules_.share_mappings() : rules_.share_files();
  if (plan.rules().empty()) return {};
  text_.clear();
  append_share_json(text_, client, server, event, mapping, action);
  const std::size_t size = text_.size();
  text_.append(logs::JsonDocument::kPadding, ' ');
  json_ = std::string_view(text_).substr(0, size);
  if (!document_.parse(json_)) return {};
  document_.fill(rules_.fields(), fields_, plan.any_value() != nullptr);
  evaluate(plan, fields_, nullptr);
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
  evaluate(plan, fields, nullptr);
  if (with_json && !alerts_.empty()) {
    text_.clear();
    log.append_json(text_);
    json_ = text_;
    for (Alert& alert : alerts_) alert.event = json_;
  }
  return alerts_;
}

std::span<const Alert> Detector::evaluate(const sigma::Plan& plan, sigma::EventFields& fields,
                                          const std::pair<std::string, std::string>* zeek_names) {
  derived_.add(fields, zeek_names);
  const std::vector<std::uint32_t>& matches = matcher_.match(plan, fields);
  const sigma::Correlator& correlator = rules_.correlator();
  if (matches.empty() && !correlator.timed()) return {};
  const std::int64_t time = logs::event_time(fields, rules_.known());
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
