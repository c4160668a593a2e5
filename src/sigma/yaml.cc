#include "sigma/yaml.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

namespace rpcmarshal::sigma {
namespace {

constexpr std::size_t kMaxNodes = 200'000;
constexpr int kMaxDepth = 32;

struct Problem {
  Location at;
  std::string message;
};

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Decides what a scalar without quotes is.
void set_type(Yaml& out) {
  const std::string& text = out.text;
  if (one_of(text, {"", "~", "null", "Null", "NULL"})) {
    out.kind = Yaml::Kind::kNull;
  } else if (one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) {
    out.kind = Yaml::Kind::kBool;
    out.boolean = true;
  } else if (one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) {
    out.kind = Yaml::Kind::kBool;
  } else {
    const bool sign = text[0] == '-' || text[0] == '+';
    const std::string_view digits = std::string_view(text).substr(sign ? 1 : 0);
    const char* end = text.data() + text.size();
    if (all_digits(digits) && (digits.size() == 1 || digits[0] != '0')) {
      const char* from = text.data() + (text[0] == '+' ? 1 : 0);
      const auto r = std::from_chars(from, end, out.integer);
      if (r.ec == std::errc() && r.ptr == end) out.kind = Yaml::Kind::kInteger;
    } else if (!sign && text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
      const auto r = std::from_chars(text.data() + 2, end, out.integer, 16);
      if (r.ec == std::errc() && r.ptr == end) out.kind = Yaml::Kind::kInteger;
    } else if (const std::size_t dot = digits.find('.'); dot != std::string_view::npos &&
                                                         all_digits(digits.substr(0, dot)) &&
                                                         (digits[0] != '0' || dot == 1)) {
      const char* from = text.data() + (text[0] == '+' ? 1 : 0);
      const auto r = std::from_chars(from, end, out.real);
      if (r.ec == std::errc() && r.ptr == end && std::isfinite(out.real))
        out.kind = Yaml::Kind::kReal;
    }
  }
}

class Converter {
 public:
  Converter(std::string_view text, std::uint32_t lines_before)
      : text_(text), lines_before_(lines_before), last_quotes_{text.rfind('"'), text.rfind('\'')} {}

  Location location(const YAML::Mark& mark) const {
    if (mark.is_null()) return {};
    return {lines_before_ + static_cast<std::uint32_t>(mark.line) + 1,
            static_cast<std::uint32_t>(mark.column) + 1};
  }

  Yaml convert(const YAML::Node& node, int depth = 0) {
    Yaml out;
    out.at = location(node.Mark());
    if (++nodes_ > kMaxNodes) throw Problem{out.at, "the document has too many values"};
    if (depth > kMaxDepth) throw Problem{out.at, "values are nested too deeply"};
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        break;
      case YAML::NodeType::Scalar:
        out.text = node.Scalar();
        out.kind = Yaml::Kind::kString;
        if (node.Tag() == "?") {
          set_type(out);
        } else if (unclosed(node.Mark())) {
          throw Problem{out.at, "this quotation mark is not closed"};
        }
        break;
      case YAML::NodeType::Sequence:
        out.kind = Yaml::Kind::kList;
        for (const YAML::Node& item : node) out.list.push_back(convert(item, depth + 1));
        break;
      case YAML::NodeType::Map:
        out.kind = Yaml::Kind::kMap;
        for (const auto& entry : node) {
          Yaml key = convert(entry.first, depth + 1);
          if (!key.is_scalar()) throw Problem{key.at, "a key must be text"};
          Yaml value = convert(entry.second, depth + 1);
          if (key.text == "<<" && value.is_map()) {
            for (const auto& [name, merged] : value.map) {
              if (out.find(name.text) == nullptr) out.map.emplace_back(name, merged);
            }
            continue;
          }
          if (out.find(key.text) != nullptr)
            throw Problem{key.at, "the key '" + key.text + "' stands here twice"};
          out.map.emplace_back(std::move(key), std::move(value));
        }
        break;
    }
    return out;
  }

 private:
  /// Whether a text begins here with the last quotation mark of its kind: the parser takes the rest
  /// of the file for it, without a word.
  bool unclosed(const YAML::Mark& mark) const {
    const auto at = static_cast<std::size_t>(mark.pos);
    return !mark.is_null() && at < text_.size() &&
           ((text_[at] == '"' && at == last_quotes_[0]) ||
            (text_[at] == '\'' && at == last_quotes_[1]));
  }

  std::string_view text_;
  std::uint32_t lines_before_;
  std::size_t last_quotes_[2];
  std::size_t nodes_ = 0;
};

/// What the parser's message means to who wrote the file; empty when it says enough.
std::string_view hint(std::string_view message) {
  struct Hint {
    std::string_view message, meaning;
  };
  static constexpr Hint kHints[] = {
      {"end of sequence flow not found", "a '[' before this has no ']'"},
      {"end of map flow not found", "a '{' before this has no '}'"},
      {"illegal map value",
       "is the line indented with a tab? YAML takes blanks only; or text with ': ' needs quotes"},
      {"end of map not found", "this line is not indented as those it belongs to"},
      {"end of sequence not found", "this line is not indented as those it belongs to"},
  };
  for (const Hint& one : kHints) {
    if (one.message == message) return one.meaning;
  }
  return {};
}

/// A line that begins a new document: "---" and then white space or nothing.
bool separates(std::string_view line) {
  return line.starts_with("---") &&
         (line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r');
}

void parse_document(std::string_view text, std::uint32_t lines_before, const std::string& file,
                    std::vector<Yaml>& out, Diagnostics& diagnostics) {
  Converter converter(text, lines_before);
  const auto error = [&](Location at, std::string message) {
    diagnostics.push_back(
        {Diagnostic::Severity::kError, file, at, std::move(message), std::string()});
  };
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    Yaml tree = converter.convert(root);
    if (!tree.is_null()) out.push_back(std::move(tree));
  } catch (const Problem& p) {
    error(p.at, p.message);
  } catch (const YAML::DeepRecursion& e) {
    error(converter.location(e.mark), "values are nested too deeply");
  } catch (const YAML::Exception& e) {
    const std::string_view meaning = hint(e.msg);
    error(converter.location(e.mark), "this is not valid YAML: " + e.msg +
                                          (meaning.empty() ? "" : ": " + std::string(meaning)));
  } catch (const std::exception& e) {
    error({lines_before + 1, 1}, std::string("this is not valid YAML: ") + e.what());
  }
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
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::size_t document = 0;
  std::uint32_t document_line = 0, line_number = 0;
  for (std::size_t at = 0; at <= text.size(); ++line_number) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const bool last = end == text.size();
    if (at != document && separates(text.substr(at, end - at))) {
      parse_document(text.substr(document, at - document), document_line, file, out, diagnostics);
      document = at;
      document_line = line_number;
    }
    if (last) break;
    at = end + 1;
  }
  parse_document(text.substr(document), document_line, file, out, diagnostics);
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
