#include "detect/rules.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "detect/field_writer.h"
#include "detect/route.h"
#include "detect/share.h"
#include "logs/sources.h"
#include "sigma/pipeline.h"
#include "sink/alert.h"
#include "sink/zeek.h"

namespace rpcmarshal::detect {

Rules::Rules(RuleOptions options, const Catalogue& catalogue)
    : options_(std::move(options)), catalogue_(catalogue), own_sources_(logs::own_sources()) {
  sigma::PlaceholderValues values;
  for (const std::string& path : options_.values) sigma::load_values(path, values, diagnostics_);
  std::vector<sigma::Pipeline> pipelines;
  for (const std::string& path : options_.pipelines) {
    // With half of it, rules would mean something else.
    if (!sigma::load_pipeline(path, pipelines, diagnostics_))
      error_ = path + ": the pipeline cannot be used";
  }
  engine_ = std::make_unique<sigma::Engine>(
      sigma::load_rules(options_.rules, values, diagnostics_, &pipelines), diagnostics_);
  sigma::FieldIndex& index = engine_->mutable_fields();
  known_ = std::make_unique<logs::KnownFields>(index);
  derived_ = std::make_unique<logs::DerivedFields>(
      index, *known_,
      [this](std::string_view uuid, std::string_view opnum) { return zeek_names(uuid, opnum); });
  for (const std::string& text : options_.sources) {
    if (!logs::parse_source(text, sources_.emplace_back())) {
      error_ = "'" + text +
               "' is no log source: write windows/process_creation, or "
               "product=zeek,service=dce_rpc";
    }
  }
  correlator_ = std::make_unique<sigma::Correlator>(*engine_, diagnostics_);
  hints_ = RouteHints(engine_->fields(), engine_->program().predicates);
  if (!options_.level.empty()) least_level_ = level_rank(options_.level);
  std::vector<sigma::FieldId> every(fields().size());
  std::iota(every.begin(), every.end(), 0u);
  const sigma::FieldTree tree(fields(), every);
  for (std::size_t i = 0; i < shares_.size(); ++i)
    shares_[i] = share_route(static_cast<SmbFileEvent::Action>(i / 2), i % 2 != 0, tree);
  if (engine_->rule_count() == 0 && error_.empty()) error_ = "no rule could be loaded";
}

namespace {

/// Whether a field is none of those at the beginning of an event (tree::header).
bool beside_header(std::string_view field) {
  const std::string_view head = field.substr(0, field.find('.'));
  return head == "request" || head == "response" || head == "details" || head == "handles" ||
         head == "dcom" || head == "dispatch" || head == "wmi" || head == "unc_hosts";
}

}  // namespace

std::pair<std::string, std::string> Rules::zeek_names(std::string_view uuid,
                                                      std::string_view opnum) const {
  const auto id = Guid::parse(uuid);
  if (!id) return {};
  std::uint16_t number = 0;
  const auto r = std::from_chars(opnum.data(), opnum.data() + opnum.size(), number);
  if (opnum.empty() || r.ec != std::errc()) return zeek_names(*id, std::nullopt);
  return zeek_names(*id, number);
}

// By UUID and opnum, whatever the version: logs of others have no more.
std::pair<std::string, std::string> Rules::zeek_names(const Guid& uuid,
                                                      std::optional<std::uint16_t> opnum) const {
  Event event;
  event.interface_id.emplace();
  event.interface_id->uuid = uuid;
  event.interface = catalogue_.find(uuid);
  event.opnum = opnum;
  if (opnum && event.interface != nullptr) event.procedure = event.interface->find(*opnum);
  return {zeek::endpoint(event), zeek::operation(event)};
}

std::pair<std::string, std::string> Rules::zeek_names(const Event& event) const {
  if (!event.interface_id) return {};
  return zeek_names(event.interface_id->uuid, event.opnum);
}

bool Rules::alerts(std::uint32_t rule) const {
  return !correlator_->silent(rule) &&
         level_rank(engine_->program().rules[rule].rule->about.level) >= least_level_;
}

const EventFieldTree* Rules::tree_of(const std::vector<sigma::FieldId>& fields) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<EventFieldTree>& tree = trees_[fields];
  if (!tree) tree = std::make_unique<EventFieldTree>(engine_->fields(), fields);
  return tree.get();
}

