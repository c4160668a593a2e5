#include "capture/input_file.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace rpcmarshal {
namespace {

constexpr std::size_t kBufferSize = 256u << 10;

bool is_gzip(Bytes start) {
  return start.size() >= 2 && start[0] == std::byte{0x1f} && start[1] == std::byte{0x8b};
}

}  // namespace

InputFile::InputFile(int descriptor) : descriptor_(descriptor), stored_buffer_(kBufferSize) {
  // The first two bytes decide whether this is gzip; a pipe may give one at a time.
  std::size_t have = 0;
  while (have < 2) {
    ssize_t got = ::read(descriptor_, stored_buffer_.data() + have, kBufferSize - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error_ = std::strerror(errno);
    if (got <= 0) {
      ended_ = true;
      break;
    }
    have += static_cast<std::size_t>(got);
  }
  stored_ = have;
  stored_left_ = Bytes(stored_buffer_).first(have);
  if (!is_gzip(stored_left_)) return;
  inflate_ = std::make_unique<z_stream_s>();
  if (inflateInit2(inflate_.get(), 15 + 16) != Z_OK) error_ = "cannot start zlib";
  unpacked_buffer_.resize(kBufferSize);
}

InputFile::~InputFile() {
  if (inflate_) inflateEnd(inflate_.get());
  if (descriptor_ > STDIN_FILENO) ::close(descriptor_);
}

bool InputFile::read_stored() {
  if (ended_) return false;
  for (;;) {
    ssize_t got = ::read(descriptor_, stored_buffer_.data(), stored_buffer_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error_ = std::strerror(errno);
    if (got <= 0) {
      ended_ = true;
      return false;
    }
    stored_ += static_cast<std::uint64_t>(got);
    stored_left_ = Bytes(stored_buffer_).first(static_cast<std::size_t>(got));
    return true;
  }
}

bool InputFile::inflate_some() {
  while (error_.empty()) {
    if (stored_left_.empty() && !read_stored()) {
      if (!between_members_ && error_.empty()) error_ = "the gzip data ends too early";
      return false;
    }
    z_stream_s& z = *inflate_;
    z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(stored_left_.data()));
    z.avail_in = static_cast<uInt>(stored_left_.size());
    z.next_out = reinterpret_cast<Bytef*>(unpacked_buffer_.data());
    z.avail_out = static_cast<uInt>(unpacked_buffer_.size());
    between_members_ = false;
    int result = ::inflate(&z, Z_NO_FLUSH);
    stored_left_ = stored_left_.last(z.avail_in);
    std::size_t made = unpacked_buffer_.size() - z.avail_out;
    ready_ = Bytes(unpacked_buffer_).first(made);
    if (result == Z_STREAM_END) {
      between_members_ = true;
      inflateReset(&z);
      // What follows a member is another member or padding; padding ends the file.
      if (stored_left_.empty()) read_stored();
      if (!stored_left_.empty() && stored_left_[0] != std::byte{0x1f}) {
        stored_left_ = {};
        ended_ = true;
      }
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      error_ = std::string("the gzip data is damaged (") + (z.msg ? z.msg : "unknown") + ")";
    }
    if (made > 0) return true;
  }
  return false;
}

bool InputFile::fill() {
  if (inflate_) return inflate_some();
  if (stored_left_.empty() && !read_stored()) return false;
  ready_ = stored_left_;
  stored_left_ = {};
  return true;
}

std::size_t InputFile::read(std::byte* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    if (ready_.empty() && !fill()) break;
    std::size_t now = std::min(size - done, ready_.size());
    std::memcpy(to + done, ready_.data(), now);
    ready_ = ready_.subspan(now);
    done += now;
  }
  position_ += done;
  return done;
}

Bytes InputFile::peek(std::size_t size) {
  if (ready_.empty()) fill();
  return ready_.first(std::min(size, ready_.size()));
}

}  // namespace rpcmarshal
