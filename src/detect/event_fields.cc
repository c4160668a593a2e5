#include "detect/event_fields.h"

#include "sink/event_tree.h"

namespace rpcmarshal::detect {

void EventFiller::add(const Event& event, const sigma::FieldTree& tree, bool header, bool all,
                      sigma::EventFields& out) {
  writer_.start(tree, out, all);
  tree::ValueTree values(writer_, presenter_, walker_, options_, event);
  writer_.begin_object();
  if (header) tree::header(writer_, event);
  tree::body(writer_, event, values);
  writer_.end_object();
}

}  // namespace rpcmarshal::detect
