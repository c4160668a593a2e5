// Scores as text, JSON, and the matrix picture.
#include <algorithm>
#include <array>

#include "lint/checker.h"
#include "lint/score.h"

namespace rpcmarshal::lint {
namespace {

struct Row {
  int level;
  std::string_view name;
};
constexpr std::array kRows = {
    Row{5, "Core to (Sub-) Technique"}, Row{4, "Core to Part of (Sub-) Technique"},
    Row{3, "Core to Pre-Existing Tool or Inside Boundary"},
    Row{2, "Core to Adversary-Brought Tool or Outside Boundary"}, Row{1, "Ephemeral"}};

struct Column {
  char letter;
  std::string_view name;
};
constexpr std::array kColumns = {Column{'P', "Payload"}, Column{'H', "Header"},
                                 Column{'A', "Application"}, Column{'U', "User-mode"},
                                 Column{'K', "Kernel-mode"}};

void member(std::string& out, std::string_view key, std::string_view text) {
  if (out.back() != '{') out += ',';
  append_json(out, key);
  out += ':';
  append_json(out, text);
}

void escape_xml(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
}

/// At most `size` bytes, cut between UTF-8 characters.
std::string shortened(std::string_view text, std::size_t size) {
  if (text.size() <= size) return std::string(text);
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return std::string(text.substr(0, size)) + "...";
}

}  // namespace

std::string scores_text(const std::vector<RuleScore>& scores) {
  std::string out;
  for (const RuleScore& rule : scores) {
    out += rule.final_score.to_string() + "  " + rule.title + "  (" + rule.file + ")\n";
    out += "    analytic " + rule.analytic.to_string();
    if (rule.filter.level != 0)
      out +=
          ", filter " + rule.filter.to_string() + ", with filter " + rule.final_score.to_string();
    out += '\n';
    for (const SelectionScore& selection : rule.selections) {
      out += "    " + selection.score.to_string() + "  " + selection.name;
      if (selection.filter) out += " (filter)";
      if (!selection.can_match) out += " (never matches: does not count)";
      if (!selection.techniques.empty()) out += "  " + listed(selection.techniques, 4);
      out += '\n';
      for (const ObservableScore& o : selection.observables)
        out += "        " + o.score.to_string() + "  " + o.what + " (" + o.why + ")\n";
    }
    if (!rule.limited_by.empty()) out += "    limited by " + rule.limited_by + '\n';
    out += "    to raise it: " + rule.raise + "\n";
  }
  return out;
}

std::string scores_json(const std::vector<RuleScore>& scores) {
  std::string out;
  for (const RuleScore& rule : scores) {
    out += '{';
    member(out, "file", rule.file);
    member(out, "rule", rule.title);
    if (!rule.id.empty()) member(out, "id", rule.id);
    member(out, "logsource", rule.source);
    member(out, "score", rule.final_score.to_string());
    member(out, "analytic", rule.analytic.to_string());
    if (rule.filter.level != 0) member(out, "filter", rule.filter.to_string());
    member(out, "limited_by", rule.limited_by);
    member(out, "raise", rule.raise);
    out += ",\"selections\":[";
    for (const SelectionScore& selection : rule.selections) {
      if (out.back() != '[') out += ',';
      out += '{';
      member(out, "name", selection.name);
      member(out, "score", selection.score.to_string());
      if (selection.filter) out += ",\"filter\":true";
      if (!selection.can_match) out += ",\"never_matches\":true";
      member(out, "limited_by", selection.limited_by);
      member(out, "raise", selection.raise);
      out += ",\"techniques\":[";
      for (const std::string& technique : selection.techniques) {
        if (out.back() != '[') out += ',';
        append_json(out, technique);
      }
      out += "],\"observables\":[";
      for (const ObservableScore& o : selection.observables) {
        if (out.back() != '[') out += ',';
        out += '{';
        member(out, "observable", o.what);
        member(out, "score", o.score.to_string());
        member(out, "why", o.why);
        out += '}';
      }
      out += "]}";
    }
    out += "]}\n";
  }
  return out;
}

/// `text` in lines of at most `size` bytes, broken behind blanks where it has some; at most `most`.
std::vector<std::string> in_lines(std::string_view text, std::size_t size, std::size_t most) {
  std::vector<std::string> lines;
  while (text.size() > size && lines.size() + 1 < most) {
    std::size_t end = text.rfind(' ', size);
    if (end == std::string_view::npos || end == 0) break;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  lines.push_back(shortened(text, size));
  return lines;
}

std::string scores_svg(const std::vector<RuleScore>& scores) {
  // What stands in which cell.
  struct Entry {
    Score score;
    std::string text;
    std::vector<std::string> lines;
  };
  std::vector<Entry> entries;
  for (const RuleScore& rule : scores) {
    if (scores.size() > 1) {
      entries.push_back({rule.final_score, rule.title, {}});
      continue;
    }
    for (const SelectionScore& selection : rule.selections) {
      std::string text = selection.name;
      if (selection.filter) text += " (filter)";
      if (!selection.can_match) text += " (never matches)";
      for (const ObservableScore& o : selection.observables) text += "; " + o.what;
      entries.push_back({selection.score, text, {}});
    }
  }
  for (Entry& entry : entries) entry.lines = in_lines(entry.text, 58, 4);
  std::vector<Column> columns;
  for (const Column& column : kColumns) {
    const bool network = column.letter == 'P' || column.letter == 'H';
    const bool used = std::ranges::any_of(entries, [&](const Entry& e) {
      const bool other = e.score.column == 'P' || e.score.column == 'H';
      return e.score.level != 0 && other == network;
    });
    if (used) columns.push_back(column);
  }
  if (columns.empty()) columns.assign(kColumns.begin(), kColumns.begin() + 2);

  constexpr int kLabel = 380, kWidth = 400, kLine = 16, kTop = 60;
  constexpr std::size_t kMostLines = 64;
  std::string body;
  int y = kTop;
  for (const Row& row : kRows) {
    std::size_t most = 1;
    for (const Column& column : columns) {
      std::size_t lines = 0;
      for (const Entry& e : entries) {
        if (e.score == Score{static_cast<std::uint8_t>(row.level), column.letter})
          lines += e.lines.size();
      }
      most = std::max(most, lines);
    }
    const int height = static_cast<int>(std::min<std::size_t>(most, kMostLines + 1)) * kLine + 20;
    const auto box = [&](int x, int width, std::string_view fill) {
      body += "<rect x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\" width=\"" +
              std::to_string(width) + "\" height=\"" + std::to_string(height) + "\" fill=\"" +
              std::string(fill) + "\" stroke=\"#5b6770\"/>\n";
    };
    const auto text = [&](int x, int line, std::string_view words, std::string_view full) {
      body += "<text x=\"" + std::to_string(x + 8) + "\" y=\"" +
              std::to_string(y + 20 + line * kLine) + "\">";
      if (words != full) {
        body += "<title>";
        escape_xml(body, full);
        body += "</title>";
      }
      escape_xml(body, words);
      body += "</text>\n";
    };
    box(0, kLabel, "#e8edf1");
    const std::string label = std::to_string(row.level) + "  " + std::string(row.name);
    text(0, 0, label, label);
    int x = kLabel;
    for (const Column& column : columns) {
      box(x, kWidth, "#ffffff");
      int line = 0;
      std::size_t left = 0;
      for (const Entry& e : entries) {
        if (e.score != Score{static_cast<std::uint8_t>(row.level), column.letter}) continue;
        if (left > 0 || static_cast<std::size_t>(line) + e.lines.size() > kMostLines) {
          ++left;
          continue;
        }
        for (const std::string& words : e.lines) {
          text(words == e.lines.front() ? x : x + 12, line++, words, e.text);
        }
      }
      if (left > 0) {
        const std::string more = "and " + std::to_string(left) + " more";
        text(x, line, more, more);
      }
      x += kWidth;
    }
    y += height;
  }
  const int width = kLabel + kWidth * static_cast<int>(columns.size());
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" +
                    std::to_string(width + 2) + "\" height=\"" + std::to_string(y + 2) +
                    "\" font-family=\"sans-serif\" font-size=\"12\">\n"
                    "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  out += "<text x=\"8\" y=\"24\" font-size=\"15\" font-weight=\"bold\">";
  escape_xml(out, scores.size() == 1
                      ? shortened(scores[0].title, 90) + ": " + scores[0].final_score.to_string()
                      : std::to_string(scores.size()) + " rules");
  out += "</text>\n";
  int x = kLabel;
  for (const Column& column : columns) {
    out += "<text x=\"" + std::to_string(x + 8) + "\" y=\"50\" font-weight=\"bold\">" +
           std::string(column.name) + " (" + column.letter + ")</text>\n";
    x += kWidth;
  }
  return out + body + "</svg>\n";
}

}  // namespace rpcmarshal::lint
