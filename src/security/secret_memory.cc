#include "security/secret_memory.h"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <new>

namespace rpcmarshal {
namespace {

std::atomic<bool> all_locked{true};

std::size_t whole_pages(std::size_t size) {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

}  // namespace

void wipe(void* memory, std::size_t size) { OPENSSL_cleanse(memory, size); }

void* allocate_secret(std::size_t size) {
  const std::size_t bytes = whole_pages(size);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  if (mlock(memory, bytes) != 0) all_locked = false;
  madvise(memory, bytes, MADV_DONTDUMP);
  return memory;
}

void free_secret(void* memory, std::size_t size) {
  const std::size_t bytes = whole_pages(size);
  wipe(memory, bytes);
  munmap(memory, bytes);
}

bool secrets_are_locked() { return all_locked; }

}  // namespace rpcmarshal
