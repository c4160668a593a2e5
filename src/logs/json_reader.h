// JSON logs: one object per line, or objects and arrays of objects one after another.
#pragma once

#include "logs/json.h"
#include "logs/lines.h"
#include "logs/reader.h"

namespace rpcmarshal::logs {

class JsonReader : public LogReader {
 public:
  /// `name` of the file: Zeek's JSON says only there which log it is.
  JsonReader(const sigma::FieldIndex& index, Lines lines, const std::string& name);

  bool next() override;
  void fill_all() override { document_.fill(index_, fields_, true); }
  void append_json(std::string& out) override { document_.append_json(out); }

 private:
  bool next_document();

  Lines lines_;
  JsonDocument document_;
  bool by_line_ = true, in_array_ = false;
  std::uint64_t line_ = 0;
};

}  // namespace rpcmarshal::logs
