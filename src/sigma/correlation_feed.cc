// What a match adds to which groups of which correlations. A correlation that fires is such a match
// itself, of those that count it.
#include <algorithm>
#include <cstring>
#include <functional>

#include "sigma/correlation.h"

namespace rpcmarshal::sigma {
namespace {

using Type = CorrelationType;

constexpr std::size_t kMaxCombinations = 16;
/// Beyond any quantity, and so far from the largest double that no sum of entries reaches it.
constexpr double kMostNumber = 1e290;

/// A key is texts one behind the other, each behind its size, so that different texts never look
/// the same.
constexpr std::size_t kTextHead = sizeof(std::uint32_t);

void append_to_key(std::string_view text, std::string& out) {
  const auto size = static_cast<std::uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof size);
  out += text;
}

/// Whether `text` stands at `at` of a key.
bool has_text_at(std::string_view key, std::size_t at, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  return key.size() - at >= kTextHead + text.size() &&
         std::memcmp(key.data() + at, &size, sizeof size) == 0 &&
         key.substr(at + kTextHead, text.size()) == text;
}

/// The texts of a key, in turn.
std::string_view take_text(std::string_view& key) {
  std::uint32_t size = 0;
  std::memcpy(&size, key.data(), sizeof size);
  const std::string_view out = key.substr(sizeof size, size);
  key.remove_prefix(sizeof size + size);
  return out;
}

}  // namespace

void Correlator::make_key(const std::vector<FieldId>& fields, const FieldTexts& values, Key& key) {
  // Most often it is that of the event before.
  bool same = key.kind == Key::Kind::kOne;
  std::size_t size = 0;
  key.kind = Key::Kind::kOne;
  for (const FieldId id : fields) {
    std::string_view text;
    const std::size_t count = values.first_of(id, text);
    if (count == 0) {
      key.kind = Key::Kind::kNone;
      return;
    }
    if (count > 1) key.kind = Key::Kind::kSeveral;
    if (same && has_text_at(key.text, size, text)) {
      size += kTextHead + text.size();
      continue;
    }
    same = false;
    key.text.resize(size);
    append_to_key(text, key.text);
    size = key.text.size();
  }
  if (!same) key.hash = Groups::hash(key.text);
}

void Correlator::make_entries(const State& state, const Feed& f, std::int64_t time,
                              const FieldTexts& values, Scratch& s) {
  s.entries.clear();
  const bool count_values = state.correlation->type == Type::kValueCount;
  const auto add = [&](std::string_view value) {
    double number = 0;
    if (count_values) {
      s.entries.push_back({time, f.position, std::hash<std::string_view>()(value), 0});
    } else if (parse_number(value, number)) {
      s.entries.push_back(
          {time, f.position, f.position, std::clamp(number, -kMostNumber, kMostNumber)});
    }
  };
  if (f.value_ids.size() == 1) {
    // Several values of one field are several things that were seen; none is nothing to count.
    std::string_view value;
    const std::size_t count = values.first_of(f.value_ids[0], value);
    if (count == 1) add(value);
    if (count > 1) {
      s.values.clear();
      values.of(f.value_ids[0], s.values);
      for (const std::string_view each : s.values) add(each);
    }
    return;
  }
  s.key.clear();
  for (const FieldId id : f.value_ids) {
    std::string_view value;
    if (values.first_of(id, value) == 0) return;
    append_to_key(value, s.key);
  }
  add(s.key);
}

void Correlator::feed(const Feed& f, std::int64_t time, const FieldTexts& values,
                      std::vector<CorrelationMatch>& out, std::size_t depth) {
  State& state = states_[f.correlation];
  if (state.correlation == nullptr || depth > kMaxDepth) return;
  Scratch& s = scratch_[depth];
  const Key& key = key_of(f.key, values, s);
  // An event without one of the fields is in no group.
  if (key.kind == Key::Kind::kNone) return;
  const Entry one{time, f.position, f.position, 0};
  std::span<const Entry> entries(&one, 1);
  if (!f.value_ids.empty()) {
    make_entries(state, f, time, values, s);
    entries = s.entries;
    if (entries.empty()) return;
  }
  if (key.kind == Key::Kind::kOne) return add(state, key.text, key.hash, entries, time, out, depth);
  feed_several(f, time, values, entries, out, depth);
}

void Correlator::feed_several(const Feed& f, std::int64_t time, const FieldTexts& values,
                              std::span<const Entry> entries, std::vector<CorrelationMatch>& out,
                              std::size_t depth) {
  State& state = states_[f.correlation];
  Scratch& s = scratch_[depth];
  s.texts.clear();
  s.options.clear();
  for (const FieldId id : keys_[f.key]) {
    const std::size_t before = s.texts.size();
    values.of(id, s.texts);
    s.options.emplace_back(before, s.texts.size());
  }
  s.chosen.clear();
  for (const auto& [from, to] : s.options) s.chosen.push_back(from);
  for (std::size_t combination = 0; combination < kMaxCombinations; ++combination) {
    s.key.clear();
    for (const std::size_t text : s.chosen) append_to_key(s.texts[text], s.key);
    add(state, s.key, Groups::hash(s.key), entries, time, out, depth);
    std::size_t i = s.chosen.size();
    while (i > 0 && ++s.chosen[i - 1] == s.options[i - 1].second) {
      s.chosen[i - 1] = s.options[i - 1].first;
      --i;
    }
    if (i == 0) return;
  }
}

void Correlator::fire(State& state, Group& group, std::int64_t time, double value,
                      std::vector<CorrelationMatch>& out, std::size_t depth) {
  const Correlation& c = *state.correlation;
  const std::size_t place = out.size();
  CorrelationMatch& match = out.emplace_back();
  match.correlation = &c;
  match.time = time;
  match.value = value;
  match.reported = !state.silent;
  std::string_view key = group.key;
  match.group.reserve(c.group_by.size());
  for (const std::string& name : c.group_by) match.group.emplace_back(name, take_text(key));

  // To a correlation of this one, its groups are the event's fields, by the names it gives them.
  const auto index = static_cast<std::size_t>(&state - states_.data());
  for (const Feed& f : of_correlation_[index]) {
    if (depth >= kMaxDepth) return;
    const auto text_of = [&](std::string_view name) {
      const std::string* out_text = nullptr;
      for (const auto& [of, text] : out[place].group) {
        if (of == name) out_text = &text;
      }
      return out_text;
    };
    FieldTexts& fields = scratch_[depth + 1].fields;
    fields.clear();
    const auto once = [&](const std::vector<FieldId>& ids, std::size_t i) {
      return std::find(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(i), ids[i]) ==
             ids.begin() + static_cast<std::ptrdiff_t>(i);
    };
    const std::vector<FieldId>& group_ids = keys_[f.key];
    for (std::size_t g = 0; g < group_ids.size(); ++g) {
      if (!once(group_ids, g)) continue;
      if (const std::string* text = text_of(f.group_fields[g]))
        fields.add_copy(group_ids[g], *text);
    }
    for (std::size_t v = 0; v < f.value_ids.size(); ++v) {
      if (!once(f.value_ids, v) || std::ranges::find(group_ids, f.value_ids[v]) != group_ids.end())
        continue;
      if (const std::string* text = text_of(states_[f.correlation].correlation->fields[v]))
        fields.add_copy(f.value_ids[v], *text);
    }
    ++scratch_[depth + 1].event;
    feed(f, time, fields, out, depth + 1);
  }
}

}  // namespace rpcmarshal::sigma
