// From a rule's values to predicates, and what must be in an event for one to hold.
#include <re2/filtered_re2.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "match/fold.h"
#include "sigma/predicate.h"

namespace rpcmarshal::sigma {
namespace {

using Kind = Predicate::Kind;
using PartKind = PatternPart::Kind;

/// A program this large is for expressions like (a{1000}){1000}: refused.
constexpr std::int64_t kRegexMemory = 8 << 20;

RE2::Options regex_options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kRegexMemory);
  return options;
}

std::string regex_text(const Value& value) {
  std::string flags;
  if (value.ignore_case) flags += 'i';
  if (value.multiline) flags += 'm';
  if (value.dot_all) flags += 's';
  std::string out = flags.empty() ? std::string() : "(?" + flags + ")";
  const std::string body = value.pattern.plain();
  if (!value.at_start && !value.at_end) return out + body;
  if (value.at_start) out += "\\A";
  out += "(?:" + body + ")";
  if (value.at_end) out += "\\z";
  return out;
}

/// What RE2 cannot do is said in terms of the rule, not of the library.
std::string regex_error(const std::string& text, const RE2& regex) {
  const std::string start = "the regular expression cannot be used: ";
  for (const char* look : {"(?=", "(?!", "(?<=", "(?<!"}) {
    if (text.find(look) != std::string::npos) {
      return start +
             "look-around is not supported, as its running time cannot be bounded; say it with "
             "two selections and 'not'";
    }
  }
  if (regex.error_code() == RE2::ErrorBadEscape && !regex.error_arg().empty() &&
      regex.error_arg().size() > 1 && regex.error_arg()[1] >= '1' && regex.error_arg()[1] <= '9') {
    return start + "back references are not supported, as their running time cannot be bounded";
  }
  return start + regex.error();
}

/// Words, folded, of which at least one stands in every text that the expression matches; none when
/// no good ones are known. `filter` has that one expression.
std::vector<std::string> words_of(re2::FilteredRE2& filter) {
  std::vector<std::string> atoms;
  filter.Compile(&atoms);
  if (atoms.empty()) return {};
  // RE2 says of any choice of the atoms whether they suffice. When those without some of them do
  // not, one of these must be there. So we leave out as many as we can, the shortest first, since
  // these say least.
  std::vector<int> order(atoms.size()), chosen, rest, passed;
  std::iota(order.begin(), order.end(), 0);
  const auto size = [&](int atom) { return atoms[static_cast<std::size_t>(atom)].size(); };
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return size(a) < size(b); });
  const auto suffice = [&](const std::vector<int>& some) {
    filter.AllPotentials(some, &passed);
    return !passed.empty();
  };
  if (suffice({})) return {};
  constexpr std::size_t kMostTried = 256;  // more would take long
  for (const int atom : order) {
    rest.push_back(atom);
    if (atoms.size() > kMostTried || suffice(rest)) {
      rest.pop_back();
      chosen.push_back(atom);
    }
  }
  std::vector<std::string> out;
  for (const int atom : chosen) {
    const std::string& word = atoms[static_cast<std::size_t>(atom)];
    const bool ascii = std::all_of(word.begin(), word.end(),
                                   [](char c) { return static_cast<std::uint8_t>(c) < 0x80; });
    if (word.size() < 3 || !ascii) return {};
    out.push_back(match::folded(word));
  }
  return out;
}

std::string folded_if(bool fold, const std::string& text) {
  return fold ? match::folded(text) : text;
}

}  // namespace

PredicateId Predicates::intern(Predicate predicate) {
  std::string key;
  const auto add = [&](const auto& part) {
    key.append(reinterpret_cast<const char*>(&part), sizeof part);
  };
  add(predicate.kind);
  add(predicate.field);
  add(predicate.cased);
  add(predicate.number);
  add(predicate.op);
  add(predicate.part);
  add(predicate.prefix);
  add(predicate.other);
  add(predicate.at_start);
  add(predicate.at_end);
  key.append(predicate.network.begin(), predicate.network.end());
  for (const PatternPart& part : predicate.parts) {
    add(part.kind);
    add(part.text.size());
    key += part.text;
  }
  key += predicate.text;
  const auto [it, fresh] = ids_.emplace(std::move(key), static_cast<PredicateId>(all_.size()));
  if (fresh) all_.push_back(std::move(predicate));
  return it->second;
}

PredicateId Predicates::text_predicate(Kind kind, FieldId field, std::string text) {
  Predicate p;
  p.kind = kind;
  p.field = field;
  p.text = std::move(text);
  return intern(std::move(p));
}

