// Fields of one of our events straight from its values: the same that its JSON, read back, would
// give (tests/detect compares them on every recorded capture).
#pragma once

#include <string>
#include <vector>

#include "detect/field_writer.h"
#include "event/event.h"
#include "sink/sink.h"
#include "sink/value_tree.h"

namespace rpcmarshal::detect {

/// A FieldTree, and where in an event that leads: most ask for an argument or two, which are then
/// taken without a look at the rest.
class EventFieldTree {
 public:
  EventFieldTree(const sigma::FieldIndex& index, std::span<const sigma::FieldId> needed);

  const sigma::FieldTree& tree() const { return tree_; }

 private:
  friend class EventFiller;
  /// What is asked for of the request or the response.
  struct Half {
    std::vector<std::pair<std::string, sigma::FieldTree::Node>> members;
    bool whole = false;  ///< more than is worth picking out
  };
  static constexpr std::size_t kFewMembers = 4;
  Half half(std::string_view name) const;

  sigma::FieldTree tree_;
  Half request_, response_;
  bool details_ = false, handles_ = false;
  bool findings_ = false;  ///< perhaps something else of tree::findings()
};

class EventFiller {
 public:
  /// Adds the event's values to `out`, under the names `tree` knows; `all`: the others, too,
  /// without a field. Texts live until the next begin(). What writers withhold or cut by default is
  /// withheld and cut here.
  /// `header`: what stands at the beginning of the tree (tree::header), too; without, `tree` asks
  /// for none of it.
  void add(const Event& event, const EventFieldTree& tree, bool header, bool all,
           sigma::EventFields& out);
  /// A new event: `out` and the texts of the last one are cleared.
  void begin(sigma::EventFields& out) {
    out.clear();
    writer_.clear_texts();
  }
  /// For what is no Event. The value that is written is the root.
  FieldWriter& writer(const EventFieldTree& tree, bool all, sigma::EventFields& out) {
    writer_.start(tree.tree(), out, all);
    return writer_;
  }

 private:
  using Values = tree::ValueTree<FieldWriter>;
  void arguments(Values& values, const EventHalf& half, const EventHalf& other,
                 std::string_view name, const EventFieldTree::Half& asked);

  SinkOptions options_;
  Presenter presenter_{options_.present};
  ndr::Walker walker_;
  FieldWriter writer_;
};

}  // namespace rpcmarshal::detect
