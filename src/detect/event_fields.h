// Fields of one of our events straight from its values: the same that its JSON, read back, would
// give (tests/detect compares them on every recorded capture).
#pragma once

#include "detect/field_writer.h"
#include "event/event.h"
#include "sink/sink.h"

namespace rpcmarshal::detect {

class EventFiller {
 public:
  /// Adds the event's values to `out`, under the names `tree` knows; `all`: the others, too,
  /// without a field. Texts live until the next begin(). What writers withhold or cut by default is
  /// withheld and cut here.
  /// `header`: what stands at the beginning of the tree (tree::header), too; without, `tree` asks
  /// for none of it.
  void add(const Event& event, const sigma::FieldTree& tree, bool header, bool all,
           sigma::EventFields& out);
  /// A new event: `out` and the texts of the last one are cleared.
  void begin(sigma::EventFields& out) {
    out.clear();
    writer_.clear_texts();
  }
  /// For what is no Event. The value that is written is the root.
  FieldWriter& writer(const sigma::FieldTree& tree, bool all, sigma::EventFields& out) {
    writer_.start(tree, out, all);
    return writer_;
  }

 private:
  SinkOptions options_;
  Presenter presenter_{options_.present};
  ndr::Walker walker_;
  FieldWriter writer_;
};

}  // namespace rpcmarshal::detect