PredicateId Predicates::string(const Value& value, FieldId field) {
  Predicate p;
  p.field = field;
  p.cased = value.cased;
  std::vector<PatternPart> parts;
  for (const PatternPart& part : value.pattern.parts()) {
    const bool repeated =
        part.kind == PartKind::kMany && !parts.empty() && parts.back().kind == PartKind::kMany;
    if (!repeated) parts.push_back({part.kind, folded_if(!value.cased, part.text)});
  }
  // A keyword is looked for anywhere in a value.
  if (field == kAnyValue) {
    const PatternPart many{PartKind::kMany, {}};
    if (parts.empty() || parts.front().kind != PartKind::kMany) parts.insert(parts.begin(), many);
    if (parts.back().kind != PartKind::kMany) parts.push_back(many);
  }

  const auto is = [&](std::size_t i, PartKind kind) { return parts[i].kind == kind; };
  const std::size_t n = parts.size();
  if (n == 0) {
    p.kind = Kind::kEquals;
  } else if (n == 1 && is(0, PartKind::kText)) {
    p.kind = Kind::kEquals;
    p.text = parts[0].text;
  } else if (n == 1 && is(0, PartKind::kMany)) {
    return present(field);
  } else if (n == 2 && is(0, PartKind::kText) && is(1, PartKind::kMany)) {
    p.kind = Kind::kStartsWith;
    p.text = parts[0].text;
  } else if (n == 2 && is(0, PartKind::kMany) && is(1, PartKind::kText)) {
    p.kind = Kind::kEndsWith;
    p.text = parts[1].text;
  } else if (n == 3 && is(0, PartKind::kMany) && is(1, PartKind::kText) && is(2, PartKind::kMany)) {
    p.kind = Kind::kContains;
    p.text = parts[1].text;
  } else {
    p.kind = Kind::kWildcard;
    p.parts = parts;
  }
  if (p.scanned()) return intern(std::move(p));

  // The longest run of plain text must be there without regard to case.
  if (p.kind != Kind::kWildcard) {
    p.guards.push_back(text_predicate(p.kind, field, match::folded(p.text)));
  } else {
    const auto longest = std::max_element(
        parts.begin(), parts.end(),
        [](const PatternPart& a, const PatternPart& b) { return a.text.size() < b.text.size(); });
    p.guards.push_back(longest->text.empty()
                           ? present(field)
                           : text_predicate(Kind::kContains, field, match::folded(longest->text)));
  }
  return intern(std::move(p));
}

/// An expression, compiled, and words of which at least one is in everything it matches; no words:
/// none are known.
struct Predicates::Regex {
  re2::FilteredRE2 filtered;
  std::vector<std::string> words;
};

std::shared_ptr<const RE2> Predicates::compile(const std::string& text,
                                               std::vector<std::string>& words,
                                               std::string& error) {
  std::shared_ptr<Regex>& shared = regexes_[text];
  if (shared == nullptr) {
    auto fresh = std::make_shared<Regex>();
    int id = 0;
    if (fresh->filtered.Add(text, regex_options(), &id) != RE2::NoError) {
      error = regex_error(text, RE2(text, regex_options()));
      return nullptr;
    }
    fresh->words = words_of(fresh->filtered);
    shared = std::move(fresh);
  }
  words = shared->words;
  return {shared, &shared->filtered.GetRE2(0)};
}

PredicateId Predicates::regex(const Value& value, FieldId field, std::string& error) {
  Predicate p;
  p.kind = Kind::kRegex;
  p.field = field;
  p.text = regex_text(value);
  std::vector<std::string> words;
  p.regex = compile(p.text, words, error);
  if (p.regex == nullptr) return kNone;
  for (std::string& word : words)
    p.guards.push_back(text_predicate(Kind::kContains, field, std::move(word)));
  if (words.empty()) p.guards.push_back(present(field));
  return intern(std::move(p));
}

PredicateId Predicates::add(const Value& value, FieldId field, std::string& error) {
  Predicate p;
  p.field = field;
  switch (value.kind) {
    case Value::Kind::kString:
      return string(value, field);
    case Value::Kind::kRegex:
      return regex(value, field, error);
    case Value::Kind::kBool:
      return text_predicate(field == kAnyValue ? Kind::kContains : Kind::kEquals, field,
                            value.flag ? "true" : "false");
    case Value::Kind::kNumber:
      if (field == kAnyValue) {
        p.kind = Kind::kToken;
        p.text = match::folded(value.text);
        p.guards.push_back(text_predicate(Kind::kContains, field, p.text));
        return intern(std::move(p));
      }
      if (value.integral)
        return text_predicate(Kind::kEquals, field, std::to_string(value.integer));
      p.kind = Kind::kReal;
      p.number = value.number;
      break;
    case Value::Kind::kNull:
      p.kind = Kind::kNull;
      return intern(std::move(p));
    case Value::Kind::kExists: {
      p.kind = value.flag ? Kind::kExists : Kind::kNull;
      return intern(std::move(p));
    }
    case Value::Kind::kCidr:
      p.kind = Kind::kCidr;
      p.network = value.network;
      p.prefix = value.prefix;
      break;
    case Value::Kind::kCompare:
      p.kind = Kind::kCompare;
      p.op = value.op;
      p.part = value.part;
      p.number = value.number;
      break;
    case Value::Kind::kTimePart:
      p.kind = Kind::kTimePart;
      p.part = value.part;
      p.number = value.number;
      break;
    case Value::Kind::kFieldRef:
      p.kind = Kind::kFieldRef;
      p.other = fields_.intern(value.pattern.plain());
      p.at_start = value.at_start;
      p.at_end = value.at_end;
      p.cased = value.cased;
      break;
    case Value::Kind::kAnyOf:
      error = "a list of alternatives is no single value";
      return kNone;
  }
  p.guards.push_back(present(field));
  return intern(std::move(p));
}

double Predicates::cost(PredicateId id) const {
  const Predicate& p = all_[id];
  if (p.kind == Kind::kPresent) return 1e6;
  const double length = static_cast<double>(std::min<std::size_t>(p.text.size(), 24));
  const double kind = p.kind == Kind::kEquals ? 0.5 : p.kind == Kind::kContains ? 2.0 : 1.0;
  return kind * (1.0 + p.uses) * std::exp2(-length / 3.0);
}

}  // namespace rpcmarshal::sigma
