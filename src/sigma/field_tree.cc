#include "sigma/field_tree.h"

#include <algorithm>

namespace rpcmarshal::sigma {
namespace {

struct Edge {
  FieldIndex::Node parent;
  std::string_view key;
  FieldIndex::Node child;
};

bool less(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

}  // namespace

FieldTree::FieldTree(const FieldIndex& index, std::span<const FieldId> needed) {
  std::vector<bool> wanted(index.size(), false);
  for (const FieldId field : needed) {
    if (field < wanted.size()) wanted[field] = true;
  }
  // A place is kept when it has a needed field, or a place below it has.
  const std::size_t count = index.node_count();
  std::vector<bool> kept(count, false);
  std::vector<Node> parent(count, kNowhere);
  for (Node node = 0; node < count; ++node) {
    kept[node] = std::ranges::any_of(index.fields(node), [&](FieldId f) { return wanted[f]; });
    if (index.any_child(node) != kNowhere) parent[index.any_child(node)] = node;
  }
  std::vector<Edge> edges;
  index.for_each_child([&](Node from, std::string_view key, Node to) {
    parent[to] = from;
    edges.push_back({from, key, to});
  });
  for (std::size_t node = count; node-- > 1;) {
    if (kept[node] && parent[node] != kNowhere) kept[parent[node]] = true;
  }

  std::vector<Node> number(count, kNowhere);
  Node next = 0;
  for (std::size_t node = 0; node < count; ++node) {
    if (node == FieldIndex::kRoot || kept[node]) number[node] = next++;
  }
  places_.resize(next);
  for (Node node = 0; node < count; ++node) {
    if (number[node] == kNowhere) continue;
    Place& place = places_[number[node]];
    place.first_field = static_cast<std::uint32_t>(fields_.size());
    for (const FieldId field : index.fields(node)) {
      if (wanted[field]) fields_.push_back(field);
    }
    place.field_count = static_cast<std::uint32_t>(fields_.size()) - place.first_field;
    // A name that has a child of its own which leads nowhere must not fall to the nameless one: it
    // is kept when that is (below).
    if (index.any_child(node) != kNowhere) place.any = number[index.any_child(node)];
  }
  std::erase_if(edges, [&](const Edge& e) {
    return number[e.parent] == kNowhere ||
           (number[e.child] == kNowhere && places_[number[e.parent]].any == kNowhere);
  });
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
    return a.parent != b.parent ? a.parent < b.parent : less(a.key, b.key);
  });
  for (const Edge& e : edges) {
    Place& place = places_[number[e.parent]];
    if (place.child_count++ == 0) place.first_child = static_cast<std::uint32_t>(children_.size());
    place.keys |= std::uint64_t{1} << key_bit(e.key);
    children_.push_back({static_cast<std::uint32_t>(keys_.size()),
                         static_cast<std::uint32_t>(e.key.size()), number[e.child]});
    keys_ += e.key;
  }
}

FieldTree::Node FieldTree::search(const Place& place, std::string_view key) const {
  const auto begin = children_.begin() + place.first_child, end = begin + place.child_count;
  const auto found = std::lower_bound(begin, end, key, [&](const Child& child, std::string_view k) {
    return less(key_of(child), k);
  });
  return found != end && key_of(*found) == key ? found->node : place.any;
}

}  // namespace rpcmarshal::sigma
