#include "detect/detector.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "detect/share.h"

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

}  // namespace

Detector::Detector(Rules& rules, Correlations& correlations, int thread)
    : timed_(rules.correlator().timed()),
      keys_(rules.hints()),
      rules_(rules),
      correlations_(correlations),
      thread_(thread),
      derived_(rules.derived()),
      classifier_(rules.engine(), rules.known()),
      matcher_(rules.engine()) {
  classifier_.set_sources(rules.fixed_sources());
  about_.resize(rules.engine().rule_count());
}

const Rules::Route* Detector::route_of(const Event& event) {
  const RouteKey key = keys_.of(event);
  const auto slot_of = [&](const RouteKey& of) {
    const std::size_t mask = route_slots_.size() - 1;
    std::size_t at = RouteKeyHash()(of) & mask;
    while (route_slots_[at].route != nullptr && !(route_slots_[at].key == of)) at = (at + 1) & mask;
    return at;
  };
  if (const RouteSlot& slot = route_slots_[slot_of(key)]; slot.route != nullptr)
    return slot.nothing ? nullptr : slot.route;
  // Users' interfaces make the number of keys theirs; outcomes and parts do not multiply much.
  if (routes_.size() >= kMaxRoutes) {
    routes_.clear();
    route_slots_.assign(256, {});
  }
  if (2 * routes_.size() >= route_slots_.size()) {
    std::vector<RouteSlot> old(route_slots_.size() * 2);
    old.swap(route_slots_);
    for (const RouteSlot& slot : old) {
      if (slot.route != nullptr) route_slots_[slot_of(slot.key)] = slot;
    }
  }
  const Rules::Route& route = routes_.emplace_back(rules_.route(event, key));
  route_slots_[slot_of(key)] = {key, &route, route.nothing};
  return route.nothing ? nullptr : &route;
}

std::span<const Alert> Detector::event(const Event& event) {
  ++events_;
  alerts_.clear();
  json_ = {};
  const Rules::Route* const route = route_of(event);
  if (route == nullptr) {
    if (timed_) {
      seen_.rules.clear();
      observe(event.time);
    }
    return {};
  }
  run(*route, event.client, event.server, event.time,
      [&](const Rules::Sources& sources, sigma::EventFields& out) {
        if (sources.tree != nullptr)
          filler_.add(event, *sources.tree, sources.outside, sources.all, out);
        if (!sources.derived) return;
        zeek_names_ = rules_.zeek_names(event);
        derived_.add_own(out, &zeek_names_);
      });
  return alerts_;
}

std::string_view Detector::event_json(const Event& event) {
  if (json_.empty()) {
    text_.clear();
    event_json_.append(text_, event);
    json_ = text_;
  }
  return json_;
}

std::span<const Alert> Detector::share(const Endpoint& client, const Endpoint& server,
                                       const SmbFileEvent& event) {
  alerts_.clear();
  json_ = {};
  // Refused is not done.
  if (event.status != 0) return {};
  const Rules::Route& route = rules_.share(event.action, event.on_pipes);
  if (route.nothing) return {};
  const ShareKind kind = share_kind(event.action, event.on_pipes);
  run(route, client, server, event.time,
      [&](const Rules::Sources& sources, sigma::EventFields& out) {
        if (sources.tree == nullptr) return;
        write_share(filler_.writer(*sources.tree, sources.all, out), client, server, event, kind);
      });
  if (alerts_.empty()) return {};
  text_.clear();
  JsonWriter json(text_);
  write_share(json, client, server, event, kind);
  json_ = text_;
  for (Alert& alert : alerts_) alert.event = json_;
  return alerts_;
}

template <typename Fill>
void Detector::fill(const Rules::Sources& sources, const Endpoint& client, const Endpoint& server,
                    sigma::EventFields& out, Fill&& fill_tree) {
  for (const auto& [field, value] : sources.constants) out.add(value, field);
  const auto address = [&](Address& last, const Endpoint& of) {
    if (last.text.empty() || last.address != of.address) {
      last.address = of.address;
      last.text = of.address.to_string();
    }
    return sigma::EventValue::of(std::string_view(last.text));
  };
  for (const auto& [field, header] : sources.headers) {
    switch (header) {
      case HeaderField::kClientAddress:
        out.add(address(addresses_[0], client), field);
        break;
      case HeaderField::kServerAddress:
        out.add(address(addresses_[1], server), field);
        break;
      case HeaderField::kClientPort:
        out.add(sigma::EventValue::of(std::int64_t{client.port}), field);
        break;
      case HeaderField::kServerPort:
        out.add(sigma::EventValue::of(std::int64_t{server.port}), field);
        break;
      case HeaderField::kNone:
        break;
    }
  }
  fill_tree(sources, out);
}

