#include "detect/rules.h"

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
  return out;
}

}  // namespace rpcmarshal::detect
