#include "policy/compiler/parser.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/unicode.h"
#include "interface/status.h"
#include "lint/operations.h"
#include "match/value.h"
#include "sigma/document.h"
#include "sigma/loader.h"
#include "sigma/yaml.h"

namespace rpcmarshal::policy {
namespace {

using sigma::Location;
using sigma::Reporter;
using sigma::Yaml;

constexpr std::string_view kPolicyKeys[] = {"policy", "description", "mode",   "default", "unknown",
                                            "local",  "fault",       "values", "rules"};
constexpr std::string_view kRuleKeys[] = {"id",    "title",  "description", "action", "when",
                                          "fault", "reason", "expires",     "mode",   "unknown"};

/// "; did you mean 'x'?" for the nearest of `names`, or nothing.
template <typename Names>
std::string suggestion(std::string_view word, const Names& names) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (const std::string_view name : names) {
    const std::size_t distance = lint::edit_distance(word, name, least);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best.empty() ? std::string() : "; did you mean '" + std::string(best) + "'?";
}

class Parser {
 public:
  Parser(const std::string& file, PolicyModel& out, sigma::Diagnostics& diagnostics)
      : file_(file), out_(out), diagnostics_(diagnostics) {}

  bool parse(std::string_view text) {
    out_.file = file_;
    const std::size_t before = diagnostics_.size();
    if (text.size() > kMaxPolicyText) {
      report({}, "the file is larger than 4 MB: this is no policy");
      return false;
    }
    const std::vector<Yaml> documents = sigma::parse_yaml(text, file_, diagnostics_);
    if (documents.empty()) {
      if (diagnostics_.size() == before)
        report({1, 1}, "the file is empty: a policy has 'rules', and a 'default'");
      return false;
    }
    if (documents.size() > 1)
      report(documents[1].at, "a policy file holds one policy: put all rules under one 'rules'");
    policy(documents[0]);
    return std::none_of(diagnostics_.begin() + static_cast<std::ptrdiff_t>(before),
                        diagnostics_.end(), [](const sigma::Diagnostic& d) {
                          return d.severity == sigma::Diagnostic::Severity::kError;
                        });
  }

 private:
  void report(Location at, std::string message) {
    diagnostics_.push_back(
        {sigma::Diagnostic::Severity::kError, file_, at, std::move(message), rule_});
  }

  template <std::size_t N>
  void check_keys(const Yaml& map, const std::string_view (&known)[N], std::string_view what) {
    for (const auto& [key, value] : map.map) {
      if (std::ranges::find(known, key.text) != std::end(known)) continue;
      report(key.at,
             "a " + std::string(what) + " has no '" + key.text + "'" + suggestion(key.text, known));
    }
  }

  template <typename T, std::size_t N>
  void choose(const Yaml& map, std::string_view key, const std::pair<std::string_view, T> (&of)[N],
              T& out) {
    const Yaml* value = map.find(key);
    if (value == nullptr) return;
    std::vector<std::string_view> names;
    for (const auto& [name, meaning] : of) {
      if (value->is_scalar() && equal_ignoring_case(value->text, name)) {
        out = meaning;
        return;
      }
      names.push_back(name);
    }
    std::string all;
    for (const std::string_view name : names) {
      all += (all.empty() ? "" : name == names.back() ? " or " : ", ");
      all += name;
    }
    report(value->at, "'" + std::string(key) + "' is " + all +
                          (value->is_scalar() ? ", not '" + value->text + "'" : std::string()) +
                          (value->is_scalar() ? suggestion(value->text, names) : std::string()));
  }

  std::string text(const Yaml& map, std::string_view key) {
    const Yaml* value = map.find(key);
    if (value == nullptr || value->is_null()) return {};
    if (!value->is_scalar()) {
      report(value->at, "'" + std::string(key) + "' is text");
      return {};
    }
    return value->text;
  }

  std::optional<std::uint32_t> fault(const Yaml& map) {
    const Yaml* value = map.find("fault");
    if (value == nullptr) return std::nullopt;
    const auto status = value->is_scalar() ? parse_fault(value->text) : std::nullopt;
    if (!status) {
      report(value->at,
             "'fault' is a status, by number (5, 0x1c010003) or name (access_denied, "
             "ERROR_ACCESS_DENIED, nca_s_unk_if)");
    } else if (*status == 0) {
      report(value->at, "a 'fault' of 0 would tell the client that the call succeeded");
    }
    return status;
  }