template <typename Fill>
void Detector::run(const Rules::Route& route, const Endpoint& client, const Endpoint& server,
                   std::int64_t time, Fill&& fill_tree) {
  const sigma::Correlator& correlator = rules_.correlator();
  explained_used_ = 0;
  seen_.rules.assign(route.counted.begin(), route.counted.end());
  filler_.begin(fields_);
  const std::vector<std::uint32_t>* found = nullptr;
  if (!route.plan->rules().empty()) {
    fill(route.asked, client, server, fields_, fill_tree);
    found = &matcher_.match(*route.plan, fields_);
    for (const std::uint32_t rule : *found) {
      if (correlator.fed_by(rule)) seen_.rules.push_back(rule);
    }
  }
  // In the order of rules, as if all had been tried.
  auto certain = route.certain.begin();
  const auto add_certain = [&](std::uint32_t before) {
    for (; certain != route.certain.end() && certain->rule < before; ++certain)
      add_alert(certain->rule, time, certain->matched, certain->matched_json);
  };
  if (found != nullptr) {
    for (const std::uint32_t rule : *found) {
      add_certain(rule);
      add_found(rule, time, route.known);
    }
  }
  add_certain(std::numeric_limits<std::uint32_t>::max());
  order_alerts();

  if (seen_.rules.empty()) {
    if (timed_) observe(time);
    return;
  }
  if (found != nullptr && seen_.rules.size() > 1) std::ranges::sort(seen_.rules);
  fed_.clear();
  seen_.values.clear();
  fill(route.fed, client, server, fed_, fill_tree);
  for (const auto& link : fed_.links()) seen_.values.add(link.field, fed_.values()[link.value]);
  observe(time);
}

std::span<const Alert> Detector::event(logs::LogReader& log, bool with_json) {
  ++events_;
  json_ = {};
  alerts_.clear();
  explained_used_ = 0;
  auto& fields = const_cast<sigma::EventFields&>(log.fields());
  const sigma::Plan& plan = classifier_.plan(fields, log.sources());
  // Kinds of events come in runs: what the last one needed, the next one will.
  const bool all = plan.any_value() != nullptr;
  if (all && !log.has_all()) log.fill_all();
  log.expect_all(all);
  derived_.add(fields);

  const sigma::Correlator& correlator = rules_.correlator();
  const std::vector<std::uint32_t>& found = matcher_.match(plan, fields);
  if (found.empty() && !timed_) return {};
  const std::int64_t time = logs::event_time(fields, rules_.known());
  seen_.rules.clear();
  needed_.clear();
  for (const std::uint32_t rule : found) {
    add_found(rule, time, {});
    if (!correlator.fed_by(rule)) continue;
    seen_.rules.push_back(rule);
    correlator.fields_of(rule, needed_);
  }
  order_alerts();
  if (!seen_.rules.empty() || timed_) {
    seen_.values.clear();
    seen_.values.take(fields, needed_);
    observe(time);
  }
  if (with_json && !alerts_.empty()) {
    text_.clear();
    log.append_json(text_);
    json_ = text_;
    for (Alert& alert : alerts_) alert.event = json_;
  }
  return alerts_;
}

void Detector::About::make(const sigma::Metadata& metadata, bool given_out) {
  made = true;
  alerts = given_out;
  alert = alert_of(metadata);
  level = level_rank(alert.level);
  rule_json = rpcmarshal::rule_json(alert);
  alert.rule_json = rule_json;
}

const Detector::About& Detector::about(std::uint32_t rule) {
  About& out = about_[rule];
  if (!out.made) out.make(rules_.engine().program().rules[rule].rule->about, rules_.alerts(rule));
  return out;
}

const Detector::About& Detector::about(const sigma::Correlation& correlation) {
  About& out = about_correlations_[&correlation];
  if (!out.made) {
    const sigma::Metadata& metadata = correlation.about;
    out.make(metadata, level_rank(metadata.level) >= rules_.least_level());
    out.alert.correlation = sigma::correlation_type_name(correlation.type);
  }
  return out;
}

void Detector::add_alert(std::uint32_t rule, std::int64_t time,
                         std::span<const Alert::Match> matched, std::string_view matched_json) {
  const About& of = about(rule);
  Alert& alert = alerts_.emplace_back(of.alert);
  alert.time = time;
  alert.input = input_;
  alert.matched = matched;
  alert.matched_json = matched_json;
  ++by_level_[of.level];
}

void Detector::add_found(std::uint32_t rule, std::int64_t time,
                         const std::vector<std::vector<sigma::MatchedField>>& known) {
  if (!about(rule).alerts) return;
  if (explained_used_ == explained_.size()) explained_.emplace_back();
  std::vector<Alert::Match>& matched = explained_[explained_used_++];
  std::vector<sigma::MatchedField> fields = matcher_.explain(rule, known);
  matched.resize(fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    matched[i].field = fields[i].field;
    matched[i].value = std::move(fields[i].value);
  }
  add_alert(rule, time, matched, {});
}

void Detector::order_alerts() {
  if (alerts_.size() < 2) return;
  const auto level = [](const Alert& alert) { return level_rank(alert.level); };
  if (!std::ranges::is_sorted(alerts_, std::greater(), level))
    std::ranges::stable_sort(alerts_, std::greater(), level);
}

void Detector::observe(std::int64_t time) {
  seen_.place = place_;
  seen_.time = time;
  correlations_.add(seen_, correlated_);
}

void Detector::progress(std::uint64_t place, std::int64_t time) {
  if (!rules_.correlator().empty()) correlations_.progress(thread_, place, time, correlated_);
}

std::span<const Alert> Detector::take_correlated() {
  correlated_alerts_.clear();
  for (sigma::CorrelationMatch& match : correlated_) {
    if (!match.reported) continue;
    const About& of = about(*match.correlation);
    if (!of.alerts) continue;
    Alert& alert = correlated_alerts_.emplace_back(of.alert);
    alert.time = match.time;
    alert.input = input_;
    alert.group = std::move(match.group);
    alert.value = match.value;
    ++by_level_[of.level];
  }
  correlated_.clear();
  return correlated_alerts_;
}

void Detector::finish() { correlations_.finish(correlated_); }

}  // namespace rpcmarshal::detect
