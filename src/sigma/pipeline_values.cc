// What transformations make of values.
#include <algorithm>
#include <array>

#include "base/unicode.h"
#include "match/fold.h"
#include "match/value.h"
#include "sigma/pipeline_subject.h"

namespace rpcmarshal::sigma {
namespace {

using Kind = PipelineStep::Kind;
using Part = PatternPart::Kind;

/// Of a text that replacements made: steps that double it could go on for ever.
constexpr std::size_t kMaxText = 64 << 10;

/// Texts between which an expression matches, and what replaces each match.
struct Replaced {
  std::size_t begin = 0, end = 0;
  std::string text;
};

std::vector<Replaced> find_replacements(const RE2& regex, const std::string& rewrite,
                                        std::string_view text) {
  static constexpr int kGroups = 10;  // \0 to \9
  std::array<re2::StringPiece, kGroups> groups;
  const int count = std::min(kGroups, regex.NumberOfCapturingGroups() + 1);
  std::vector<Replaced> out;
  for (std::size_t at = 0; at <= text.size();) {
    if (!regex.Match({text.data(), text.size()}, at, text.size(), RE2::UNANCHORED, groups.data(),
                     count)) {
      break;
    }
    Replaced one;
    one.begin = static_cast<std::size_t>(groups[0].data() - text.data());
    one.end = one.begin + groups[0].size();
    regex.Rewrite(&one.text, rewrite, groups.data(), count);
    at = one.end;
    if (one.begin == one.end) {
      // Behind an empty match the next begins a character later.
      ++at;
      while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
    }
    out.push_back(std::move(one));
  }
  return out;
}

/// Text that a replacement wrote: backslashes are plain unless a wildcard is behind them.
Pattern parse_plain(std::string_view text, bool placeholders) {
  std::string doubled;
  for (std::size_t i = 0; i < text.size(); ++i) {
    doubled += text[i];
    if (text[i] != '\\') continue;
    if (i + 1 < text.size() && (text[i + 1] == '*' || text[i + 1] == '?')) {
      doubled += text[++i];
    } else {
      doubled += '\\';
    }
  }
  Pattern out = Pattern::parse(doubled);
  if (placeholders) out.mark_placeholders();
  return out;
}

void append_all(Pattern& out, const Pattern& more) {
  for (const PatternPart& part : more.parts()) out.append(part);
}

std::string change_case(const std::string& method, const std::string& text) {
  if (method == "snake_case") {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (i > 0 && text[i] >= 'A' && text[i] <= 'Z') out += '_';
      out += text[i];
    }
    return to_lower(out);
  }
  if (method == "lower") return match::folded(text);
  std::string out = text;
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

bool is_meant(const PipelineStep& step, const std::string& placeholder) {
  const bool named = std::ranges::find(step.names, placeholder) != step.names.end();
  return step.only_names ? named : !named;
}

Pattern with_wildcards(const PipelineStep& step, const Value& value) {
  Pattern out;
  for (const PatternPart& part : value.pattern.parts()) {
    if (part.kind != Part::kPlaceholder || !is_meant(step, part.text)) {
      out.append(part);
    } else if (value.kind == Value::Kind::kRegex) {
      out.append({Part::kText, ".*"});
    } else {
      out.append({Part::kMany, {}});
    }
  }
  return out;
}

Value text_value(const Item& item, const std::string& text) {
  Value out;
  out.kind = Value::Kind::kString;
  out.at = item.value_at;
  out.text = text;
  out.pattern = Pattern::parse(text);
  return out;
}

Item item_with(const Item& like, std::string field, Value value) {
  Item out;
  out.at = like.at;
  out.value_at = like.value_at;
  out.field = std::move(field);
  out.values.push_back(std::move(value));
  return out;
}

bool only_strings(const Item& item) {
  return std::ranges::all_of(item.values,
                             [](const Value& v) { return v.kind == Value::Kind::kString; });
}

std::string_view trim(std::string_view text, std::string_view characters) {
  const std::size_t begin = text.find_first_not_of(characters);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(characters) - begin + 1);
}

}  // namespace

