#include "sigma/parser.h"

#include <algorithm>
#include <charconv>

#include "sigma/document.h"

namespace rpcmarshal::sigma {
namespace {

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

/// Adds what `document` describes to `out`, when nothing is wrong with it.
void parse_one(const Yaml& document, const std::string& file, RuleSet& out,
               Diagnostics& diagnostics) {
  Reporter report(file, document.string("title"), diagnostics);
  if (document.find("correlation") != nullptr) {
    Correlation correlation = parse_correlation(document, file, report);
    if (!report.failed()) out.correlations.push_back(std::move(correlation));
  } else if (document.find("filter") != nullptr) {
    Filter filter = parse_filter(document, file, report);
    if (!report.failed()) out.filters.push_back(std::move(filter));
  } else {
    Rule rule = parse_rule(document, file, report);
    if (!report.failed()) out.rules.push_back(std::move(rule));
  }
}

}  // namespace

bool LogSource::contains(const LogSource& other) const {
  return (product.empty() || product == other.product) &&
         (category.empty() || category == other.category) &&
         (service.empty() || service == other.service);
}

std::string LogSource::to_string() const {
  std::string out;
  for (const std::string* part : {&product, &category, &service}) {
    if (part->empty()) continue;
    if (!out.empty()) out += '/';
    out += *part;
  }
  return out;
}

std::int64_t parse_timespan(std::string_view text) {
  if (text.size() < 2) return 0;
  std::int64_t unit = 0;
  switch (text.back()) {
    case 's':
      unit = 1;
      break;
    case 'm':
      unit = 60;
      break;
    case 'h':
      unit = 3600;
      break;
    case 'd':
      unit = 86400;
      break;
    case 'w':
      unit = 604800;
      break;
    case 'M':
      unit = 2629746;
      break;
    case 'y':
      unit = 31556952;
      break;
    default:
      return 0;
  }
  text.remove_suffix(1);
  std::int64_t count = 0;
  const auto r = std::from_chars(text.data(), text.data() + text.size(), count);
  if (r.ec != std::errc() || r.ptr != text.data() + text.size() || count <= 0) return 0;
  // A hundred years is enough, and keeps nanoseconds within 64 bits.
  if (count > std::int64_t{100} * 31556952 / unit) return 0;
  return count * unit * 1'000'000'000;
}

std::vector<std::string> parse_texts(const Yaml* value, Reporter& report,
                                     std::vector<Location>* places) {
  std::vector<std::string> out;
  if (value == nullptr || value->is_null()) return out;
  const auto add = [&](const Yaml& one) {
    if (!one.is_scalar()) {
      report.warning(one.at, "expected text here; it is ignored");
      return;
    }
    out.push_back(one.text);
    if (places != nullptr) places->push_back(one.at);
  };
  if (value->is_list()) {
    for (const Yaml& one : value->list) add(one);
  } else {
    add(*value);
  }
  return out;
}

Metadata parse_metadata(const Yaml& document, const std::string& file, Reporter& report) {
  Metadata out;
  out.file = file;
  out.at = document.at;
  out.title = document.string("title");
  out.id = document.string("id");
  out.name = document.string("name");
  out.status = document.string("status");
  out.level = document.string("level");
  out.description = document.string("description");
  out.author = document.string("author");
  out.date = document.string("date");
  out.tags = parse_texts(document.find("tags"), report, &out.tag_places);
  out.references = parse_texts(document.find("references"), report);
  out.falsepositives = parse_texts(document.find("falsepositives"), report);
  const auto place = [&](std::string_view key) {
    const Yaml* value = document.find(key);
    return value != nullptr ? value->at : document.at;
  };
  static constexpr std::string_view kKnown[] = {"id",    "title",  "name", "status",
                                                "level", "author", "date", "description"};
  for (const auto& [key, value] : document.map) {
    if (value.is_scalar() && !value.is_null() &&
        std::find(std::begin(kKnown), std::end(kKnown), key.text) == std::end(kKnown)) {
      out.others.emplace_back(key.text, value.text);
    }
  }
  if (out.title.empty()) report.error(place("title"), "a rule needs a 'title'");
  if (!out.id.empty() && !is_uuid(out.id))
    report.warning(place("id"), "'" + out.id + "' is no UUID");
  static constexpr std::string_view kLevels[] = {"informational", "low", "medium", "high",
                                                 "critical"};
  if (!out.level.empty() &&
      std::find(std::begin(kLevels), std::end(kLevels), out.level) == std::end(kLevels)) {
    report.warning(place("level"),
                   "'" + out.level + "' is no level: informational, low, medium, high, critical");
  }
  static constexpr std::string_view kStatuses[] = {"stable", "test", "experimental", "deprecated",
                                                   "unsupported"};
  if (!out.status.empty() &&
      std::find(std::begin(kStatuses), std::end(kStatuses), out.status) == std::end(kStatuses)) {
    report.warning(
        place("status"),
        "'" + out.status + "' is no status: stable, test, experimental, deprecated, unsupported");
  }
  return out;
}

LogSource parse_logsource(const Yaml& document, Reporter& report) {
  LogSource out;
  const Yaml* source = document.find("logsource");
  if (source == nullptr || !source->is_map()) {
    report.error(source != nullptr ? source->at : document.at,
                 "a rule needs a 'logsource' with product, category or service");
    return out;
  }
  out.at = source->at;
  for (const auto& [key, member] : {std::pair{"product", &out.product},
                                    {"category", &out.category},
                                    {"service", &out.service}}) {
    const Yaml* value = source->find(key);
    if (value == nullptr || value->is_null()) continue;
    if (!value->is_scalar()) {
      report.error(value->at, std::string("'") + key + "' of a logsource is text");
      continue;
    }
    *member = value->text;
  }
  if (out.product.empty() && out.category.empty() && out.service.empty())
    report.error(out.at, "this logsource says neither product, category nor service");
  return out;
}

Rule parse_rule(const Yaml& document, const std::string& file, Reporter& report) {
  Rule out;
  out.about = parse_metadata(document, file, report);
  out.logsource = parse_logsource(document, report);
  out.fields = parse_texts(document.find("fields"), report);
  const Yaml* detection = document.find("detection");
  if (detection == nullptr || !detection->is_map()) {
    report.error(detection != nullptr ? detection->at : document.at,
                 "a rule needs a 'detection' with selections and a 'condition'");
    return out;
  }
  out.detection = parse_detection(*detection, {"timeframe"}, report);
  if (const Yaml* timeframe = detection->find("timeframe"); timeframe != nullptr) {
    report.warning(timeframe->at,
                   "'timeframe' has no effect since Sigma 2: write a correlation with 'timespan'");
  }
  return out;
}

Filter parse_filter(const Yaml& document, const std::string& file, Reporter& report) {
  Filter out;
  out.about = parse_metadata(document, file, report);
  out.logsource = parse_logsource(document, report);
  const Yaml& filter = *document.find("filter");
  if (!filter.is_map()) {
    report.error(filter.at, "a 'filter' holds 'rules', selections and a 'condition'");
    return out;
  }
  const Yaml* rules = filter.find("rules");
  if (rules == nullptr || rules->is_null()) {
    report.error(filter.at, "a filter needs 'rules': ids or names, or 'any'");
  } else {
    out.rules = parse_texts(rules, report);
    out.any_rule =
        out.rules.empty() || (!rules->is_list() && (rules->text == "any" || rules->text == "ANY"));
  }
  out.detection = parse_detection(filter, {"rules"}, report);
  if (out.detection.conditions.size() > 1)
    report.error(filter.at, "the condition of a filter is text, no list");
  for (const Condition& condition : out.detection.conditions) {
    if (condition.text.find("not") == std::string::npos) {
      report.warning(condition.at,
                     "this filter keeps only what it selects: its condition is and-ed to the "
                     "rule's; write 'not ...' to take events away");
    }
  }
  return out;
}

void parse_rules(std::string_view text, const std::string& file, RuleSet& out,
                 Diagnostics& diagnostics) {
  Yaml global, previous;
  for (Yaml& document : parse_yaml(text, file, diagnostics)) {
    if (!document.is_map()) {
      diagnostics.push_back({Diagnostic::Severity::kError,
                             file,
                             document.at,
                             "a rule is a mapping of keys to values",
                             {}});
      continue;
    }
    const std::string action = document.string("action");
    if (document.find("action") != nullptr) {
      std::erase_if(document.map, [](const auto& e) { return e.first.text == "action"; });
    }
    if (action == "global") {
      global = document;
      previous = std::move(document);
    } else if (action == "reset") {
      global = Yaml{};
    } else if (action == "repeat") {
      if (!previous.is_map()) previous = document;
      merge_yaml(previous, document);
      previous.at = document.at;
      parse_one(previous, file, out, diagnostics);
    } else if (!action.empty()) {
      diagnostics.push_back({Diagnostic::Severity::kError,
                             file,
                             document.at,
                             "unknown action '" + action + "': global, reset or repeat",
                             {}});
    } else {
      if (document.find("correlation") == nullptr && document.find("filter") == nullptr) {
        if (global.is_map()) merge_yaml(document, global);
        parse_one(document, file, out, diagnostics);
        previous = std::move(document);
      } else {
        parse_one(document, file, out, diagnostics);
      }
    }
  }
}

}  // namespace rpcmarshal::sigma
