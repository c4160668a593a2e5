#include "logs/lines.h"

#include <cstring>

#include "logs/json.h"

namespace rpcmarshal::logs {
namespace {

constexpr std::size_t kRead = 256 * 1024;

}  // namespace

Lines::Lines(std::unique_ptr<InputFile> file) : file_(std::move(file)) {}

bool Lines::more() {
  if (!error_.empty()) return false;
  if (at_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + at_, filled_ - at_);
    filled_ -= at_;
    at_ = 0;
  }
  if (filled_ > kMaxLine) {
    error_ = "a line or document of more than 64 MB: this is no log of events";
    return false;
  }
  if (buffer_.size() < filled_ + kRead + JsonDocument::kPadding)
    buffer_.resize(std::max(filled_ + kRead, filled_ * 2) + JsonDocument::kPadding);
  const std::size_t got =
      file_->read(reinterpret_cast<std::byte*>(buffer_.data() + filled_), kRead);
  filled_ += got;
  if (got == 0) error_ = file_->error();
  return got > 0;
}

std::string_view Lines::peek() {
  if (at_ == filled_) more();
  return std::string_view(buffer_).substr(at_, filled_ - at_);
}

bool Lines::line(std::string_view& out) {
  std::size_t searched = at_;
  while (true) {
    const void* end = filled_ > searched
                          ? std::memchr(buffer_.data() + searched, '\n', filled_ - searched)
                          : nullptr;
    if (end != nullptr) {
      const auto length =
          static_cast<std::size_t>(static_cast<const char*>(end) - (buffer_.data() + at_));
      out = std::string_view(buffer_).substr(at_, length);
      at_ += length + 1;
      break;
    }
    const std::size_t pending = filled_ - at_;
    if (!more()) {
      if (filled_ == at_ || !error_.empty()) return false;
      out = std::string_view(buffer_).substr(at_, filled_ - at_);
      at_ = filled_;
      break;
    }
    searched = at_ + pending;
  }
  if (out.ends_with('\r')) out.remove_suffix(1);
  return true;
}

bool Lines::json_value(std::string_view& out) {
  std::size_t depth = 0, offset = 0;  // offset: from at_, which more() may move
  bool quoted = false, escaped = false;
  while (true) {
    if (at_ + offset == filled_) {
      if (more()) continue;
      if (depth > 0 && error_.empty()) error_ = "the last document ends in the middle";
      return false;
    }
    const char c = buffer_[at_ + offset];
    if (depth == 0) {
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',') {
        ++at_;
        continue;
      }
      if (c != '{' && c != '[') {
        error_ = "expected '{' or '[' where an event should begin";
        return false;
      }
    }
    ++offset;
    if (quoted) {
      if (escaped) {
        escaped = false;
      } else if (c == '\\') {
        escaped = true;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      out = std::string_view(buffer_).substr(at_, offset);
      at_ += offset;
      return true;
    }
  }
}

}  // namespace rpcmarshal::logs
