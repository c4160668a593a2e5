#include "logs/json_reader.h"

#include "logs/sources.h"

namespace rpcmarshal::logs {
namespace {

/// "dce_rpc" of "/logs/dce_rpc.2026-01-01.log.gz".
std::string_view stem(std::string_view path) {
  if (const std::size_t slash = path.rfind('/'); slash != std::string_view::npos)
    path.remove_prefix(slash + 1);
  return path.substr(0, path.find('.'));
}

}  // namespace

JsonReader::JsonReader(const sigma::FieldIndex& index, Lines lines, const std::string& name)
    : LogReader(index), lines_(std::move(lines)) {
  // Whether a line is a document shows on the first one.
  const std::string_view start = lines_.peek();
  const std::string_view first = start.substr(0, start.find('\n'));
  const std::size_t last = first.find_last_not_of(" \t\r");
  by_line_ = last != std::string_view::npos && first[0] == '{' && first[last] == '}';
  // Zeek's JSON has these two in (nearly) every line, and "_path" only when a writer adds it.
  if (first.find("\"uid\":") != std::string_view::npos &&
      first.find("\"id.orig_h\":") != std::string_view::npos &&
      first.find("\"_path\":") == std::string_view::npos) {
    sources_ = zeek_sources(stem(name));
  }
}

bool JsonReader::next_document() {
  std::string_view text;
  while (by_line_ ? lines_.line(text) : lines_.json_value(text)) {
    ++line_;
    if (text.find_first_not_of(" \t") == std::string_view::npos) continue;
    if (document_.parse(text)) {
      if (document_.is_object()) return true;
      if (document_.is_array()) {
        in_array_ = true;
        return false;
      }
      skip("line " + std::to_string(line_) + " is no JSON object");
      continue;
    }
    skip((by_line_ ? "line " : "document ") + std::to_string(line_) +
         " is not valid JSON: " + document_.error());
  }
  error_ = lines_.error();
  return false;
}

bool JsonReader::next() {
  while (true) {
    if (in_array_) {
      if (document_.next_element()) break;
      in_array_ = false;
    }
    if (next_document()) break;
    if (!in_array_) return false;
  }
  document_.fill(index_, fields_, expect_all_);
  return true;
}

}  // namespace rpcmarshal::logs
