#include "logs/zeek_reader.h"

#include <algorithm>

#include "logs/sources.h"
#include "sink/json_writer.h"

namespace rpcmarshal::logs {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

template <typename Each>
void split(std::string_view text, std::string_view separator, Each&& each) {
  while (true) {
    const std::size_t end = separator.empty() ? std::string_view::npos : text.find(separator);
    each(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + separator.size());
  }
}

/// JSON numbers are a subset of what Zeek may write ("inf", "007").
bool is_json_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  const auto digits = [](std::string_view s) {
    return !s.empty() &&
           std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  return digits(whole) && (whole.size() == 1 || whole[0] != '0') &&
         (dot == std::string_view::npos || digits(text.substr(dot + 1)));
}

}  // namespace

ZeekReader::ZeekReader(const sigma::FieldIndex& index, Lines lines)
    : LogReader(index), lines_(std::move(lines)) {}

std::string_view ZeekReader::plain(std::string_view text, std::string& buffer) {
  if (text.find('\\') == std::string_view::npos) return text;
  buffer.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      if (text[i + 1] == '\\') {
        buffer += '\\';
        ++i;
        continue;
      }
      if (text[i + 1] == 'x' && i + 3 < text.size() && hex_digit(text[i + 2]) >= 0 &&
          hex_digit(text[i + 3]) >= 0) {
        buffer += static_cast<char>(hex_digit(text[i + 2]) * 16 + hex_digit(text[i + 3]));
        i += 3;
        continue;
      }
    }
    buffer += text[i];
  }
  return buffer;
}

void ZeekReader::header(std::string_view line) {
  std::string buffer;
  if (line.starts_with("#separator ")) {
    const std::string_view separator = plain(line.substr(11), buffer);
    if (!separator.empty()) separator_ = separator;
    return;
  }
  const std::size_t end = line.find(separator_);
  if (end == std::string_view::npos) return;
  const std::string_view name = line.substr(0, end), value = line.substr(end + separator_.size());
  if (name == "#set_separator") {
    set_separator_ = plain(value, buffer);
  } else if (name == "#empty_field") {
    empty_ = plain(value, buffer);
  } else if (name == "#unset_field") {
    unset_ = plain(value, buffer);
  } else if (name == "#path") {
    path_ = value;
    sources_ = zeek_sources(path_);
  } else if (name == "#fields") {
    columns_.clear();
    split(value, separator_, [&](std::string_view field) {
      Column column;
      column.name = field;
      column.node = index_.child(sigma::FieldIndex::kRoot, field);
      columns_.push_back(std::move(column));
    });
    buffers_.resize(columns_.size());
  } else if (name == "#types") {
    std::size_t i = 0;
    split(value, separator_, [&](std::string_view type) {
      if (i >= columns_.size()) return;
      Column& column = columns_[i++];
      column.list = type.starts_with("set[") || type.starts_with("vector[");
      if (type == "bool") {
        column.type = Column::Type::kBool;
      } else if (type == "count" || type == "int" || type == "double" || type == "interval" ||
                 type == "time" || type == "port") {
        column.type = Column::Type::kNumber;
      }
    });
  }
}

bool ZeekReader::next() {
  std::string_view line;
  while (lines_.line(line)) {
    if (line.starts_with('#')) {
      header(line);
      continue;
    }
    if (line.empty()) continue;
    cells_.clear();
    line_ = line;
    split(line_, separator_, [&](std::string_view cell) {
      if (cells_.size() <= columns_.size()) cells_.push_back(cell);
    });
    if (columns_.empty() || cells_.size() != columns_.size()) {
      skip("a line has " + std::to_string(cells_.size()) + " columns instead of " +
           std::to_string(columns_.size()));
      continue;
    }
    fill(expect_all_);
    return true;
  }
  error_ = lines_.error();
  return false;
}

void ZeekReader::fill(bool all) {
  using sigma::EventValue;
  fields_.clear();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    const auto fields = index_.fields(column.node);
    if ((fields.empty() && !all) || cells_[i] == unset_) continue;
    const auto add = [&](std::string_view text) {
      fields_.add(column.type == Column::Type::kBool ? EventValue::of_bool(text == "T")
                                                     : EventValue::of(text),
                  fields);
    };
    if (cells_[i] == empty_) {
      if (!column.list) add({});
    } else if (!column.list) {
      add(plain(cells_[i], buffers_[i]));
    } else {
      // Escapes in members of lists are rare, and a list's separator is never escaped as one.
      const std::string_view text = plain(cells_[i], buffers_[i]);
      split(text, set_separator_, add);
    }
  }
}

void ZeekReader::append_json(std::string& out) {
  JsonWriter json(out);
  json.begin_object();
  if (!path_.empty()) json.member("_path", path_);
  std::string buffer;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    if (cells_[i] == unset_) continue;
    json.key_escaped(column.name);
    const auto write = [&](std::string_view text) {
      if (column.type == Column::Type::kNumber && is_json_number(text)) {
        json.raw(text);
      } else if (column.type == Column::Type::kBool) {
        json.boolean(text == "T");
      } else {
        json.string(text);
      }
    };
    const std::string_view text =
        cells_[i] == empty_ ? std::string_view() : plain(cells_[i], buffer);
    if (column.list) {
      json.begin_array();
      if (cells_[i] != empty_) split(text, set_separator_, write);
      json.end_array();
    } else {
      write(text);
    }
  }
  json.end_object();
}

}  // namespace rpcmarshal::logs
