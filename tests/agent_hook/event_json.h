// The event the hook makes of a record, as its readers see it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "agent/hook/event_maker.h"
#include "builtin/builtin.h"

namespace rpcmarshal::agent {

inline const LoadedCatalogue& catalogue() {
  static const LoadedCatalogue loaded = load_catalogue();
  return loaded;
}

inline nlohmann::json event_of(const CallRecord& record) {
  static const ProcessFacts process{321, "C:\\Windows\\System32\\services.exe"};
  EventMaker maker(catalogue().catalogue, process);
  std::string text;
  maker.append_json(text, maker.finished(record));
  return nlohmann::json::parse(text);
}

}  // namespace rpcmarshal::agent