Rules::Sources Rules::sources_of(std::vector<sigma::FieldId> fields_asked,
                                 const sigma::KnownValues& known,
                                 HeaderField (*header)(std::string_view field)) {
  std::erase(fields_asked, sigma::kAnyValue);
  std::sort(fields_asked.begin(), fields_asked.end());
  fields_asked.erase(std::unique(fields_asked.begin(), fields_asked.end()), fields_asked.end());
  Sources out;
  std::vector<sigma::EventValue> values;
  std::erase_if(fields_asked, [&](sigma::FieldId field) {
    const std::string_view name = fields().name(field);
    if (const HeaderField from = header(name); from != HeaderField::kNone) {
      out.headers.emplace_back(field, from);
      return true;
    }
    values.clear();
    if (!known(field, values)) {
      out.derived |= name == "endpoint" || name == "operation";
      out.outside = out.outside || !beside_header(name);
      return false;
    }
    for (sigma::EventValue& value : values) {
      if (value.kind == sigma::EventValue::Kind::kText)
        value.text = out.texts.emplace_back(value.text);
      out.constants.emplace_back(field, value);
    }
    return true;
  });
  if (!fields_asked.empty()) out.tree = tree_of(fields_asked);
  return out;
}

Rules::Route Rules::route(const std::vector<sigma::LogSource>& sources,
                          const sigma::KnownValues& outlook, const sigma::KnownValues& known,
                          HeaderField (*header)(std::string_view field)) {
  sigma::Engine::Narrowed narrowed = engine_->plan(sources, outlook);
  Route out;
  out.plan = narrowed.plan;
  out.known = std::move(narrowed.known);
  std::vector<sigma::FieldId> asked, fed;
  for (const std::uint32_t rule : out.plan->rules()) correlator_->fields_of(rule, fed);
  for (sigma::Residue::Certain& from : narrowed.certain) {
    correlator_->fields_of(from.rule, fed);
    if (correlator_->fed_by(from.rule)) out.counted.push_back(from.rule);
    if (!alerts(from.rule)) continue;
    Certain& to = out.certain.emplace_back();
    to.rule = from.rule;
    for (sigma::MatchedField& m : from.matched) to.matched.push_back({m.field, std::move(m.value)});
    to.matched_json = matched_json(to.matched);
  }
  const sigma::Program& program = engine_->program();
  for (const sigma::PredicateId id : out.plan->predicates()) {
    asked.push_back(program.predicates[id].field);
    if (program.predicates[id].other != sigma::kNoField)
      asked.push_back(program.predicates[id].other);
  }
  if (out.plan->any_value() == nullptr) {
    out.asked = sources_of(std::move(asked), known, header);
  } else {
    std::erase(asked, sigma::kAnyValue);
    std::sort(asked.begin(), asked.end());
    asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
    out.asked.tree = tree_of(asked);
    out.asked.derived = out.asked.outside = out.asked.all = true;
  }
  out.fed = sources_of(std::move(fed), known, header);
  out.nothing = out.certain.empty() && out.counted.empty() && out.plan->rules().empty();
  return out;
}

Rules::Route Rules::route(const Event& event, const RouteKey& key) {
  const std::string uuid =
      event.interface_id ? event.interface_id->uuid.to_string() : std::string();
  const auto names = zeek_names(event);
  const auto outlook = [&](const RouteKey& of) {
    return [&, of](sigma::FieldId field, std::vector<sigma::EventValue>& values) {
      const std::string_view name = fields().name(field);
      if (of.procedure != nullptr && (name == "interface.uuid" || name == "InterfaceUuid")) {
        values.push_back(sigma::EventValue::of(std::string_view(uuid)));
        return true;
      }
      return field_outlook(event, of, hints_, name, names.first, names.second, values);
    };
  };
  return route(own_sources_, outlook(key), outlook(key.without_status()), header_field);
}

Rules::Route Rules::share_route(SmbFileEvent::Action action, bool pipe,
                                const sigma::FieldTree& every) {
  const ShareKind kind = share_kind(action, pipe);
  if (!kind.mapping && kind.action.empty()) return {};
  // Which fields there are at all is the same for all of a kind.
  sigma::EventFields sample;
  FieldWriter writer;
  writer.start(every, sample, false);
  write_share(writer, {}, {}, {}, kind);
  std::vector<bool> there(fields().size(), false);
  for (const auto& link : sample.links()) there[link.field] = true;
  const auto known = [&](sigma::FieldId field, std::vector<sigma::EventValue>& values) {
    if (!there[field]) return true;
    const std::string_view name = fields().name(field);
    const std::string_view value = name == "_path"        ? share_log(kind)
                                   : name == "action"     ? kind.action
                                   : name == "share_type" ? share_type(kind)
                                                          : std::string_view();
    if (!value.empty()) values.push_back(sigma::EventValue::of(value));
    return !value.empty();
  };
  return route(logs::zeek_sources(share_log(kind)), known, known, [](std::string_view name) {
    const bool own =
        name == "id.orig_h" || name == "id.resp_h" || name == "id.orig_p" || name == "id.resp_p";
    return own ? header_field(name) : HeaderField::kNone;
  });
}

}  // namespace rpcmarshal::detect
