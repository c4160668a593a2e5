#include "agent/common/protocol.h"

#include <algorithm>

namespace rpcmarshal::agent {

std::optional<ControlView> read_control(const ControlBlock* block, std::size_t mapped,
                                        std::uint32_t pid, std::uint64_t started) {
  if (!block || mapped < sizeof(ControlBlock) || block->magic != kControlMagic ||
      block->version != kProtocolVersion || block->size != sizeof(ControlBlock))
    return std::nullopt;
  // The writer holds it for the time of a copy; who sees it odd a hundred times sees a dead writer.
  for (int attempt = 0; attempt < 100; ++attempt) {
    const std::uint32_t before = control_sequence(*block);
    if (before & 1) continue;
    ControlView view;
    view.sequence = before;
    view.agent_pid = block->agent_pid;
    view.flags = block->flags;
    view.stale_seconds = std::clamp<std::uint32_t>(block->stale_seconds, 5, 24 * 3600);
    view.max_stub = std::clamp<std::uint32_t>(block->max_stub, 256, 16u << 20);
    view.queue_bytes = std::clamp<std::uint32_t>(block->queue_bytes, 1u << 16, 256u << 20);
    view.policy_revision = block->policy_revision;
    const std::size_t targets = std::min<std::size_t>(block->target_count, kMaxTargets);
    view.target = std::any_of(block->targets, block->targets + targets, [&](const auto& target) {
      return target.pid == pid && (target.started == 0 || target.started == started);
    });
    const std::size_t size = std::min<std::size_t>(block->policy_size, kMaxPolicy);
    view.policy.assign(block->policy, block->policy + size);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (control_sequence(*block) == before) return view;
  }
  return std::nullopt;
}

bool append_message(std::string& out, MessageType type, std::string_view payload) {
  if (payload.size() > kMaxMessage) return false;
  MessageHeader header;
  header.type = type;
  header.size = static_cast<std::uint32_t>(payload.size());
  out.append(reinterpret_cast<const char*>(&header), sizeof header);
  out += payload;
  return true;
}

bool append_message(std::string& out, MessageType type, const HookStatus& status) {
  return append_message(out, type,
                        std::string_view(reinterpret_cast<const char*>(&status), sizeof status));
}

std::optional<HookStatus> MessageReader::Message::status() const {
  HookStatus status;
  if (payload.size() != sizeof status) return std::nullopt;
  std::memcpy(&status, payload.data(), sizeof status);
  return status;
}

void MessageReader::feed(Bytes bytes) {
  if (failed_) return;
  buffer_.erase(0, at_);
  at_ = 0;
  buffer_ += as_text(bytes);
}

std::optional<MessageReader::Message> MessageReader::next() {
  MessageHeader header;
  if (failed_ || buffer_.size() - at_ < sizeof header) return std::nullopt;
  std::memcpy(&header, buffer_.data() + at_, sizeof header);
  if (header.magic != kMessageMagic || header.version != kProtocolVersion ||
      header.size > kMaxMessage) {
    failed_ = true;
    return std::nullopt;
  }
  if (buffer_.size() - at_ - sizeof header < header.size) return std::nullopt;
  const std::string_view payload =
      std::string_view(buffer_).substr(at_ + sizeof header, header.size);
  at_ += sizeof header + header.size;
  return Message{header.type, payload};
}

}  // namespace rpcmarshal::agent
