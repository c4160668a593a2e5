#include "detect/rules.h"

#include <algorithm>
#include <charconv>

#include "detect/route.h"
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
  share_files_ = &engine_->plan(logs::zeek_sources("smb_files"));
  share_mappings_ = &engine_->plan(logs::zeek_sources("smb_mapping"));
  if (!options_.level.empty()) least_level_ = level_rank(options_.level);
  if (engine_->rule_count() == 0 && error_.empty()) error_ = "no rule could be loaded";
}

std::pair<std::string, std::string> Rules::zeek_names(std::string_view uuid,
                                                      std::string_view opnum) const {
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

Rules::Route Rules::route(const Event& event) {
  Route out;
  std::string uuid;
  if (event.interface_id) {
    uuid = event.interface_id->uuid.to_string();
    // As DerivedFields has them: by UUID and opnum, whatever the version.
    out.zeek_names = zeek_names(uuid, event.opnum ? std::to_string(*event.opnum) : std::string());
  }
  const auto& names = out.zeek_names;
  const bool by_operation = route_key(event).procedure != nullptr;
  out.plan = &engine_->plan(
      own_sources_, [&](sigma::FieldId field, std::vector<sigma::EventValue>& values) {
        const std::string_view name = fields().name(field);
        if (by_operation && (name == "interface.uuid" || name == "InterfaceUuid")) {
          values.push_back(sigma::EventValue::of(std::string_view(uuid)));
          return true;
        }
        return field_outlook(event, name, names.first, names.second, values);
      });
  find_constants(event, out);
  return out;
}

void Rules::find_constants(const Event& event, Route& route) {
  if (route.plan->any_value() != nullptr) return;
  const sigma::Program& program = engine_->program();
  // Every field that evaluating the rules, or counting them, may ask for.
  std::vector<sigma::FieldId> needed;
  std::vector<std::uint32_t> open;
  std::vector<bool> seen(program.ops.size(), false);
  for (const std::uint32_t rule : route.plan->rules()) {
    open.push_back(program.rules[rule].root);
    correlator_->fields_of(rule, needed);
  }
  while (!open.empty()) {
    const std::uint32_t op = open.back();
    open.pop_back();
    if (seen[op]) continue;
    seen[op] = true;
    const sigma::Program::Op& o = program.ops[op];
    if (o.kind == sigma::Program::Op::Kind::kPredicate) {
      needed.push_back(program.predicates[o.first].field);
      if (program.predicates[o.first].other != sigma::kNoField)
        needed.push_back(program.predicates[o.first].other);
      continue;
    }
    for (std::uint32_t i = 0; i < o.count; ++i) open.push_back(program.children[o.first + i]);
  }
  std::sort(needed.begin(), needed.end());
  needed.erase(std::unique(needed.begin(), needed.end()), needed.end());
  const std::string uuid =
      event.interface_id ? event.interface_id->uuid.to_string() : std::string();
  const bool by_operation = route_key(event).procedure != nullptr;
  std::vector<sigma::EventValue> values;
  for (const sigma::FieldId field : needed) {
    const std::string_view name = fields().name(field);
    if (const HeaderField header = header_field(name); header != HeaderField::kNone) {
      route.headers.emplace_back(field, header);
      continue;
    }
    values.clear();
    if (by_operation && (name == "interface.uuid" || name == "InterfaceUuid")) {
      values.push_back(sigma::EventValue::of(std::string_view(uuid)));
    } else if (!field_outlook(event, name, route.zeek_names.first, route.zeek_names.second,
                              values)) {
      return;
    }
    for (sigma::EventValue& value : values) {
      if (value.kind == sigma::EventValue::Kind::kText)
        value.text = route.texts.emplace_back(value.text);
      route.constants.emplace_back(field, value);
    }
  }
  route.by_header = true;
}

}  // namespace rpcmarshal::detect