Pattern replace_string(const PipelineStep& step, const Pattern& pattern) {
  Pattern out;
  if (step.skip_special) {
    for (const PatternPart& part : pattern.parts()) {
      if (part.kind != Part::kText) {
        out.append(part);
        continue;
      }
      std::string text = part.text;
      RE2::GlobalReplace(&text, *step.regex, step.replacement);
      if (step.interpret_special) {
        append_all(out, Pattern::parse(text));
      } else {
        out.append({Part::kText, text});
      }
    }
    return out;
  }

  // The plain form cannot tell a backslash before a wildcard from an escaped star. So only what was
  // replaced is read anew; what no match touched is taken over, character by character.
  struct Span {
    std::size_t begin, end;
    PatternPart part;
  };
  std::string plain;
  std::vector<Span> spans;
  for (const PatternPart& part : pattern.parts()) {
    const auto add = [&](PatternPart piece, std::string_view text) {
      spans.push_back({plain.size(), plain.size() + text.size(), std::move(piece)});
      plain += text;
    };
    if (part.kind != Part::kText) {
      Pattern alone;
      alone.append(part);
      add(part, alone.to_string(Pattern::Form::kPlain));
      continue;
    }
    for (const char c : part.text) {
      const std::string text = c == '*' || c == '?' ? std::string{'\\', c} : std::string(1, c);
      add({Part::kText, std::string(1, c)}, text);
    }
  }
  const bool placeholders = pattern.has_placeholders();
  std::string pending;
  const auto flush = [&] {
    append_all(out, parse_plain(pending, placeholders));
    pending.clear();
  };
  std::size_t span = 0;
  const auto keep = [&](std::size_t begin, std::size_t end) {
    for (; span < spans.size() && spans[span].begin < end; ++span) {
      const Span& s = spans[span];
      if (s.end <= begin) continue;
      if (s.begin >= begin && s.end <= end) {
        flush();
        out.append(s.part);
        continue;
      }
      const std::size_t from = std::max(s.begin, begin), to = std::min(s.end, end);
      pending += plain.substr(from, to - from);
      if (s.end > end) break;  // the rest comes behind the match
    }
  };
  std::size_t at = 0;
  for (const Replaced& one : find_replacements(*step.regex, step.replacement, plain)) {
    keep(at, one.begin);
    pending += one.text;
    at = one.end;
  }
  keep(at, plain.size());
  flush();
  return out;
}

bool convert_to_number(Value& value) {
  double number = 0;
  if (value.kind != Value::Kind::kString || value.pattern.has_wildcards() ||
      !match::parse_number(value.pattern.plain(), number)) {
    return false;
  }
  value.text = value.pattern.plain();
  value.kind = Value::Kind::kNumber;
  value.number = number;
  // Beyond this, not every whole number is a double.
  value.integral = number >= -9007199254740992.0 && number <= 9007199254740992.0 &&
                   static_cast<double>(static_cast<std::int64_t>(number)) == number;
  value.integer = value.integral ? static_cast<std::int64_t>(number) : 0;
  return true;
}

bool transform_value(const PipelineStep& step, const PlaceholderValues& values, Value& value,
                     std::vector<Value>& out, std::string& error) {
  const bool is_string = value.kind == Value::Kind::kString;
  switch (step.kind) {
    case Kind::kReplaceString: {
      if (!is_string && value.kind != Value::Kind::kNumber) break;
      if (value.pattern.to_string(Pattern::Form::kPlain).size() > kMaxText) {
        error = "the pipeline makes a text of more than 64 kB of this";
        break;
      }
      const Pattern before = is_string ? value.pattern : Pattern::literal(value.text);
      Pattern after = replace_string(step, before);
      if (after == before) break;
      out.push_back(value);
      out.back().kind = Value::Kind::kString;
      out.back().pattern = std::move(after);
      return true;
    }
    case Kind::kMapString: {
      if (!is_string) break;
      const std::string text = value.pattern.to_string(Pattern::Form::kPlain);
      for (const auto& [from, to] : step.mapping) {
        if (from != text) continue;
        for (const std::string& replacement : to) {
          out.push_back(value);
          out.back().pattern = Pattern::parse(replacement);
        }
        return true;
      }
      break;
    }
    case Kind::kSetValue: {
      const Location at = value.at;
      out.push_back(step.value);
      out.back().at = at;
      return true;
    }
    case Kind::kConvertType:
      if (step.to_number && is_string) {
        out.push_back(value);
        if (convert_to_number(out.back())) return true;
        error = "the pipeline wants a number here, and '" +
                value.pattern.to_string(Pattern::Form::kPlain) + "' is none";
        return false;
      }
      if (!step.to_number && value.kind == Value::Kind::kNumber) {
        out.push_back(value);
        out.back().kind = Value::Kind::kString;
        out.back().pattern = Pattern::literal(value.text);
        return true;
      }
      break;
    case Kind::kCase: {
      if (!is_string) break;
      Pattern changed;
      for (PatternPart part : value.pattern.parts()) {
        if (part.kind == Part::kText) part.text = change_case(step.text, part.text);
        changed.append(std::move(part));
      }
      out.push_back(value);
      out.back().pattern = std::move(changed);
      return true;
    }
    case Kind::kCased:
      if (!is_string) break;
      out.push_back(value);
      out.back().cased = true;
      return true;
    case Kind::kWildcards:
      if (!value.pattern.has_placeholders()) break;
      out.push_back(value);
      out.back().pattern = with_wildcards(step, value);
      return true;
    case Kind::kPlaceholders: {
      if (!value.pattern.has_placeholders()) break;
      std::vector<std::string> kept;
      for (const PatternPart& part : value.pattern.parts()) {
        if (part.kind == Part::kPlaceholder && !is_meant(step, part.text))
          kept.push_back(part.text);
      }
      out.push_back(value);
      return replace_placeholders(out.back(), values, error, kept);
    }
    default:
      break;
  }
  out.push_back(std::move(value));
  return false;
}

