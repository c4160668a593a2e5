#include "sigma/yaml.h"

#include <algorithm>

#include "base/unicode.h"
#include "sigma/yaml_reader.h"

namespace rpcmarshal::sigma {
namespace {

/// Whether a line is a marker (three equal characters), then white space or nothing.
bool marks(std::string_view line, std::string_view marker) {
  return line.starts_with(marker) &&
         (line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r');
}

/// A comment, a directive (%YAML, %TAG) or nothing: may stand before '---' and belongs to what
/// follows.
bool leads(std::string_view line) {
  const std::size_t text = line.find_first_not_of(" \t\r");
  return text == std::string_view::npos || line[text] == '#' || line[0] == '%';
}

/// UTF-16 (what PowerShell's '>' writes), by its mark, or as nothing but ASCII can begin a rule.
bool from_utf16(std::string_view text, std::string& out) {
  if (text.size() < 2) return false;
  const bool marked = text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
  if (!marked && (text[0] == 0) == (text[1] == 0)) return false;
  const bool little = marked ? text[0] == '\xFF' : text[1] == 0;
  if (marked) text.remove_prefix(2);
  append_utf8(out, as_bytes(text), little ? ByteOrder::kLittle : ByteOrder::kBig);
  return true;
}

}  // namespace

const Yaml* Yaml::find(std::string_view key) const {
  for (const auto& [name, value] : map) {
    if (name.text == key) return &value;
  }
  return nullptr;
}

std::string Yaml::string(std::string_view key) const {
  const Yaml* value = find(key);
  return value != nullptr && value->is_scalar() && !value->is_null() ? value->text : std::string();
}

std::vector<Yaml> parse_yaml(std::string_view text, const std::string& file,
                             Diagnostics& diagnostics) {
  std::vector<Yaml> out;
  if (text.size() > kMaxYamlSize) {
    diagnostics.push_back({Diagnostic::Severity::kError,
                           file,
                           {},
                           "the file is larger than 8 MB: this is no rule file",
                           {}});
    return out;
  }
  std::string transcoded;
  if (from_utf16(text, transcoded)) text = transcoded;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);

  // A document ends where the next one's '---' stands, or behind its own '...': apart from the
  // others, whatever is wrong with it ends there.
  std::size_t document = 0;
  std::uint32_t document_line = 0, line_number = 0;
  const auto end_document = [&](std::size_t end) {
    YamlProblem problem = read_yaml(text.substr(document, end - document), document_line, out);
    if (!problem.message.empty())
      diagnostics.push_back(
          {Diagnostic::Severity::kError, file, problem.at, std::move(problem.message), {}});
  };
  bool began = false;  // more than comments and directives stands there
  for (std::size_t at = 0; at < text.size(); ++line_number) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::size_t next = std::min(end + 1, text.size());
    const std::string_view line = text.substr(at, end - at);
    if (marks(line, "---")) {
      if (began) {
        end_document(at);
        document = at;
        document_line = line_number;
      }
      began = true;
    } else if (marks(line, "...")) {
      if (began) end_document(next);
      document = next;
      document_line = line_number + 1;
      began = false;
    } else if (!began) {
      began = !leads(line);
    }
    at = next;
  }
  if (began) end_document(text.size());
  return out;
}

void merge_yaml(Yaml& base, const Yaml& over) {
  for (const YamlEntry& entry : over.map) {
    const Yaml &key = entry.first, &value = entry.second;
    const auto found = std::find_if(base.map.begin(), base.map.end(),
                                    [&](const YamlEntry& e) { return e.first.text == key.text; });
    if (found == base.map.end()) {
      base.map.emplace_back(key, value);
    } else if (found->second.is_map() && value.is_map()) {
      merge_yaml(found->second, value);
    } else {
      found->second = value;
    }
  }
}

}  // namespace rpcmarshal::sigma
