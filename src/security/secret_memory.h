// Memory for keys: pages that are not swapped out and not in core dumps (as far as the system
// allows), and wiped before they are given back. SecretKey is one key of fixed size, wiped when it
// goes.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.h"

namespace rpcmarshal {

/// Overwrites; never optimised away.
void wipe(void* memory, std::size_t size);

/// Whole pages of their own: locked (mlock(2)) and kept out of core dumps. Throws std::bad_alloc.
void* allocate_secret(std::size_t size);
/// Wipes and gives back.
void free_secret(void* memory, std::size_t size);
/// Whether every page so far could be locked; false under too low a RLIMIT_MEMLOCK.
bool secrets_are_locked();

template <typename T>
struct SecretAllocator {
  using value_type = T;
  SecretAllocator() = default;
  template <typename U>
  SecretAllocator(const SecretAllocator<U>&) {}
  T* allocate(std::size_t count) {
    return static_cast<T*>(allocate_secret(count * sizeof(T)));  // counts come from our own vectors
  }
  void deallocate(T* memory, std::size_t count) { free_secret(memory, count * sizeof(T)); }
  bool operator==(const SecretAllocator&) const { return true; }
};
using SecretText = std::vector<char, SecretAllocator<char>>;

/// A key of at most 64 bytes. `etype` is the Kerberos encryption type ([RFC3961] 8), 0 for others.
class SecretKey {
 public:
  SecretKey() = default;
  /// Longer keys are cut.
  explicit SecretKey(Bytes key, std::int32_t etype = 0) : etype_(etype) { assign(key); }
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey() { clear(); }

  void clear() {
    if (size_ != 0) wipe(bytes_.data(), bytes_.size());
    size_ = 0;
  }
  bool empty() const { return size_ == 0; }
  Bytes bytes() const { return Bytes(bytes_).first(size_); }
  std::int32_t etype() const { return etype_; }

 private:
  void assign(Bytes key) {
    size_ = static_cast<std::uint8_t>(std::min(key.size(), bytes_.size()));
    std::copy_n(key.begin(), size_, bytes_.begin());
  }
  std::array<std::byte, 64> bytes_{};
  std::uint8_t size_ = 0;
  std::int32_t etype_ = 0;
};

}  // namespace rpcmarshal
