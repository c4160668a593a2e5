#include "sigma/yaml_problem.h"

#include <algorithm>
#include <cstdio>

#include "sigma/yaml_places.h"

namespace rpcmarshal::sigma {
namespace {

constexpr std::string_view kStart = "this is not valid YAML: ";

/// Bytes that are no characters, or none that YAML allows.
YamlProblem bad_character(const yaml_parser_t& parser, std::string_view text,
                          std::uint32_t lines_before) {
  const std::string_view before = text.substr(0, std::min(parser.problem_offset, text.size()));
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const Location at = {
      lines_before + static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n')) + 1,
      static_cast<std::uint32_t>(before.size() - line_start) + 1};
  char value[16];
  if (std::string_view(parser.problem) == "control characters are not allowed") {
    std::snprintf(value, sizeof value, "U+%04X", static_cast<unsigned>(parser.problem_value));
    return {at, std::string(kStart) + "the character " + value +
                    " may not stand here; in a text with double quotes it can be written \\u..."};
  }
  return {at, std::string(kStart) + "this is no UTF-8 (" + parser.problem +
                  "); save the file as UTF-8"};
}

struct Hint {
  std::string_view problem;
  std::string_view context;  ///< empty: any
  std::string_view meaning;
};

constexpr std::string_view kBackslash =
    "in double quotes a backslash begins an escape; paths stand in single quotes, or double it";
constexpr Hint kHints[] = {
    {"did not find expected ',' or ']'", "", "a '[' before this has no ']', or a ',' is missing"},
    {"did not find expected ',' or '}'", "", "a '{' before this has no '}', or a ',' is missing"},
    {"did not find expected key", "", "this line is not indented as those it belongs to"},
    {"did not find expected '-' indicator", "", "this line is not indented as those it belongs to"},
    {"did not find expected <document start>", "",
     "this does not belong to what stands before it: is it indented as that?"},
    {"mapping values are not allowed in this context", "",
     "text with ': ' needs quotes; or this line is indented too far, or the one before has no ':'"},
    {"could not find expected ':'", "", "a line with a key, a ':' and a value is expected here"},
    {"block sequence entries are not allowed in this context", "",
     "a list begins on a line of its own"},
    {"found unknown escape character", "", kBackslash},
    {"did not find expected hexdecimal number", "", kBackslash},
    {"", "while scanning an alias", "text that begins with '*' needs quotes"},
    {"", "while scanning an anchor", "text that begins with '&' needs quotes"},
    {"", "while scanning a tag", "text that begins with '!' needs quotes"},
    {"", "while parsing a tag", "text that begins with '!' needs quotes"},
    {"found undefined tag handle", "", "text that begins with '!' needs quotes"},
    {"did not find expected node content", "",
     "text that begins with ',', ']' or '}' needs quotes; or a value is missing here"},
    {"mapping keys are not allowed in this context", "", "text that begins with '? ' needs quotes"},
    {"", "while scanning a directive", "text that begins with '%' needs quotes"},
    {"did not find expected comment or line break", "while scanning a block scalar",
     "text that begins with '|' or '>' needs quotes"},
};

}  // namespace

YamlProblem explain(const yaml_parser_t& parser, std::string_view text,
                    std::uint32_t lines_before) {
  if (parser.error == YAML_MEMORY_ERROR) return {{}, "there is no memory for this file"};
  if (parser.problem == nullptr)
    return {{lines_before + 1, 1}, std::string(kStart) + "it cannot be read"};
  if (parser.error == YAML_READER_ERROR) return bad_character(parser, text, lines_before);
  const std::string_view problem = parser.problem;
  const std::string_view context = parser.context != nullptr ? parser.context : "";
  const auto place = [&](const yaml_mark_t& mark) {
    return YamlPlaces(text, lines_before).of(mark);
  };
  if (context == "while scanning a quoted scalar" &&
      (problem == "found unexpected end of stream" ||
       problem == "found unexpected document indicator"))
    return {place(parser.context_mark), "this quotation mark is not closed"};

  std::string message = std::string(kStart) + parser.problem;
  const std::size_t offset = YamlPlaces(text, 0).offset_of(parser.problem_mark);
  const std::string_view before = text.substr(0, offset), rest = text.substr(offset);
  if (problem == "found character that cannot start any token" && !rest.empty()) {
    message += rest[0] == '\t'
                   ? ": is the line indented with a tab? YAML takes blanks only"
                   : std::string(": text that begins with '") + rest[0] + "' needs quotes";
    return {place(parser.problem_mark), std::move(message)};
  }
  if (parser.error == YAML_PARSER_ERROR && (before.ends_with('"') || before.ends_with('\''))) {
    message +=
        ": a text in quotes ends right before this; quotation marks within it are doubled ('') or "
        "stand behind a backslash (\\\"), or the one that ends another text is missing";
    return {place(parser.problem_mark), std::move(message)};
  }
  // Of text that was taken for an alias, an anchor or a tag, its beginning.
  const bool named = context == "while scanning an alias" ||
                     context == "while scanning an anchor" || context == "while scanning a tag";
  for (const Hint& hint : kHints) {
    if ((hint.problem.empty() || hint.problem == problem) &&
        (hint.context.empty() || hint.context == context)) {
      message += ": " + std::string(hint.meaning);
      break;
    }
  }
  return {place(named ? parser.context_mark : parser.problem_mark), std::move(message)};
}

}  // namespace rpcmarshal::sigma
