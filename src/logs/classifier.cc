#include "logs/classifier.h"

#include "logs/sources.h"

namespace rpcmarshal::logs {

void Classifier::set_sources(std::vector<sigma::LogSource> sources) {
  fixed_ = sources.empty() ? nullptr : &engine_.plan(sources);
}

std::vector<sigma::LogSource> Classifier::sources_of(const sigma::EventFields& event) {
  std::string a, b, c, d;
  const std::string_view zeek = first_text(event, known_.zeek_path, a);
  if (!zeek.empty()) return zeek_sources(zeek);
  if (!first_text(event, known_.own_event, a).empty()) return own_sources();
  const std::string_view channel = first_text(event, known_.channel, a);
  const std::string_view id = first_text(event, known_.event_id, b);
  if (channel.empty() || id.empty()) return {};
  return windows_sources(channel, first_text(event, known_.provider, c), id,
                         first_text(event, known_.event_type, d));
}

const sigma::Plan& Classifier::plan(const sigma::EventFields& event,
                                    const std::vector<sigma::LogSource>& file_sources) {
  if (fixed_ != nullptr) return *fixed_;
  key_.clear();
  if (!file_sources.empty()) {
    for (const sigma::LogSource& source : file_sources) key_ += source.to_string() + '\n';
  } else {
    // Everything sources_of() looks at.
    const std::size_t values = event.links().size();
    for (std::size_t i = 0; i < values; ++i) {
      const sigma::FieldId field = event.links()[i].field;
      if (field != known_.zeek_path && field != known_.own_event && field != known_.channel &&
          field != known_.event_id && field != known_.provider && field != known_.event_type) {
        continue;
      }
      const sigma::EventValue& value = event.values()[event.links()[i].value];
      key_ += static_cast<char>('A' + (field == known_.zeek_path   ? 0
                                       : field == known_.own_event ? 1
                                       : field == known_.channel   ? 2
                                       : field == known_.event_id  ? 3
                                       : field == known_.provider  ? 4
                                                                   : 5));
      if (field != known_.own_event) append_text(key_, value);
      key_ += '\n';
    }
  }
  const auto found = kinds_.find(key_);
  if (found != kinds_.end()) return *found->second;
  if (kinds_.size() >= kMaxKinds) kinds_.clear();
  const sigma::Plan& plan = engine_.plan(file_sources.empty() ? sources_of(event) : file_sources);
  kinds_.emplace(key_, &plan);
  return plan;
}

}  // namespace rpcmarshal::logs
