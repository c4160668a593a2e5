// The cache of compiled programs: a table of atomic pointers per interface, filled on demand, so
// that finding a program that exists takes no lock.
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <unordered_map>

#include "ndr/decode.h"

namespace rpcmarshal::ndr {

struct Codec::Cache {
  /// Four programs per procedure: two halves in two syntaxes.
  using Slots = std::vector<std::atomic<const Program*>>;

  std::unordered_map<const Interface*, Slots> known;  // its keys never change after construction
  std::mutex mutex;
  std::deque<std::unique_ptr<Program>> programs;
  std::map<std::pair<const Procedure*, unsigned>, const Program*> others;
};

Codec::Codec(const Catalogue& catalogue)
    : catalogue_(catalogue), cache_(std::make_unique<Cache>()) {
  for (const Interface* iface : catalogue.all()) {
    cache_->known.emplace(iface, Cache::Slots(iface->procedures.size() * 4));
  }
}

Codec::~Codec() = default;

const Program* Codec::program(const Interface& iface, std::uint16_t opnum, Half half,
                              Syntax syntax) const {
  const Procedure* procedure = iface.find(opnum);
  if (!procedure || !procedure->typed || procedure->reserved || procedure->name.empty())
    return nullptr;
  const unsigned which = static_cast<unsigned>(half) * 2 + static_cast<unsigned>(syntax);
  std::atomic<const Program*>* slot = nullptr;
  if (const auto it = cache_->known.find(&iface); it != cache_->known.end()) {
    const std::size_t i = std::size_t{opnum} * 4 + which;
    if (i < it->second.size()) slot = &it->second[i];
  }
  if (slot) {
    if (const Program* found = slot->load(std::memory_order_acquire)) return found;
  }
  const std::lock_guard lock(cache_->mutex);
  if (slot) {
    if (const Program* found = slot->load(std::memory_order_acquire)) return found;
  } else if (const auto it = cache_->others.find({procedure, which}); it != cache_->others.end()) {
    return it->second;
  }
  const Program* made =
      cache_->programs.emplace_back(compile(catalogue_, iface, *procedure, half, syntax)).get();
  if (slot) {
    slot->store(made, std::memory_order_release);
  } else {
    cache_->others.emplace(std::pair{procedure, which}, made);
  }
  return made;
}

}  // namespace rpcmarshal::ndr