  void policy(const Yaml& document) {
    if (!document.is_map()) {
      report(document.at, "a policy is a mapping: policy, default, rules, ...");
      return;
    }
    check_keys(document, kPolicyKeys, "policy");
    static constexpr std::pair<std::string_view, bool> kModes[] = {{"enforce", false},
                                                                   {"learn", true}};
    static constexpr std::pair<std::string_view, Action> kActions[] = {
        {"allow", Action::kAllow}, {"audit", Action::kAudit}, {"block", Action::kBlock}};
    out_.name = text(document, "policy");
    choose(document, "mode", kModes, out_.learn);
    choose(document, "default", kActions, out_.default_action);
    choose(document, "unknown", kActions, out_.unknown_action);
    if (const Yaml* local = document.find("local")) {
      if (local->kind != Yaml::Kind::kBool) report(local->at, "'local' is true or false");
      out_.local_calls = local->boolean;
    }
    out_.fault = fault(document).value_or(5);
    read_values(document.find("values"));

    const Yaml* rules = document.find("rules");
    if (rules == nullptr) {
      report(document.at, "the policy has no 'rules' (write 'rules: []' when the default is all)");
      return;
    }
    if (!rules->is_list()) {
      report(rules->at, "'rules' is a list: each rule begins with '-'");
      return;
    }
    if (rules->list.size() > format::kMaxRules) {
      report(rules->at, "a policy has at most 65536 rules");
      return;
    }
    for (const Yaml& one : rules->list) rule(one);
    rule_.clear();
    expand();
  }

  void read_values(const Yaml* values) {
    if (values == nullptr || values->is_null()) return;
    if (!values->is_map()) {
      report(values->at, "'values' maps names to lists, for '|expand: \"%name%\"'");
      return;
    }
    for (const auto& [name, list] : values->map) {
      std::vector<std::string>& to = values_[name.text];
      const auto add = [&](const Yaml& one) {
        if (one.is_scalar() && !one.is_null()) {
          to.push_back(one.text);
        } else {
          report(one.at, "expected text here");
        }
      };
      if (list.is_list()) {
        for (const Yaml& one : list.list) add(one);
      } else {
        add(list);
      }
    }
  }

  void rule(const Yaml& yaml) {
    rule_.clear();
    if (!yaml.is_map()) {
      report(yaml.at, "a rule is a mapping: id, action, when, ...");
      return;
    }
    RuleModel out;
    out.at = yaml.at;
    out.id = text(yaml, "id");
    out.title = text(yaml, "title");
    if (out.id.empty()) out.id = "rule-" + std::to_string(out_.rules.size() + 1);
    rule_ = out.id;
    check_keys(yaml, kRuleKeys, "rule");
    if (!ids_.insert(out.id).second) {
      const Yaml* id = yaml.find("id");
      report(id != nullptr ? id->at : yaml.at, "another rule has the id '" + out.id + "'");
    }
    out.reason = text(yaml, "reason");
    static constexpr std::pair<std::string_view, Action> kActions[] = {
        {"block", Action::kBlock}, {"allow", Action::kAllow}, {"audit", Action::kAudit}};
    static constexpr std::pair<std::string_view, bool> kModes[] = {{"enforce", false},
                                                                   {"learn", true}};
    static constexpr std::pair<std::string_view, Unknown> kUnknowns[] = {
        {"policy", Unknown::kPolicy}, {"match", Unknown::kMatch}, {"no_match", Unknown::kNoMatch}};
    if (yaml.find("action") == nullptr)
      report(yaml.at, "the rule has no 'action': block, allow or audit");
    choose(yaml, "action", kActions, out.action);
    choose(yaml, "mode", kModes, out.learn);
    choose(yaml, "unknown", kUnknowns, out.unknown);
    out.fault = fault(yaml);
    if (out.fault && out.action != Action::kBlock)
      report(yaml.find("fault")->at, "only a rule that blocks has a 'fault'");
    if (const Yaml* expires = yaml.find("expires")) {
      const auto time = expires->is_scalar() ? parse_expiry(expires->text) : std::nullopt;
      if (!time)
        report(expires->at, "'expires' is a date, 2026-12-31, or a time, 2026-12-31T18:00:00Z");
      out.expires = time.value_or(0);
    }
    when(yaml, out);
    out_.rules.push_back(std::move(out));
  }

