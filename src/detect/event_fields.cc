#include "detect/event_fields.h"

#include "sink/event_tree.h"

namespace rpcmarshal::detect {
namespace {

using Node = sigma::FieldTree::Node;

/// Roots of paths by which other tools' events spell a field (sigma/fields.h); no event of ours has
/// them, nor names with dots.
bool of_others(std::string_view name) {
  return name == "Event" || name == "winlog" || name.find('.') != std::string_view::npos;
}

}  // namespace

EventFieldTree::EventFieldTree(const sigma::FieldIndex& index,
                               std::span<const sigma::FieldId> needed)
    : tree_(index, needed), request_(half("request")), response_(half("response")) {
  findings_ = tree_.any_child(sigma::FieldTree::kRoot) != sigma::FieldTree::kNowhere;
  tree_.for_each_child(sigma::FieldTree::kRoot, [&](std::string_view name, Node) {
    if (name == "details") {
      details_ = true;
    } else if (name == "handles") {
      handles_ = true;
    } else if (name != "request" && name != "response") {
      findings_ = findings_ || !of_others(name);
    }
  });
}

EventFieldTree::Half EventFieldTree::half(std::string_view name) const {
  Half out;
  const Node node = tree_.child(sigma::FieldTree::kRoot, name);
  if (node == sigma::FieldTree::kNowhere) return out;
  tree_.for_each_child(node, [&](std::string_view member, Node at) {
    if (member.find('.') == std::string_view::npos) out.members.emplace_back(member, at);
  });
  out.whole = tree_.any_child(node) != sigma::FieldTree::kNowhere || !tree_.fields(node).empty() ||
              out.members.size() > kFewMembers;
  return out;
}

void EventFiller::arguments(Values& values, const EventHalf& half, const EventHalf& other,
                            std::string_view name, const EventFieldTree::Half& asked) {
  if (!half.has_values) return;
  const ndr::Value& root = half.values;
  const ndr::Value other_root = other.has_values ? other.values : ndr::Value();
  if (asked.whole) {
    if (writer_.key(name)) values.record(root, other_root);
    return;
  }
  const auto add = [&](const ndr::Value& value, Node node) {
    if (value.is_missing()) return;
    writer_.set_key(node);
    values.member(value, root, other_root);
  };
  if (asked.members.size() == 1) {
    const auto& [member, node] = asked.members.front();
    return add(root.find(member), node);
  }
  // In the order of the record: a field may be found in two places.
  std::size_t left = asked.members.size();
  for (std::size_t i = 0; left > 0 && i < root.size(); ++i) {
    const ndr::Value value = root.at(i);
    for (const auto& [member, node] : asked.members) {
      if (member != value.name()) continue;
      add(value, node);
      --left;
    }
  }
}

void EventFiller::add(const Event& event, const EventFieldTree& tree, bool header, bool all,
                      sigma::EventFields& out) {
  writer_.start(tree.tree(), out, all);
  tree::ValueTree values(writer_, presenter_, walker_, options_, event);
  writer_.begin_object();
  if (header) tree::header(writer_, event);
  if (all) {
    tree::body(writer_, event, values);
  } else {
    arguments(values, event.request, event.response, "request", tree.request_);
    arguments(values, event.response, event.request, "response", tree.response_);
    if (tree.findings_) {
      tree::findings(writer_, event, values);
    } else {
      if (tree.details_ && !event.details.empty()) tree::details(writer_, event);
      if (tree.handles_ && !event.handles.empty()) tree::handles(writer_, event);
    }
  }
  writer_.end_object();
}

}  // namespace rpcmarshal::detect
