#include "lint/finding.h"

#include <algorithm>
#include <set>

#include "base/unicode.h"

namespace rpcmarshal::lint {
namespace {

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

void member(std::string& out, std::string_view key, std::string_view text) {
  if (out.back() != '{') out += ',';
  append_json(out, key);
  out += ':';
  append_json(out, text);
}

void member(std::string& out, std::string_view key, std::uint32_t number) {
  if (out.back() != '{') out += ',';
  append_json(out, key);
  out += ':' + std::to_string(number);
}

/// Where `edit.before` begins in `line`, or npos.
std::size_t find_before(const std::string& line, const Edit& edit) {
  if (edit.at.column == 0) return std::string::npos;
  std::size_t at = edit.at.column - 1;
  if (at < line.size() && (line[at] == '\'' || line[at] == '"')) ++at;
  return at <= line.size() && line.compare(at, edit.before.size(), edit.before) == 0
             ? at
             : std::string::npos;
}

}  // namespace

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      break;
  }
  return "error";
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      static constexpr char kHex[] = "0123456789abcdef";
      if (c == '"' || c == '\\') {
        out += '\\';
        out += text[i];
      } else if (c == '\n') {
        out += "\\n";
      } else if (c < 0x20) {
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
      } else {
        out += text[i];
      }
      ++i;
      continue;
    }
    const std::size_t size = c >= 0xF0 && c < 0xF5 ? 4 : c >= 0xE0 ? 3 : c >= 0xC2 ? 2 : 1;
    bool good = size > 1 && i + size <= text.size() && c < 0xF5;
    for (std::size_t k = 1; good && k < size; ++k)
      good = (static_cast<unsigned char>(text[i + k]) & 0xC0) == 0x80;
    out += good ? text.substr(i, size) : std::string_view("\xEF\xBF\xBD");
    i += good ? size : 1;
  }
  out += '"';
}

std::string findings_text(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& f : findings) {
    out += f.file;
    if (f.at.line != 0) out += ':' + std::to_string(f.at.line);
    if (f.at.line != 0 && f.at.column != 0) out += ':' + std::to_string(f.at.column);
    out += ": ";
    out += severity_name(f.severity);
    out += ": " + f.message + " [" + f.check + "]\n";
    if (!f.fix.empty()) out += "    fix: " + f.fix + (f.edits.empty() ? "\n" : " (--fix)\n");
  }
  return out;
}

std::string findings_json(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& f : findings) {
    out += '{';
    member(out, "file", f.file);
    member(out, "line", f.at.line);
    member(out, "column", f.at.column);
    member(out, "severity", severity_name(f.severity));
    member(out, "check", f.check);
    member(out, "rule", f.rule);
    member(out, "message", f.message);
    if (!f.fix.empty()) member(out, "fix", f.fix);
    out += ",\"fixable\":";
    out += f.edits.empty() ? "false" : "true";
    out += "}\n";
  }
  return out;
}

std::string findings_sarif(const std::vector<Finding>& findings, std::string_view version) {
  std::string out =
      "{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\","
      "\"runs\":[{\"tool\":{\"driver\":{\"name\":\"rpcmarshal\",\"version\":";
  append_json(out, version);
  out += ",\"rules\":[";
  std::set<std::string> checks;
  for (const Finding& f : findings) checks.insert(f.check);
  for (const std::string& check : checks) {
    if (out.back() != '[') out += ',';
    out += "{\"id\":";
    append_json(out, check);
    out += '}';
  }
  out += "]}},\"results\":[";
  for (const Finding& f : findings) {
    if (out.back() != '[') out += ',';
    out += "\n{";
    member(out, "ruleId", f.check);
    member(out, "level", severity_name(f.severity));
    out += ",\"message\":{";
    member(out, "text", f.message + (f.fix.empty() ? "" : " Fix: " + f.fix));
    out += "},\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{";
    // A URI: the characters that have a meaning in one are encoded.
    std::string uri;
    for (const char c : f.file) {
      static constexpr std::string_view kReserved = " %?#[]\"<>\\^`{|}";
      if (kReserved.find(c) == std::string_view::npos && static_cast<unsigned char>(c) >= 0x20) {
        uri += c;
      } else {
        uri += '%';
        const auto byte = static_cast<std::byte>(c);
        append_hex(uri, Bytes(&byte, 1));
      }
    }
    member(out, "uri", uri);
    out += '}';
    if (f.at.line != 0) {
      out += ",\"region\":{";
      member(out, "startLine", f.at.line);
      if (f.at.column != 0) member(out, "startColumn", f.at.column);
      out += '}';
    }
    out += "}}]}";
  }
  out += "]}]}\n";
  return out;
}

std::string apply_edits(std::string_view text, const std::string& file,
                        const std::vector<Finding>& findings, std::size_t& applied) {
  std::vector<std::string> lines = split_lines(text);
  struct Change {
    std::uint32_t line;
    std::size_t column, size;
    std::string after;
    bool new_line;
  };
  std::vector<Change> changes;
  for (const Finding& f : findings) {
    if (f.file != file || f.edits.empty()) continue;
    std::vector<Change> mine;
    for (const Edit& edit : f.edits) {
      if (edit.at.line == 0 || edit.at.line > lines.size()) break;
      const std::string& line = lines[edit.at.line - 1];
      const bool new_line = edit.before.empty();
      const std::size_t column = new_line ? 0 : find_before(line, edit);
      if (column == std::string::npos) break;
      const bool overlaps = std::ranges::any_of(changes, [&](const Change& other) {
        if (new_line || other.new_line)
          return new_line && other.new_line && other.line == edit.at.line &&
                 other.after == edit.after;
        return other.line == edit.at.line && column < other.column + other.size &&
               other.column < column + edit.before.size();
      });
      if (overlaps) break;
      mine.push_back({edit.at.line, column, edit.before.size(), edit.after, new_line});
    }
    if (mine.size() != f.edits.size()) continue;
    ++applied;
    changes.insert(changes.end(), mine.begin(), mine.end());
  }
  // From the end of a line to its beginning: places of the others stay true.
  std::ranges::stable_sort(changes, [](const Change& a, const Change& b) {
    return a.line != b.line ? a.line > b.line : a.column > b.column;
  });
  for (const Change& change : changes) {
    std::string& line = lines[change.line - 1];
    if (!change.new_line) line.replace(change.column, change.size, change.after);
  }
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out += lines[i];
    for (const Change& change : changes) {
      if (!change.new_line || change.line != i + 1) continue;
      if (!out.ends_with('\n')) out += '\n';
      out += change.after + '\n';
    }
  }
  return out;
}

}  // namespace rpcmarshal::lint
