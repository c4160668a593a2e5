#include "cli/detector.h"

#include <charconv>

#include "logs/sources.h"
#include "sink/zeek.h"

namespace rpcmarshal::cli {

Detector::Detector(const DetectorOptions& options, const Catalogue& catalogue)
    : options_(options), catalogue_(catalogue) {
  sigma::PlaceholderValues values;
  for (const std::string& path : options.values) sigma::load_values(path, values, diagnostics_);
  engine_ = std::make_unique<sigma::Engine>(sigma::load_rules(options.rules, values, diagnostics_),
                                            diagnostics_);
  sigma::FieldIndex& index = engine_->mutable_fields();
  known_ = std::make_unique<logs::KnownFields>(index);
  derived_ = std::make_unique<logs::DerivedFields>(
      index, *known_,
      [this](std::string_view uuid, std::string_view opnum) { return zeek_names(uuid, opnum); });
  classifier_ = std::make_unique<logs::Classifier>(*engine_, *known_);
  std::vector<sigma::LogSource> sources;
  for (const std::string& text : options.sources) {
    if (!logs::parse_source(text, sources.emplace_back())) {
      error_ = "'" + text +
               "' is no log source: write windows/process_creation, or "
               "product=zeek,service=dce_rpc";
    }
  }
  classifier_->set_sources(std::move(sources));
  correlator_ = std::make_unique<sigma::Correlator>(*engine_, diagnostics_);
  matcher_ = std::make_unique<sigma::Matcher>(*engine_);
  if (!options.level.empty()) least_level_ = level_rank(options.level);
  if (engine_->rule_count() == 0 && error_.empty()) error_ = "no rule could be loaded";
  format_ = make_json_format();
}

std::uint64_t Detector::alerts() const {
  std::uint64_t out = 0;
  for (const std::uint64_t n : by_level_) out += n;
  return out;
}

std::pair<std::string, std::string> Detector::zeek_names(std::string_view uuid,
                                                         std::string_view opnum) {
  const auto id = Guid::parse(uuid);
  if (!id) return {};
  Event event;
  event.interface_id.emplace();
  event.interface_id->uuid = *id;
  event.interface = catalogue_.find(*id);
  std::uint16_t number = 0;
  const auto r = std::from_chars(opnum.data(), opnum.data() + opnum.size(), number);
  if (!opnum.empty() && r.ec == std::errc()) {
    event.opnum = number;
    if (event.interface != nullptr) event.procedure = event.interface->find(number);
  }
  return {zeek::endpoint(event), zeek::operation(event)};
}

void Detector::run(logs::LogReader& log, std::string_view input) {
  // Kinds of events come in runs: what the last one needed, the next one will.
  const std::function<void(bool)> fill_all = [&](bool needed) {
    if (needed && !log.has_all()) log.fill_all();
    log.expect_all(needed);
  };
  const std::function<void(std::string&)> append_json = [&](std::string& out) {
    log.append_json(out);
  };
  while (log.next())
    evaluate(const_cast<sigma::EventFields&>(log.fields()), log.sources(), input, fill_all,
             append_json);
}

void Detector::event(const Event& event, std::string_view input) {
  own_json_.clear();
  format_->append(own_json_, event);
  const std::size_t size = own_json_.size();
  own_json_.append(logs::JsonDocument::kPadding, ' ');
  if (!document_.parse(std::string_view(own_json_).substr(0, size))) return;
  document_.fill(engine_->fields(), own_fields_, false);
  static const std::vector<sigma::LogSource> kSources = logs::own_sources();
  evaluate(
      own_fields_, kSources, input,
      [&](bool needed) {
        if (needed) document_.fill(engine_->fields(), own_fields_, true);
      },
      [&](std::string& out) { document_.append_json(out); });
}

void Detector::evaluate(sigma::EventFields& fields,
                        const std::vector<sigma::LogSource>& file_sources, std::string_view input,
                        const std::function<void(bool)>& fill_all,
                        const std::function<void(std::string&)>& append_json) {
  ++events_;
  const sigma::Plan& plan = classifier_->plan(fields, file_sources);
  fill_all(plan.any_value() != nullptr);
  derived_->add(fields);
  event_json_.clear();
  const std::vector<std::uint32_t>& matches = matcher_->match(plan, fields);
  if (matches.empty() && correlator_->empty()) return;
  const std::int64_t time = logs::event_time(fields, *known_);
  for (const std::uint32_t index : matches) {
    if (correlator_->silent(index)) continue;
    Alert alert;
    alert.rule = &engine_->program().rules[index].rule->about;
    if (level_rank(alert.rule->level) < least_level_) continue;
    alert.time = time;
    alert.input = input;
    alert.matched = matcher_->explain(index);
    emit(alert, append_json);
  }
  if (!correlator_->empty()) correlate(matches, time, input);
}

void Detector::correlate(const std::vector<std::uint32_t>& matches, std::int64_t time,
                         std::string_view input) {
  correlator_->event(
      matches, time,
      [this](sigma::FieldId field, std::vector<std::string>& out) {
        matcher_->values_of(field, out);
      },
      correlated_);
  emit_correlations(input);
}

void Detector::finish() {
  correlator_->finish(correlated_);
  emit_correlations({});
}

void Detector::emit_correlations(std::string_view input) {
  for (sigma::CorrelationMatch& match : correlated_) {
    const sigma::Metadata& about = match.correlation->about;
    if (!match.reported || level_rank(about.level) < least_level_) continue;
    Alert alert;
    alert.rule = &about;
    alert.time = match.time;
    alert.input = input;
    alert.correlation = sigma::correlation_type_name(match.correlation->type);
    alert.group = std::move(match.group);
    alert.value = match.value;
    emit(alert, {});
  }
  correlated_.clear();
}

void Detector::emit(Alert& alert, const std::function<void(std::string&)>& append_json) {
  ++by_level_[level_rank(alert.rule->level)];
  alert_.clear();
  if (options_.json) {
    // A correlation is about many events: none of them is its event.
    if (options_.with_event && append_json) {
      if (event_json_.empty()) append_json(event_json_);
      alert.event = event_json_;
    }
    append_alert_json(alert_, alert);
  } else {
    append_alert_text(alert_, alert, options_.colour);
  }
  if (write_) write_(alert_);
}

}  // namespace rpcmarshal::cli
