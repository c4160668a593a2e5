#include "detect/event_fields.h"

#include "sink/event_tree.h"

namespace rpcmarshal::detect {

void EventFiller::add(const Event& event, const sigma::FieldTree& tree, bool all,
                      sigma::EventFields& out) {
  writer_.start(tree, out, all);
  tree::ValueTree values(writer_, presenter_, walker_, options_, event);
  tree::event(writer_, event, values);
}

}  // namespace rpcmarshal::detect