  void when(const Yaml& yaml, RuleModel& out) {
    const Yaml* when = yaml.find("when");
    if (when == nullptr || when->is_null()) {
      report(when != nullptr ? when->at : yaml.at,
             "the rule does not say which calls it is for: add 'when' ('when: any' for all)");
      return;
    }
    out.when_at = when->at;
    if (when->is_scalar()) {
      out.any = when->text == "any";
      if (!out.any) {
        report(when->at,
               "'when' is a selection (field: value), several with a 'condition', or "
               "'any'");
      }
      return;
    }
    Reporter reporter(file_, rule_, diagnostics_);
    if (when->is_map() && when->find("condition") != nullptr) {
      Yaml plain = *when;
      const auto places = take_every(plain);
      out.detection = sigma::parse_detection(plain, {}, reporter);
      mark_every(places, out.detection, reporter);
      for (const sigma::Selection& selection : out.detection.selections) {
        if (!selection.used && !reporter.failed())
          reporter.warning(selection.at,
                           "the condition does not use the selection '" + selection.name + "'");
      }
    } else {
      // One selection needs neither a name nor a condition.
      Yaml wrapped, name, condition;
      wrapped.kind = Yaml::Kind::kMap;
      name.kind = condition.kind = Yaml::Kind::kString;
      wrapped.at = name.at = condition.at = when->at;
      name.text = condition.text = "selection";
      Yaml key = name;
      key.text = "condition";
      wrapped.map.emplace_back(std::move(name), *when);
      wrapped.map.emplace_back(std::move(key), std::move(condition));
      const auto places = take_every(wrapped);
      out.detection = sigma::parse_detection(wrapped, {}, reporter);
      mark_every(places, out.detection, reporter);
    }
    for (const sigma::Item& item : out.detection.items) {
      if (item.keyword && !reporter.failed())
        reporter.error(item.at, "a policy compares fields: name the field this text stands in");
    }
  }

  using Places = std::set<std::pair<std::uint32_t, std::uint32_t>>;

  /// `|every` is a policy's own modifier: takes it out of the keys, and says where it stood.
  static Places take_every(Yaml& yaml) {
    Places places;
    std::vector<Yaml*> todo = {&yaml};
    while (!todo.empty()) {
      Yaml& one = *todo.back();
      todo.pop_back();
      for (Yaml& member : one.list) todo.push_back(&member);
      for (auto& [key, value] : one.map) {
        todo.push_back(&value);
        static constexpr std::string_view kEvery = "|every";
        for (std::size_t at = key.text.find(kEvery); at != std::string::npos;
             at = key.text.find(kEvery, at)) {
          const std::size_t end = at + kEvery.size();
          if (end < key.text.size() && key.text[end] != '|') {
            at = end;
            continue;
          }
          key.text.erase(at, kEvery.size());
          places.emplace(key.at.line, key.at.column);
        }
      }
    }
    return places;
  }

  static void mark_every(const Places& places, sigma::Detection& detection, Reporter& reporter) {
    if (places.empty()) return;
    for (sigma::Item& item : detection.items) {
      item.every = places.contains({item.at.line, item.at.column});
      if (!item.every) continue;
      if (item.all) reporter.error(item.at, "'every' does not go with 'all'");
      for (const sigma::Value& value : item.values) {
        using Kind = sigma::Value::Kind;
        if (value.kind != Kind::kNull && value.kind != Kind::kExists &&
            value.kind != Kind::kFieldRef)
          continue;
        reporter.error(item.at, "'every' compares values: not null, 'exists' or 'fieldref'");
        break;
      }
    }
  }

  /// Replaces %name% by the values, as the loader of Sigma rules does.
  void expand() {
    sigma::RuleSet set;
    for (RuleModel& rule : out_.rules) {
      sigma::Rule& one = set.rules.emplace_back();
      one.about.file = file_;
      one.about.title = rule.id;
      one.detection = std::move(rule.detection);
    }
    sigma::resolve(set, values_, diagnostics_);
    if (set.rules.size() != out_.rules.size()) return;  // placeholders without values: reported
    for (std::size_t i = 0; i < set.rules.size(); ++i)
      out_.rules[i].detection = std::move(set.rules[i].detection);
  }

  const std::string& file_;
  PolicyModel& out_;
  sigma::Diagnostics& diagnostics_;
  std::string rule_;
  std::set<std::string> ids_;
  sigma::PlaceholderValues values_;
};

}  // namespace

std::optional<std::uint32_t> parse_fault(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::uint32_t number = 0;
  const bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  const char* end = text.data() + text.size();
  const auto r = std::from_chars(text.data() + (hex ? 2 : 0), end, number, hex ? 16 : 10);
  if (r.ec == std::errc() && r.ptr == end) return number;
  if (equal_ignoring_case(text, "access_denied")) return 5;
  for (std::uint32_t code = 1; code < 16384; ++code) {
    if (win32_name(code) == text) return code;
  }
  for (const std::uint32_t base : {0x1C010000u, 0x1C000000u}) {
    for (std::uint32_t code = base; code < base + 256; ++code) {
      if (fault_name(code) == text) return code;
    }
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_expiry(std::string_view text) {
  const match::Value value = match::Value::of(text);
  std::int64_t seconds = 0;
  const bool date = text.size() == 10;
  const bool time = text.size() == 20 && text[10] == 'T' && text[19] == 'Z';
  if ((!date && !time) || !match::parse_time({&value, text, {}}, seconds) || seconds <= 0)
    return std::nullopt;
  return date ? seconds + 86400 : seconds;
}

bool parse_policy(std::string_view text, const std::string& file, PolicyModel& out,
                  sigma::Diagnostics& diagnostics) {
  return Parser(file, out, diagnostics).parse(text);
}

}  // namespace rpcmarshal::policy
