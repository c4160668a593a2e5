// Which plan an event is matched with: its log sources are looked up once for each kind of event.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "logs/known_fields.h"
#include "sigma/engine.h"

namespace rpcmarshal::logs {

class Classifier {
 public:
  Classifier(sigma::Engine& engine, const KnownFields& known) : engine_(engine), known_(known) {}

  /// Every event is of these sources, whatever it says itself.
  void set_sources(std::vector<sigma::LogSource> sources);

  /// `file_sources`: LogReader::sources(). An event that nothing is known of gets every rule.
  const sigma::Plan& plan(const sigma::EventFields& event,
                          const std::vector<sigma::LogSource>& file_sources);

 private:
  std::vector<sigma::LogSource> sources_of(const sigma::EventFields& event);

  static constexpr std::size_t kMaxKinds = 65536;  ///< event ids are the sender's choice

  sigma::Engine& engine_;
  const KnownFields& known_;
  const sigma::Plan* fixed_ = nullptr;
  std::unordered_map<std::string, const sigma::Plan*> kinds_;
  std::string key_, buffer_;
};

}  // namespace rpcmarshal::logs
