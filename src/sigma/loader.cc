#include "sigma/loader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <unordered_map>

#include "base/unicode.h"
#include "sigma/parser.h"
#include "sigma/pipeline.h"
#include "sigma/yaml.h"

namespace rpcmarshal::sigma {
namespace {

using Severity = Diagnostic::Severity;

constexpr std::size_t kMaxExpansion = 100'000;  ///< values that one rule value may become

/// Every combination of values for the placeholders of `pattern`; false when one has none.
bool expand(const Pattern& pattern, bool regex, const PlaceholderValues& values,
            std::vector<Pattern>& out, std::string& error, const std::vector<std::string>& kept) {
  out.assign(1, {});
  for (const PatternPart& part : pattern.parts()) {
    if (part.kind != PatternPart::Kind::kPlaceholder ||
        std::find(kept.begin(), kept.end(), part.text) != kept.end()) {
      for (Pattern& p : out) p.append(part);
      continue;
    }
    const auto found = values.find(part.text);
    if (found == values.end() || found->second.empty()) {
      error = "the placeholder %" + part.text + "% has no values: give them with --values FILE";
      return false;
    }
    if (out.size() * found->second.size() > kMaxExpansion) {
      error = "the placeholders here stand for more than 100,000 values";
      return false;
    }
    std::vector<Pattern> more;
    for (const Pattern& p : out) {
      for (const std::string& text : found->second) {
        more.push_back(p);
        const Pattern inserted = regex ? Pattern::literal(text) : Pattern::parse(text);
        for (const PatternPart& piece : inserted.parts()) more.back().append(piece);
      }
    }
    out = std::move(more);
  }
  return true;
}

/// False when a placeholder of the detection has no values.
bool replace_placeholders(Detection& detection, const Metadata& about,
                          const PlaceholderValues& values, Diagnostics& diagnostics) {
  for (Item& item : detection.items) {
    for (Value& value : item.values) {
      std::string error;
      if (replace_placeholders(value, values, error)) continue;
      diagnostics.push_back({Severity::kError, about.file, value.at, error, about.title});
      return false;
    }
  }
  return true;
}

/// "rule and filter".
void apply(const Filter& filter, Rule& rule) {
  and_condition(rule.detection, filter.detection, false);
  rule.filters.push_back(filter.about.title);
}

/// Removes correlations that refer to nothing, or in a circle.
void check_correlations(RuleSet& rules, Diagnostics& diagnostics) {
  std::vector<bool> dead(rules.correlations.size(), false);
  const auto complain = [&](std::size_t i, Location at, std::string message) {
    const Correlation& c = rules.correlations[i];
    diagnostics.push_back({Severity::kError, c.about.file, at, std::move(message), c.about.title});
    dead[i] = true;
  };
  std::unordered_map<std::string, int> known;  // of everything a reference may name
  for (const Rule& rule : rules.rules) {
    for (const std::string* key : {&rule.about.id, &rule.about.name, &rule.about.title})
      if (!key->empty()) known.emplace(to_lower(*key), -1);
  }
  for (std::size_t i = 0; i < rules.correlations.size(); ++i) {
    const Metadata& about = rules.correlations[i].about;
    for (const std::string* key : {&about.id, &about.name, &about.title})
      if (!key->empty()) known.emplace(to_lower(*key), static_cast<int>(i));
  }
  // A correlation is sound once everything it refers to is; what is left over at the end hangs on
  // something unsound or on itself.
  std::vector<bool> sound(rules.correlations.size(), false);
  for (bool progress = true; progress;) {
    progress = false;
    for (std::size_t i = 0; i < rules.correlations.size(); ++i) {
      if (sound[i] || dead[i]) continue;
      const Correlation& c = rules.correlations[i];
      bool ready = true;
      for (std::size_t r = 0; r < c.rules.size() && !dead[i]; ++r) {
        const auto found = known.find(to_lower(c.rules[r]));
        if (found == known.end()) {
          complain(i, c.rule_places[r],
                   "there is no rule with the id, name or title '" + c.rules[r] +
                       "' (or it has errors itself)");
        } else if (found->second >= 0 && dead[static_cast<std::size_t>(found->second)]) {
          complain(i, c.rule_places[r], "the correlation '" + c.rules[r] + "' has errors");
        } else if (found->second >= 0 && !sound[static_cast<std::size_t>(found->second)]) {
          ready = false;
        }
      }
      if (dead[i]) {
        progress = true;
      } else if (ready) {
        sound[i] = progress = true;
      }
    }
  }
  for (std::size_t i = 0; i < rules.correlations.size(); ++i) {
    if (!sound[i] && !dead[i])
      complain(i, rules.correlations[i].about.at, "this correlation refers to itself in a circle");
  }
  std::size_t i = 0;
  std::erase_if(rules.correlations, [&](const Correlation&) { return dead[i++]; });
}

}  // namespace

bool read_rule_file(const std::string& path, std::string& out, Diagnostics& diagnostics) {
  const auto fail = [&](std::string why) {
    diagnostics.push_back({Severity::kError, path, {}, std::move(why), {}});
    return false;
  };
  std::error_code ec;
  const auto size = std::filesystem::file_size(path, ec);
  if (ec) return fail("cannot be read: " + ec.message());
  if (size > kMaxYamlSize) return fail("the file is larger than 8 MB: this is no rule file");
  std::ifstream in(path, std::ios::binary);
  out.resize(size);
  if (!in || (!out.empty() && !in.read(out.data(), static_cast<std::streamsize>(out.size()))))
    return fail(std::string("cannot be read: ") + std::strerror(errno));
  return true;
}

void load_values(const std::string& path, PlaceholderValues& out, Diagnostics& diagnostics) {
  std::string text;
  if (!read_rule_file(path, text, diagnostics)) return;
  for (const Yaml& document : parse_yaml(text, path, diagnostics)) {
    if (!document.is_map()) {
      diagnostics.push_back({Severity::kError,
                             path,
                             document.at,
                             "a values file maps placeholder names to lists of values",
                             {}});
      continue;
    }
    for (const auto& [name, values] : document.map) {
      std::vector<std::string>& list = out[name.text];
      if (values.is_list()) {
        for (const Yaml& value : values.list) {
          if (value.is_scalar() && !value.is_null()) {
            list.push_back(value.text);
          } else {
            diagnostics.push_back({Severity::kError, path, value.at, "expected text here", {}});
          }
        }
      } else if (values.is_scalar() && !values.is_null()) {
        list.push_back(values.text);
      } else {
        diagnostics.push_back(
            {Severity::kError, path, values.at, "expected a value or a list of values here", {}});
      }
    }
  }
}

void load_path(const std::string& path, RuleSet& out, Diagnostics& diagnostics) {
  namespace fs = std::filesystem;
  std::error_code ec;
  if (!fs::is_directory(path, ec)) {
    std::string text;
    if (read_rule_file(path, text, diagnostics)) parse_rules(text, path, out, diagnostics);
    return;
  }
  std::vector<std::string> files;
  for (fs::recursive_directory_iterator it(path, fs::directory_options::skip_permission_denied, ec),
       end;
       !ec && it != end; it.increment(ec)) {
    const std::string extension = it->path().extension().string();
    std::error_code ignored;
    if ((extension == ".yml" || extension == ".yaml") && it->is_regular_file(ignored))
      files.push_back(it->path().string());
  }
  if (ec)
    diagnostics.push_back({Severity::kError, path, {}, "cannot be listed: " + ec.message(), {}});
  else if (files.empty())
    diagnostics.push_back(
        {Severity::kError, path, {}, "no rule file (.yml, .yaml) is in this folder", {}});
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    std::string text;
    if (read_rule_file(file, text, diagnostics)) parse_rules(text, file, out, diagnostics);
  }
}

