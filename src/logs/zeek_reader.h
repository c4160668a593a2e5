// Zeek's own log format: a header that names the columns, then one event a line, tab separated.
// [Zeek: LogAscii writer]
#pragma once

#include <string>
#include <vector>

#include "logs/lines.h"
#include "logs/reader.h"

namespace rpcmarshal::logs {

class ZeekReader : public LogReader {
 public:
  ZeekReader(const sigma::FieldIndex& index, Lines lines);

  bool next() override;
  void fill_all() override { fill(true); }
  void append_json(std::string& out) override;

 private:
  struct Column {
    std::string name;
    enum class Type : std::uint8_t { kText, kNumber, kBool } type = Type::kText;
    bool list = false;  ///< set or vector
    sigma::FieldIndex::Node node = sigma::FieldIndex::kNowhere;
  };

  void header(std::string_view line);
  void fill(bool all);
  /// The column's text without escapes; in `buffer` when it had some.
  static std::string_view plain(std::string_view text, std::string& buffer);

  Lines lines_;
  std::string separator_ = "\t", set_separator_ = ",", empty_ = "(empty)", unset_ = "-", path_;
  std::vector<Column> columns_;
  std::string line_;
  std::vector<std::string_view> cells_;
  std::vector<std::string> buffers_;
};

}  // namespace rpcmarshal::logs
