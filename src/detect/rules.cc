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
  const auto share_plan = [&](std::string_view log) {
    const sigma::Plan& plan = engine_->plan(logs::zeek_sources(log));
    return SharePlan{&plan, tree_of(needed_by(plan))};
  };
  share_files_ = share_plan("smb_files");
  share_mappings_ = share_plan("smb_mapping");
  if (!options_.level.empty()) least_level_ = level_rank(options_.level);
  if (engine_->rule_count() == 0 && error_.empty()) error_ = "no rule could be loaded";
}

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

std::vector<sigma::FieldId> Rules::needed_by(const sigma::Plan& plan) const {
  const sigma::Program& program = engine_->program();
  std::vector<sigma::FieldId> needed;
  std::vector<std::uint32_t> open;
  std::vector<bool> seen(program.ops.size(), false);
  for (const std::uint32_t rule : plan.rules()) {
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
  std::erase(needed, sigma::kAnyValue);
  std::sort(needed.begin(), needed.end());
  needed.erase(std::unique(needed.begin(), needed.end()), needed.end());
  return needed;
}

const sigma::FieldTree* Rules::tree_of(const std::vector<sigma::FieldId>& fields) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<sigma::FieldTree>& tree = trees_[fields];
  if (!tree) tree = std::make_unique<sigma::FieldTree>(engine_->fields(), fields);
  return tree.get();
}

Rules::Route Rules::route(const Event& event) {
  const std::string uuid =
      event.interface_id ? event.interface_id->uuid.to_string() : std::string();
  const auto names = zeek_names(event);
  const bool by_operation = route_key(event).procedure != nullptr;
  const auto outlook = [&](sigma::FieldId field, std::vector<sigma::EventValue>& values) {
    const std::string_view name = fields().name(field);
    if (by_operation && (name == "interface.uuid" || name == "InterfaceUuid")) {
      values.push_back(sigma::EventValue::of(std::string_view(uuid)));
      return true;
    }
    return field_outlook(event, name, names.first, names.second, values);
  };
  Route out;
  out.plan = &engine_->plan(own_sources_, outlook);
  if (out.plan->rules().empty()) return out;
  std::vector<sigma::FieldId> needed = needed_by(*out.plan);
  if (out.plan->any_value() != nullptr) {
    out.tree = tree_of(needed);
    out.all = out.derived = true;
    return out;
  }
  std::vector<sigma::EventValue> values;
  std::erase_if(needed, [&](sigma::FieldId field) {
    const std::string_view name = fields().name(field);
    if (const HeaderField header = header_field(name); header != HeaderField::kNone) {
      out.headers.emplace_back(field, header);
      return true;
    }
    values.clear();
    if (!outlook(field, values)) {
      out.derived |= name == "endpoint" || name == "operation";
      return false;
    }
    for (sigma::EventValue& value : values) {
      if (value.kind == sigma::EventValue::Kind::kText)
        value.text = out.texts.emplace_back(value.text);
      out.constants.emplace_back(field, value);
    }
    return true;
  });
  if (!needed.empty()) out.tree = tree_of(needed);
  return out;
}

}  // namespace rpcmarshal::detect