bool replace_placeholders(Value& value, const PlaceholderValues& values, std::string& error,
                          const std::vector<std::string>& kept) {
  for (Value& alternative : value.alternatives) {
    if (!replace_placeholders(alternative, values, error, kept)) return false;
  }
  if (!value.pattern.has_placeholders()) return true;
  std::vector<Pattern> patterns;
  if (!expand(value.pattern, value.kind == Value::Kind::kRegex, values, patterns, error, kept))
    return false;
  if (patterns.size() == 1) {
    value.pattern = std::move(patterns[0]);
    return true;
  }
  Value any;
  any.kind = Value::Kind::kAnyOf;
  any.at = value.at;
  for (Pattern& pattern : patterns) {
    any.alternatives.push_back(value);
    any.alternatives.back().pattern = std::move(pattern);
  }
  value = std::move(any);
  return true;
}

bool refers_to(const std::string& reference, const Metadata& about) {
  return !reference.empty() && (equal_ignoring_case(reference, about.id) ||
                                reference == about.name || reference == about.title);
}

void resolve(RuleSet& rules, const PlaceholderValues& given, Diagnostics& diagnostics,
             const std::vector<Pipeline>* pipelines) {
  // A values file is nearer to the user than the variables of a pipeline.
  PlaceholderValues values = given;
  if (pipelines != nullptr) {
    for (const Pipeline& pipeline : *pipelines)
      values.insert(pipeline.variables.begin(), pipeline.variables.end());
  }
  // Pipelines find placeholders in their places, as pySigma's do; what they leave is replaced
  // behind them. Filters, which become part of rules in other files, only wait when a pipeline
  // speaks of it.
  const bool later = pipelines != nullptr && !pipelines->empty();
  const auto replace = [&](auto& of) {
    std::erase_if(of, [&](auto& one) {
      return !replace_placeholders(one.detection, one.about, values, diagnostics);
    });
  };
  if (!later || !replace_placeholders(*pipelines)) replace(rules.filters);
  if (!later) replace(rules.rules);
  for (const Filter& filter : rules.filters) {
    std::vector<bool> found(filter.rules.size(), false);
    for (Rule& rule : rules.rules) {
      bool wanted = filter.any_rule;
      for (std::size_t i = 0; i < filter.rules.size(); ++i) {
        if (!refers_to(filter.rules[i], rule.about)) continue;
        found[i] = wanted = true;
      }
      if (wanted && filter.logsource.contains(rule.logsource)) apply(filter, rule);
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!filter.any_rule && !found[i]) {
        diagnostics.push_back({Severity::kWarning, filter.about.file, filter.about.at,
                               "no rule has the id, name or title '" + filter.rules[i] + "'",
                               filter.about.title});
      }
    }
  }
  if (pipelines != nullptr) apply_pipelines(*pipelines, rules, values, diagnostics);
  if (later) replace(rules.rules);
  check_correlations(rules, diagnostics);
}

RuleSet load_rules(const std::vector<std::string>& paths, const PlaceholderValues& values,
                   Diagnostics& diagnostics, const std::vector<Pipeline>* pipelines) {
  RuleSet out;
  for (const std::string& path : paths) load_path(path, out, diagnostics);
  resolve(out, values, diagnostics, pipelines);
  return out;
}

}  // namespace rpcmarshal::sigma
