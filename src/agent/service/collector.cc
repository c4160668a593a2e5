#include "agent/service/collector.h"

#include <algorithm>

#include "agent/service/json_fields.h"

namespace rpcmarshal::agent {
namespace {

constexpr std::size_t kMaxNote = 4096;

// By EventField.
const std::vector<std::string_view> kPaths = {"ts",
                                              "operation",
                                              "interface.name",
                                              "interface.uuid",
                                              "opnum",
                                              "outcome",
                                              "action.decision",
                                              "action.rule",
                                              "client.address",
                                              "client.port",
                                              "client.pid",
                                              "user.domain",
                                              "user.name",
                                              "user.sid",
                                              "transport.protocol",
                                              "transport.pipe",
                                              "transport.endpoint"};

}  // namespace

std::optional<std::uint32_t> Collector::open(std::uint32_t pid, bool target) {
  // Anybody may connect; only who is protected has anything to say.
  if (!target || connections_.size() >= kMaxTargets) {
    ++counters_.refused;
    return std::nullopt;
  }
  while (connections_.contains(next_) || next_ == 0) ++next_;
  connections_[next_].pid = pid;
  counters_.connections = connections_.size();
  return next_++;
}

bool Collector::feed(std::uint32_t connection, Bytes bytes) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return false;
  Connection& from = found->second;
  from.reader.feed(bytes);
  bool good = true;
  while (const auto message = from.reader.next()) {
    good = take(from, *message);
    if (!good) break;
  }
  sink_.flush();
  if (!good) {
    ++counters_.broken;
    return false;
  }
  if (from.reader.failed()) ++counters_.broken;
  return !from.reader.failed();
}

bool Collector::take(Connection& from, const MessageReader::Message& message) {
  switch (message.type) {
    case MessageType::kHello:
    case MessageType::kStatus: {
      const auto status = message.status();
      // A process speaks for itself only.
      if (!status || status->pid != from.pid) {
        ++counters_.malformed;
        return false;
      }
      const HookState before = from.status ? from.status->state : HookState::kStarting;
      from.status = *status;
      if (status->state == HookState::kHooked && before != HookState::kHooked)
        sink_.hooked(*status);
      if (status->state == HookState::kReleased && before == HookState::kHooked)
        sink_.released(*status);
      return true;
    }
    case MessageType::kEvent:
      if (!json_fields(message.payload, kPaths, fields_)) {
        ++counters_.malformed;
        return true;
      }
      ++counters_.events;
      sink_.event(from.pid, message.payload, fields_);
      return true;
    case MessageType::kNote: {
      std::string text(message.payload.substr(0, kMaxNote));
      for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
      }
      sink_.note(from.pid, text);
      return true;
    }
  }
  ++counters_.malformed;
  return true;
}

void Collector::close(std::uint32_t connection) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  // A hook whose process ended says no goodbye.
  if (found->second.status && found->second.status->state == HookState::kHooked) {
    HookStatus last = *found->second.status;
    last.state = HookState::kReleased;
    sink_.released(last);
  }
  connections_.erase(found);
  counters_.connections = connections_.size();
}

std::vector<HookStatus> Collector::hooks() const {
  std::vector<HookStatus> all;
  for (const auto& [number, connection] : connections_) {
    if (connection.status) all.push_back(*connection.status);
  }
  return all;
}

}  // namespace rpcmarshal::agent
