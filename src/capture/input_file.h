// A file's bytes in order, gzip unpacked on the way (also several gzip members after each other).
// Internal to capture/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"

struct z_stream_s;

namespace rpcmarshal {

class InputFile {
 public:
  /// Takes over `descriptor`, and closes it unless it is standard input.
  explicit InputFile(int descriptor);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Copies up to `size` unpacked bytes to `to`; fewer only at the end or at damage.
  std::size_t read(std::byte* to, std::size_t size);
  /// The next unpacked bytes without taking them, at most `size` (up to 64); fewer at the end.
  Bytes peek(std::size_t size);

  const std::string& error() const { return error_; }        ///< empty when all is well
  std::uint64_t position() const { return position_; }       ///< unpacked bytes taken
  std::uint64_t stored_position() const { return stored_; }  ///< bytes read from the file
  bool gzip() const { return inflate_ != nullptr; }

 private:
  bool fill();         ///< makes ready_ non-empty; false at the end or at damage
  bool read_stored();  ///< one read(2) into stored_buffer_
  bool inflate_some();

  int descriptor_;
  bool ended_ = false;  ///< read(2) gave no more
  bool between_members_ = true;
  std::vector<std::byte> stored_buffer_;
  Bytes stored_left_;  ///< of stored_buffer_, not yet used
  std::vector<std::byte> unpacked_buffer_;
  Bytes ready_;  ///< unpacked, not yet taken
  std::unique_ptr<z_stream_s> inflate_;
  std::uint64_t position_ = 0;
  std::uint64_t stored_ = 0;
  std::string error_;
};

}  // namespace rpcmarshal
