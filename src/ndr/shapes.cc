// The decoder's rarer constructions: multi-dimensional arrays, SIDs, blobs with a count, pipes; and
// the table of full pointers.
#include "ndr/machine.h"

namespace rpcmarshal::ndr {

std::uint32_t FullPointers::insert(std::uint64_t id, std::uint32_t entry) {
  const std::size_t mask = places_.size() - 1;
  std::size_t i = (id * 0x9E3779B97F4A7C15ull >> 32) & mask;
  while (places_[i].generation == generation_) {
    if (places_[i].id == id) return places_[i].entry;
    i = (i + 1) & mask;
  }
  places_[i] = {id, entry, generation_};
  ++used_;
  return kNoNode;
}

void FullPointers::grow() {
  std::vector<Place> old;
  old.swap(places_);
  places_.resize(std::max<std::size_t>(32, old.size() * 2));
  used_ = 0;
  for (const Place& place : old) {
    if (place.generation == generation_) insert(place.id, place.entry);
  }
}

std::uint32_t FullPointers::find_or_add(std::uint64_t id, std::uint32_t entry) {
  if (std::size_t{used_} * 2 >= places_.size()) grow();
  return insert(id, entry);
}

template <bool kWide, bool kSwap>
bool Machine<kWide, kSwap>::list_of_many(const Node& n, std::uint32_t node, std::uint32_t slot) {
  constexpr std::uint32_t kMost = 8;
  const Program::Extent* extent = &p_.extents[n.extents];
  const std::uint32_t dimensions = std::min(n.extent_count, kMost);
  std::uint64_t counts[kMost];
  // [C706] 14.3.3.6: all maximum counts, then offset and actual count of each dimension.
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    counts[i] = extent[i].fixed;
    if (!extent[i].conformant) continue;
    if (n.hoisted) {
      counts[i] = take_hoisted();
    } else if (!read_word(counts[i])) {
      return false;
    }
  }
  if (n.hoisted && n.lead_align > 1 && !room(n.lead_align, 0)) return false;
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    if (!extent[i].varying) continue;
    if (!room(kWord, 2 * kWord)) return false;
    counts[i] = word(at_ + kWord);
    at_ += 2 * kWord;
  }
  // An empty dimension leaves nothing on the wire, but outer lists may still be many.
  const bool empty =
      std::find(counts, counts + dimensions, std::uint64_t{0}) != counts + dimensions;
  const std::uint64_t most = empty ? kMaxEmptyElements : size_ - at_;
  std::uint64_t total = 1;
  for (std::uint32_t i = 0; i < dimensions && counts[i] > 0; ++i) {
    if (counts[i] > most || counts[i] * total > most) return fail("the stub ends within an array");
    total *= counts[i];
  }
  if (empty) total = 0;
  // Walk to the innermost list's node, whose elements are what the wire has.
  std::uint32_t level_node = node;
  std::uint32_t level_first = slot;
  std::uint64_t level_count = 1;
  for (std::uint32_t i = 0; i + 1 < dimensions; ++i) {
    const std::uint64_t children = level_count * counts[i];
    const std::uint32_t first = allocate(children);
    if (first == kNoNode) return false;
    for (std::uint64_t k = 0; k < level_count; ++k) {
      put(static_cast<std::uint32_t>(level_first + k), level_node, ValueKind::kList, at_, counts[i],
          static_cast<std::uint32_t>(first + k * counts[i]));
    }
    for (std::uint64_t k = 0; k < children; ++k) {
      put(static_cast<std::uint32_t>(first + k), nodes_[level_node].child, ValueKind::kMissing, at_,
          0, 0);
    }
    level_node = nodes_[level_node].child;
    level_first = first;
    level_count = children;
  }
  const Node& inner = nodes_[level_node];
  const std::uint64_t last = counts[dimensions - 1];
  if (inner.child == kNoNode || nodes_[inner.child].fixed) {
    const std::uint64_t stride = inner.stride;
    const std::uint64_t size = inner.child == kNoNode ? stride : nodes_[inner.child].size;
    const std::uint64_t align = inner.child == kNoNode ? stride : nodes_[inner.child].align;
    if (total > 0) {
      if (!room(align, 0)) return false;
      if (total > size_ - at_ || (total - 1) * stride + size > size_ - at_) {
        return fail("the stub ends within an array");
      }
    }
    for (std::uint64_t k = 0; k < level_count; ++k) {
      put(static_cast<std::uint32_t>(level_first + k), level_node, inner.kind,
          at_ + k * last * stride, inner.child == kNoNode ? last * stride / inner.unit : last,
          kPacked);
    }
    if (total > 0) at_ += static_cast<std::size_t>((total - 1) * stride + size);
    return true;
  }
  const std::uint32_t elements = allocate(total);
  if (elements == kNoNode) return false;
  for (std::uint64_t k = 0; k < level_count; ++k) {
    put(static_cast<std::uint32_t>(level_first + k), level_node, ValueKind::kList, at_, last,
        static_cast<std::uint32_t>(elements + (total ? k * last : 0)));
  }
  if (total > 0) push(inner.child, elements, total, slot, 0, 1);
  return true;
}

