// Text of a file in pieces, gzip unpacked on the way. Behind every piece lie the bytes the JSON
// parser may read.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "capture/input_file.h"

namespace rpcmarshal::logs {

class Lines {
 public:
  static constexpr std::size_t kMaxLine = 64u << 20;

  explicit Lines(std::unique_ptr<InputFile> file);

  /// The next line without its end; valid until the next call. False at the end of the file, at
  /// damage, and at a line longer than kMaxLine (error() says so).
  bool line(std::string_view& out);
  /// From the next character that is no white space (or ','), one JSON value: to the bracket that
  /// closes it. False as above; also when the value does not begin with a bracket.
  bool json_value(std::string_view& out);
  /// The first bytes of what is to come, without taking them: as many as fit one read.
  std::string_view peek();

  const std::string& error() const { return error_; }

 private:
  /// Reads more behind what is there. False when there is no more.
  bool more();

  std::unique_ptr<InputFile> file_;
  std::string buffer_;  // its capacity is beyond its size by the padding
  std::size_t at_ = 0, filled_ = 0;
  std::string error_;
};

}  // namespace rpcmarshal::logs
