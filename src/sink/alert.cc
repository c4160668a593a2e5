#include "sink/alert.h"

#include <algorithm>

#include "sink/sink.h"

namespace rpcmarshal {
namespace {

constexpr std::size_t kShown = 400;  ///< characters of a value in text

/// Control characters would let a value rewrite the analyst's terminal.
void append_printable(std::string& out, std::string_view text) {
  const std::size_t shown = std::min(text.size(), kShown);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto c = static_cast<std::uint8_t>(text[i]);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += ' ';
    } else if (c < 0x20 || c == 0x7F ||
               (c == 0xC2 && i + 1 < shown && static_cast<std::uint8_t>(text[i + 1]) < 0xA0)) {
      static constexpr char kHex[] = "0123456789abcdef";
      out += "\\x";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    } else {
      out += text[i];
    }
  }
  if (shown < text.size()) out += "... (" + std::to_string(text.size()) + " bytes)";
}

std::string_view level_colour(std::string_view level) {
  switch (level_rank(level)) {
    case 4:
      return "\x1b[1;31m";
    case 3:
      return "\x1b[31m";
    case 2:
      return "\x1b[33m";
    case 1:
      return "\x1b[36m";
    default:
      return "\x1b[2m";
  }
}

}  // namespace

int level_rank(std::string_view level) {
  if (level == "informational") return 0;
  if (level == "low") return 1;
  if (level == "high") return 3;
  if (level == "critical") return 4;
  return 2;
}

namespace {

void rule_members(JsonWriter& json, const Alert& rule) {
  if (!rule.rule_json.empty()) return json.raw(rule.rule_json);
  if (!rule.id.empty()) json.member("id", rule.id);
  json.member("title", rule.title);
  if (!rule.level.empty()) json.member("level", rule.level);
  if (!rule.status.empty()) json.member("status", rule.status);
  if (!rule.tags.empty()) {
    json.key("tags");
    json.begin_array();
    for (const std::string& tag : rule.tags) json.string(tag);
    json.end_array();
  }
  json.member("file", rule.file);
}

void matched_array(JsonWriter& json, std::span<const Alert::Match> matched) {
  json.begin_array();
  for (const Alert::Match& field : matched) {
    if (field.field.empty()) {
      json.raw_before_value("{\"value\":");
    } else {
      json.raw_before_value("{\"field\":");
      json.string(field.field);
      json.raw_before_value("\"value\":");
    }
    json.string(field.value);
    json.end_object();
  }
  json.end_array();
}

void matched_member(JsonWriter& json, const Alert& alert) {
  if (alert.matched.empty()) return;
  json.key("matched");
  if (!alert.matched_json.empty()) return json.raw(alert.matched_json);
  matched_array(json, alert.matched);
}

}  // namespace

std::string rule_json(const Alert& alert) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  rule_members(json, alert);
  return out.substr(1);
}

std::string matched_json(std::span<const Alert::Match> matched) {
  std::string out;
  JsonWriter json(out);
  if (!matched.empty()) matched_array(json, matched);
  return out;
}

void append_event_alerts(JsonWriter& json, std::span<const Alert> alerts) {
  json.begin_array();
  for (const Alert& alert : alerts) {
    json.begin_object();
    rule_members(json, alert);
    matched_member(json, alert);
    json.end_object();
  }
  json.end_array();
}

void append_alert_json(std::string& out, const Alert& alert, bool kind) {
  JsonWriter json(out);
  json.begin_object();
  if (alert.time != 0) {
    std::string time;
    append_time(time, alert.time);
    json.member("ts", time);
  }
  if (kind) json.member("kind", "alert");
  json.key("rule");
  json.begin_object();
  rule_members(json, alert);
  json.end_object();
  if (!alert.correlation.empty()) {
    json.key("correlation");
    json.begin_object();
    json.member("type", alert.correlation);
    json.key("value");
    json.real(alert.value);
    if (!alert.group.empty()) {
      json.key("group");
      json.begin_object();
      for (const auto& [name, value] : alert.group) {
        json.key_escaped(name);
        json.string(value);
      }
      json.end_object();
    }
    json.end_object();
  }
  matched_member(json, alert);
  if (!alert.input.empty()) json.member("input", alert.input);
  if (!alert.event.empty()) {
    json.key("event");
    json.raw(alert.event);
  }
  json.end_object();
  out += '\n';
}

void append_alert_title(std::string& out, const Alert& alert, bool colour) {
  if (colour) out += level_colour(alert.level);
  append_printable(out, alert.level.empty() ? "no level" : alert.level);
  if (colour) out += "\x1b[0m";
  out += "  ";
  append_printable(out, alert.title);
  for (const std::string& tag : alert.tags) {
    // Techniques only: "attack.t1569.002".
    if (!tag.starts_with("attack.t") || tag.size() < 12 || tag[8] < '0' || tag[8] > '9') continue;
    out += "  T";
    append_printable(out, std::string_view(tag).substr(8));
  }
}

void append_alert_text(std::string& out, const Alert& alert, bool colour) {
  if (alert.time != 0) {
    append_time(out, alert.time);
    out += "  ";
  }
  append_alert_title(out, alert, colour);
  out += '\n';
  if (!alert.correlation.empty()) {
    out += "    ";
    out += alert.correlation;
    char number[32];
    std::snprintf(number, sizeof number, " %g", alert.value);
    out += number;
    for (const auto& [name, value] : alert.group) {
      out += "  ";
      append_printable(out, name);
      out += "=";
      append_printable(out, value);
    }
    out += '\n';
  }
  for (const Alert::Match& field : alert.matched) {
    out += "    ";
    append_printable(out, field.field.empty() ? "(keyword)" : field.field);
    out += " = ";
    append_printable(out, field.value);
    out += '\n';
  }
}

}  // namespace rpcmarshal