template <bool kWide, bool kSwap>
bool Machine<kWide, kSwap>::sid(const Node& n, std::uint32_t node, std::uint32_t slot) {
  std::uint64_t maximum;
  if (n.hoisted) {
    maximum = take_hoisted();
  } else if (!read_word(maximum)) {
    return false;
  }
  if (!room(4, 8)) return false;
  if (maximum > (size_ - at_ - 8) / 4) return fail("the stub ends within a SID");
  const auto declared = std::to_integer<std::uint8_t>(data_[at_ + 1]);
  if (declared != maximum) disagree(Mismatch::What::kSidLength, slot, declared, maximum);
  const std::size_t size = 8 + 4 * static_cast<std::size_t>(maximum);
  put(slot, node, ValueKind::kSid, at_, size, kPacked);
  at_ += size;
  return true;
}

/// MInterfacePointer: count, bytes. FLAGGED_WORD_BLOB: bytes, count, 16-bit units.
template <bool kWide, bool kSwap>
bool Machine<kWide, kSwap>::blob(const Node& n, std::uint32_t node, std::uint32_t slot,
                                 std::uint32_t extra) {
  std::uint64_t maximum;
  if (n.hoisted) {
    maximum = take_hoisted();
  } else if (!read_word(maximum)) {
    return false;
  }
  if (!room(4, n.size)) return false;
  const std::uint32_t declared = get<std::uint32_t>(at_ + n.size - 4);
  at_ += n.size;
  if (maximum > (size_ - at_) / n.unit) return fail("the stub ends within a string or byte array");
  if (declared != maximum) disagree(Mismatch::What::kSizeIs, slot, declared, maximum);
  put(slot, node, n.kind, at_, maximum, kPacked, extra);
  at_ += static_cast<std::size_t>(maximum) * n.unit;
  return true;
}

/// Chunks: a count, that many elements, in NDR64 the negated count again; a count of 0 ends it.
template <bool kWide, bool kSwap>
bool Machine<kWide, kSwap>::pipe(const Node& n, std::uint32_t node, std::uint32_t slot) {
  const Node& chunk = nodes_[n.child];
  const bool plain = chunk.child == kNoNode;
  const std::uint64_t size = plain ? chunk.stride : nodes_[chunk.child].size;
  const std::size_t align = plain ? chunk.stride : nodes_[chunk.child].align;
  put(slot, node, ValueKind::kList, at_, 0, tape_.size_);
  for (;;) {
    std::uint64_t count;
    if (!read_word(count)) break;
    if (count == 0) return true;
    if (!room(align, 0)) break;
    const std::uint64_t left = size_ - at_;
    if (size == 0 ? count > kMaxEmptyElements
                  : count > left || (count - 1) * chunk.stride + size > left) {
      fail("the stub ends within a pipe's chunk");
      break;
    }
    // Nothing else allocates meanwhile, so the chunks' entries stand side by side.
    const std::uint32_t entry = allocate(1);
    if (entry == kNoNode) break;
    put(entry, n.child, chunk.kind, at_, plain ? count * size / chunk.unit : count, kPacked);
    at_ += static_cast<std::size_t>((count - 1) * chunk.stride + size);
    Entry& list = tape_.entries_[slot];
    ++list.count;
    failed_ = entry;
    if constexpr (kWide) {
      std::uint64_t trailer;
      if (!read_word(trailer)) break;
      if (trailer != 0 - count) {
        at_ -= kWord;
        fail("a pipe's chunk does not end with its negated count");
        break;
      }
    }
    failed_ = slot;
  }
  // The chunks that came are kept: give_up() blanks the failed entry, so let that be an empty one.
  const std::uint32_t missing = allocate(1);
  if (missing == kNoNode) return false;
  put(missing, n.child, ValueKind::kMissing, at_, 0, 0);
  ++tape_.entries_[slot].count;
  failed_ = missing;
  return false;
}

template bool Machine<false, false>::list_of_many(const Node&, std::uint32_t, std::uint32_t);
template bool Machine<false, false>::sid(const Node&, std::uint32_t, std::uint32_t);
template bool Machine<false, false>::blob(const Node&, std::uint32_t, std::uint32_t, std::uint32_t);
template bool Machine<false, false>::pipe(const Node&, std::uint32_t, std::uint32_t);
template bool Machine<false, true>::list_of_many(const Node&, std::uint32_t, std::uint32_t);
template bool Machine<false, true>::sid(const Node&, std::uint32_t, std::uint32_t);
template bool Machine<false, true>::blob(const Node&, std::uint32_t, std::uint32_t, std::uint32_t);
template bool Machine<false, true>::pipe(const Node&, std::uint32_t, std::uint32_t);
template bool Machine<true, false>::list_of_many(const Node&, std::uint32_t, std::uint32_t);
template bool Machine<true, false>::sid(const Node&, std::uint32_t, std::uint32_t);
template bool Machine<true, false>::blob(const Node&, std::uint32_t, std::uint32_t, std::uint32_t);
template bool Machine<true, false>::pipe(const Node&, std::uint32_t, std::uint32_t);
template bool Machine<true, true>::list_of_many(const Node&, std::uint32_t, std::uint32_t);
template bool Machine<true, true>::sid(const Node&, std::uint32_t, std::uint32_t);
template bool Machine<true, true>::blob(const Node&, std::uint32_t, std::uint32_t, std::uint32_t);
template bool Machine<true, true>::pipe(const Node&, std::uint32_t, std::uint32_t);

}  // namespace rpcmarshal::ndr
