// The cache of compiled programs: a table of atomic pointers per interface, filled on demand, so
// that finding a program that exists takes no lock.
#include <array>
#include <atomic>
#include <mutex>
#include <utility>

#include "ndr/decode.h"

namespace rpcmarshal::ndr {

struct Codec::Cache {
  /// An interface that was asked for. Nodes are only ever put in front of a bucket's list.
  struct Node {
    Node(const Interface* of, Node* behind)
        : interface(of), programs(of->procedures.size() * 4), next(behind) {}
    const Interface* interface;
    /// Four per procedure: two halves in two syntaxes.
    std::vector<std::atomic<const Program*>> programs;
    Node* next;
  };

  ~Cache() {
    for (std::atomic<Node*>& bucket : buckets) {
      for (Node* node = bucket.load(); node != nullptr;) delete std::exchange(node, node->next);
    }
  }

  std::atomic<Node*>& bucket(const Interface* interface) {
    return buckets[reinterpret_cast<std::uintptr_t>(interface) / alignof(Interface) / 8 %
                   buckets.size()];
  }
  static Node* find(Node* node, const Interface* interface) {
    while (node != nullptr && node->interface != interface) node = node->next;
    return node;
  }

  std::array<std::atomic<Node*>, 256> buckets{};
  std::mutex mutex;  ///< held to add a node or a program
  std::deque<std::unique_ptr<Program>> programs;
};

Codec::Codec(const Catalogue& catalogue)
    : catalogue_(catalogue), cache_(std::make_unique<Cache>()) {}

Codec::~Codec() = default;

const Program* Codec::program(const Interface& iface, std::uint16_t opnum, Half half,
                              Syntax syntax) const {
  const Procedure* procedure = iface.find(opnum);
  if (!procedure || !procedure->typed || procedure->reserved || procedure->name.empty())
    return nullptr;
  const std::size_t slot =
      std::size_t{opnum} * 4 + static_cast<unsigned>(half) * 2 + static_cast<unsigned>(syntax);
  std::atomic<Cache::Node*>& bucket = cache_->bucket(&iface);
  Cache::Node* node = Cache::find(bucket.load(std::memory_order_acquire), &iface);
  if (node) {
    if (const Program* found = node->programs[slot].load(std::memory_order_acquire)) return found;
  }
  const std::lock_guard lock(cache_->mutex);
  if (!node) {
    Cache::Node* first = bucket.load(std::memory_order_acquire);
    node = Cache::find(first, &iface);
    if (!node) {
      node = new Cache::Node(&iface, first);
      bucket.store(node, std::memory_order_release);
    }
  }
  if (const Program* found = node->programs[slot].load(std::memory_order_acquire)) return found;
  const Program* made =
      cache_->programs.emplace_back(compile(catalogue_, iface, *procedure, half, syntax)).get();
  node->programs[slot].store(made, std::memory_order_release);
  return made;
}

}  // namespace rpcmarshal::ndr