std::vector<std::vector<Item>> hash_items(const PipelineStep& step, const Item& item,
                                          std::string& error) {
  static constexpr std::pair<std::size_t, std::string_view> kLengths[] = {
      {32, "MD5"}, {40, "SHA1"}, {64, "SHA256"}, {128, "SHA512"}};
  if (item.keyword || std::ranges::find(step.names, item.field) == step.names.end() ||
      !only_strings(item)) {
    return {};
  }
  const std::vector<std::string>& known = step.mapping[0].second;
  std::vector<std::pair<std::string, Item>> by_field;
  for (const Value& value : item.values) {
    // "SHA1=5F1C...", "SHA1|5F1C...", or the hash alone, whose length says what it is.
    const std::string text = value.pattern.to_string(Pattern::Form::kPlain);
    const std::size_t split = text.find(text.find('|') != std::string::npos ? '|' : '=');
    std::string algorithm;
    std::string_view hash = text;
    if (split != std::string::npos) {
      for (const char c : trim(std::string_view(text).substr(0, split), "*"))
        algorithm += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      hash = std::string_view(text).substr(split + 1);
    }
    hash = trim(hash, "*?");
    for (const auto& [length, name] : kLengths) {
      if (split == std::string::npos && hash.size() == length) algorithm = name;
    }
    if (std::ranges::find(known, algorithm) == known.end()) continue;
    const std::string field = step.text + (step.drop_algorithm ? std::string() : algorithm);
    const auto found = std::ranges::find(by_field, field, &std::pair<std::string, Item>::first);
    Value plain = text_value(item, std::string(hash));
    if (found != by_field.end()) {
      found->second.values.push_back(std::move(plain));
    } else {
      by_field.emplace_back(field, item_with(item, field, std::move(plain)));
    }
  }
  if (by_field.empty()) error = "the pipeline finds no hash of a kind that it knows here";
  std::vector<std::vector<Item>> out;
  for (auto& [field, one] : by_field) {
    one.keyword = field == "keyword" || field.empty();
    if (one.keyword) one.field.clear();
    out.push_back({std::move(one)});
  }
  return out;
}

std::vector<std::vector<Item>> extracted_items(const PipelineStep& step, const Item& item) {
  if (!only_strings(item)) return {};
  std::vector<std::vector<Item>> out;
  std::vector<re2::StringPiece> groups(
      static_cast<std::size_t>(step.regex->NumberOfCapturingGroups()) + 1);
  bool any = false;
  for (const Value& value : item.values) {
    const std::string text = value.pattern.to_string(Pattern::Form::kPlain);
    if (!step.regex->Match(text, 0, text.size(), RE2::ANCHOR_START, groups.data(),
                           static_cast<int>(groups.size()))) {
      if (step.keep_unmatched) {
        Item kept = item_with(item, item.field, value);
        kept.keyword = item.keyword;
        out.push_back({std::move(kept)});
      }
      continue;
    }
    std::vector<Item> parts;
    for (const auto& [index, name] : step.regex->CapturingGroupNames()) {
      const std::string found(groups[static_cast<std::size_t>(index)]);
      if (found.empty()) continue;
      Value part = text_value(item, found);
      const std::string lower = to_lower(found);
      if (lower == "null" || lower == "none") {
        part.kind = Value::Kind::kNull;
      } else if (found == "0" || found[0] != '0') {
        convert_to_number(part);
      }
      parts.push_back(
          item_with(item, step.text.empty() ? name : step.text + "." + name, std::move(part)));
    }
    any = any || !parts.empty();
    if (!parts.empty()) out.push_back(std::move(parts));
  }
  return any || step.keep_unmatched ? out : std::vector<std::vector<Item>>();
}

}  // namespace rpcmarshal::sigma
