#include "sigma/engine.h"

#include <algorithm>

#include "match/contains.h"
#include "match/fold.h"

namespace rpcmarshal::sigma {

namespace {

constexpr std::uint32_t kNoLink = 0xFFFFFFFF;

}  // namespace

Engine::Engine(RuleSet rules, Diagnostics& diagnostics) : rules_(std::move(rules)) {
  for (const Rule& rule : rules_.rules) {
    if (!program_.add(rule, diagnostics)) continue;
    std::uint32_t source = 0;
    while (source < distinct_sources_.size() &&
           !(distinct_sources_[source].contains(rule.logsource) &&
             rule.logsource.contains(distinct_sources_[source]))) {
      ++source;
    }
    if (source == distinct_sources_.size()) distinct_sources_.push_back(rule.logsource);
    source_of_rule_.push_back(source);
  }
  alternatives_ = std::make_unique<Alternatives>(program_);
}

std::vector<bool> Engine::concerned(const std::vector<LogSource>& sources) const {
  std::vector<bool> out(distinct_sources_.size(), sources.empty());
  for (std::size_t i = 0; i < distinct_sources_.size(); ++i) {
    for (const LogSource& source : sources) {
      if (distinct_sources_[i].contains(source)) out[i] = true;
    }
  }
  return out;
}

Engine::Narrowed Engine::plan(const std::vector<LogSource>& sources, const KnownValues& known) {
  const std::vector<bool> concerns = concerned(sources);
  PartialEvent event(program_, *alternatives_, known);
  Residue residue;
  for (std::uint32_t rule = 0; rule < source_of_rule_.size(); ++rule) {
    if (concerns[source_of_rule_[rule]]) residue.add(program_, event, rule);
  }
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Plan>& plan = narrow_plans_[residue.key()];
  if (!plan) plan = std::make_unique<Plan>(program_, residue);
  return {std::move(residue.certain), plan.get(), std::move(residue.known)};
}

const Plan& Engine::plan(const std::vector<LogSource>& sources) {
  const std::vector<bool> concerns = concerned(sources);
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Plan>& plan = plans_[concerns];
  if (!plan) {
    std::vector<std::uint32_t> rules;
    for (std::uint32_t rule = 0; rule < source_of_rule_.size(); ++rule) {
      if (concerns[source_of_rule_[rule]]) rules.push_back(rule);
    }
    plan = std::make_unique<Plan>(program_, std::move(rules));
  }
  return *plan;
}

Matcher::Matcher(const Engine& engine)
    : program_(engine.program()),
      found_(program_.predicates.size(), 0),
      asked_(program_.predicates.size(), 0),
      evaluated_(program_.rules.size(), 0),
      of_field_(program_.fields.size()) {}

const std::vector<std::uint32_t>& Matcher::match(const Plan& plan, const EventFields& event) {
  plan_ = &plan;
  event_ = &event;
  if (++epoch_ > 0x7FFFFFF0) {
    std::fill(found_.begin(), found_.end(), 0);
    std::fill(asked_.begin(), asked_.end(), 0);
    std::fill(evaluated_.begin(), evaluated_.end(), 0);
    std::fill(of_field_.begin(), of_field_.end(), FieldValues{});
    std::fill(texts_.begin(), texts_.end(), Text{});
    epoch_ = 1;
  }
  found_list_.clear();
  matches_.clear();
  folded_size_ = joined_size_ = 0;
  numbers_.clear();
  if (texts_.size() < event.values().size()) texts_.resize(event.values().size());

  const auto links = event.links();
  if (next_link_.size() < links.size()) next_link_.resize(links.size());
  // Numbers are written out once; the buffer must not move while texts refer to it.
  numbers_.reserve(event.values().size() * 32);
  for (std::size_t i = links.size(); i-- > 0;) {
    FieldValues& values = of_field_[links[i].field];
    next_link_[i] = values.epoch == epoch_ ? values.first : kNoLink;
    values = {epoch_, static_cast<std::uint32_t>(i)};
  }
  if (const Plan::Scanner* any = plan.any_value(); any != nullptr) scan_all(*any);
  for (std::uint32_t i = 0; i < links.size(); ++i) {
    const std::int32_t scanner = plan.scanner_of(links[i].field);
    if (scanner >= 0) scan(plan.scanner(scanner), i);
  }

  const auto try_rule = [&](std::uint32_t position) {
    if (evaluated_[position] == epoch_) return;
    evaluated_[position] = epoch_;
    if (evaluate(plan.root(position))) matches_.push_back(plan.rules()[position]);
  };
  for (const PredicateId id : found_list_) {
    for (const std::uint32_t position : plan.waiting(id)) try_rule(position);
  }
  for (const std::uint32_t position : plan.always()) try_rule(position);
  std::sort(matches_.begin(), matches_.end());
  return matches_;
}

void Matcher::fold(Text& text) {
  // Folded texts are written over those of events before, which need no clearing.
  const std::size_t end = folded_size_ + text.text.size();
  if (folded_.size() < end) folded_.resize(std::max<std::size_t>(2 * end, 4096));
  text.folded_at = static_cast<std::uint32_t>(folded_size_);
  if (!match::fold_ascii(text.text, folded_.data() + folded_size_)) {
    folded_.resize(folded_size_);
    match::append_folded(folded_, text.text);
    folded_size_ = folded_.size();
  } else {
    folded_size_ = end;
  }
  text.folded_size = static_cast<std::uint32_t>(folded_size_ - text.folded_at);
}

ValueView Matcher::view(std::uint32_t index) {
  const EventValue& value = event_->values()[index];
  Text& text = texts_[index];
  if (text.epoch != epoch_) {
    text.epoch = epoch_;
    if (value.kind == EventValue::Kind::kText) {
      text.text = value.text;
    } else {
      const std::size_t at = numbers_.size();
      append_text(numbers_, value);
      text.text = std::string_view(numbers_).substr(at);
    }
    fold(text);
  }
  return {&value, text.text, folded(text)};
}

void Matcher::scan(const Plan::Scanner& scanner, std::uint32_t link) {
  const std::uint32_t index = event_->links()[link].value;
  const EventValue& value = event_->values()[index];
  std::string_view bytes = value.text;
  switch (value.kind) {
    case EventValue::Kind::kNull:
    case EventValue::Kind::kObject:
      return;
    case EventValue::Kind::kBool:
    case EventValue::Kind::kInteger:
      bytes = {reinterpret_cast<const char*>(&value.integer), sizeof value.integer};
      break;
    case EventValue::Kind::kReal:
      bytes = {reinterpret_cast<const char*>(&value.real), sizeof value.real};
      break;
    case EventValue::Kind::kText:
      break;
  }
  const std::size_t before = found_list_.size();
  const auto all = [&] {
    for (const PredicateId id : scanner.present) found(id);
    scan_text(scanner, view(index).folded);
  };
  if (bytes.size() > FoundCache::kMaxText) return all();
  const FoundCache::Key key(scanner.serial, static_cast<std::uint32_t>(value.kind), bytes);
  if (const FoundCache::Found last = cache_.find(key); last.known) {
    for (const PredicateId id : last.predicates) found(id);
    return;
  }
  all();
  // A field's other values may have found some of them before.
  const FieldValues& values = of_field_[scanner.field];
  if (values.first == link && next_link_[link] == kNoLink)
    cache_.put(key, std::span(found_list_).subspan(before));
}

void Matcher::scan_all(const Plan::Scanner& scanner) {
  const std::span<const EventValue> values = event_->values();
  bool any = false;
  for (std::uint32_t value = 0; value < values.size(); ++value) {
    if (values[value].kind == EventValue::Kind::kNull ||
        values[value].kind == EventValue::Kind::kObject)
      continue;
    any = true;
    const ValueView v = view(value);
    if (!scanner.inside_only) {
      scan_text(scanner, v.folded);
      continue;
    }
    // Most values are a word or a number: all of them are scanned at once.
    if (folded_.size() == folded_size_) folded_.resize(2 * folded_size_ + 1);
    folded_[folded_size_++] = Plan::kSeparator;
  }
  if (!any) return;
  for (const PredicateId id : scanner.present) found(id);
  if (!scanner.inside_only) return;
  joined_size_ = folded_size_;
  scan_text(scanner, std::string_view(folded_).substr(0, joined_size_));
}

void Matcher::scan_text(const Plan::Scanner& scanner, std::string_view text) {
  if (text.size() <= scanner.longest_whole && !scanner.whole.empty()) {
    const auto whole = scanner.whole.find(text);
    if (whole != scanner.whole.end()) found(whole->second);
  }
  if (!scanner.start.empty()) {
    scanner.start.scan_edge<false>(
        text, [&](std::uint32_t word) { found(scanner.start_predicates[word]); });
  }
  if (!scanner.end.empty()) {
    scanner.end.scan_edge<true>(text,
                                [&](std::uint32_t word) { found(scanner.end_predicates[word]); });
  }
  if (!scanner.inside_long.empty()) {
    scanner.inside_long.scan(text,
                             [&](std::uint32_t word) { found(scanner.long_predicates[word]); });
  }
  if (!scanner.inside.empty()) {
    scanner.inside.scan(
        text, [&](std::uint32_t word, std::size_t) { found(scanner.inside_predicates[word]); });
  }
}

bool Matcher::evaluate(std::uint32_t op) {
  const Expressions& expressions = plan_->expressions();
  const Expressions::Op& o = expressions.ops[op];
  switch (o.kind) {
    case Program::Op::Kind::kTrue:
      return true;
    case Program::Op::Kind::kPredicate:
      return holds(o.first);
    case Program::Op::Kind::kNot:
      return !evaluate(expressions.children[o.first]);
    case Program::Op::Kind::kAnd:
      for (std::uint32_t i = 0; i < o.count; ++i) {
        if (!evaluate(expressions.children[o.first + i])) return false;
      }
      return true;
    case Program::Op::Kind::kOr:
      for (std::uint32_t i = 0; i < o.count; ++i) {
        if (evaluate(expressions.children[o.first + i])) return true;
      }
      return false;
  }
  return false;
}

bool Matcher::holds(PredicateId id) {
  // Without a look at the predicate: they are many, and large.
  if (plan_->scanned(id)) return found_[id] == epoch_;
  if (asked_[id] >> 1 == epoch_) return (asked_[id] & 1) != 0;
  const Predicate& p = program_.predicates[id];
  bool possible = p.guards.empty();
  for (const PredicateId guard : p.guards) possible = possible || holds(guard);
  const bool result = possible && compute(p);
  asked_[id] = epoch_ << 1 | (result ? 1u : 0u);
  return result;
}

template <typename Visit>
bool Matcher::any_value(FieldId field, Visit&& visit) {
  if (field == kAnyValue) {
    for (std::uint32_t value = 0; value < event_->values().size(); ++value) {
      if (visit(value)) return true;
    }
    return false;
  }
  const FieldValues& values = of_field_[field];
  if (values.epoch != epoch_) return false;
  for (std::uint32_t link = values.first; link != kNoLink; link = next_link_[link]) {
    if (visit(event_->links()[link].value)) return true;
  }
  return false;
}

bool Matcher::compute(const Predicate& p) {
  const auto kind = [&](std::uint32_t value) { return event_->values()[value].kind; };
  const auto is_value = [&](std::uint32_t value) {
    return kind(value) != EventValue::Kind::kNull && kind(value) != EventValue::Kind::kObject;
  };
  switch (p.kind) {
    case Predicate::Kind::kNull:
    case Predicate::Kind::kExists: {
      const bool exists =
          any_value(p.field, [&](std::uint32_t v) { return kind(v) != EventValue::Kind::kNull; });
      return exists == (p.kind == Predicate::Kind::kExists);
    }
    case Predicate::Kind::kFieldRef:
      return any_value(p.field, [&](std::uint32_t a) {
        return is_value(a) && any_value(p.other, [&](std::uint32_t b) {
                 // view() may move the folded texts: both are made before either is looked at.
                 if (!is_value(b)) return false;
                 view(a);
                 view(b);
                 return refers(p, view(a), view(b));
               });
      });
    case Predicate::Kind::kContains:
      if (p.field == kAnyValue && !p.cased && joined_size_ != 0 &&
          p.text.find(Plan::kSeparator) == std::string::npos)
        return match::contains(std::string_view(folded_).substr(0, joined_size_), p.text);
      [[fallthrough]];
    default:
      return any_value(p.field,
                       [&](std::uint32_t v) { return is_value(v) && sigma::holds(p, view(v)); });
  }
}

std::vector<MatchedField> Matcher::explain(std::uint32_t rule,
                                           const std::vector<std::vector<MatchedField>>& known) {
  std::vector<MatchedField> out;
  out.reserve(4);
  const std::vector<std::uint32_t>& rules = plan_->rules();
  const auto at = std::lower_bound(rules.begin(), rules.end(), rule);
  if (at != rules.end() && *at == rule)
    explain(plan_->root(static_cast<std::uint32_t>(at - rules.begin())), known, out);
  return out;
}

void Matcher::explain(std::uint32_t op, const std::vector<std::vector<MatchedField>>& known,
                      std::vector<MatchedField>& out) {
  const Expressions& expressions = plan_->expressions();
  const Expressions::Op& o = expressions.ops[op];
  if (o.kind == Program::Op::Kind::kTrue) {
    if (o.first >= known.size()) return;
    for (const MatchedField& m : known[o.first]) add_matched(out, m.field, m.value);
    return;
  }
  if (o.kind == Program::Op::Kind::kNot || !evaluate(op)) return;
  if (o.kind != Program::Op::Kind::kPredicate) {
    for (std::uint32_t i = 0; i < o.count; ++i)
      explain(expressions.children[o.first + i], known, out);
    return;
  }
  const Predicate& p = program_.predicates[o.first];
  const std::string_view name =
      p.field == kAnyValue ? std::string_view() : program_.fields.name(p.field);
  any_value(p.field, [&](std::uint32_t v) {
    const EventValue::Kind kind = event_->values()[v].kind;
    if (kind == EventValue::Kind::kNull || kind == EventValue::Kind::kObject) return false;
    const ValueView value = view(v);
    const bool by_name_only = p.kind == Predicate::Kind::kPresent ||
                              p.kind == Predicate::Kind::kExists ||
                              p.kind == Predicate::Kind::kFieldRef;
    if (!by_name_only && !sigma::holds(p, value)) return false;
    add_matched(out, name, value.text);
    return true;
  });
}

}  // namespace rpcmarshal::sigma
