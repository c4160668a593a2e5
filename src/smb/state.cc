#include "smb/state.h"

#include <algorithm>

#include "base/unicode.h"

namespace rpcmarshal {
namespace {

constexpr std::size_t kMaxPath = 4096;  // bytes of a path that are kept

// A pipe's name as the field writes it: "\pipe\" and what the client asked for. Clients send the
// name with and without a leading backslash, and SMB1 clients also with "\PIPE\" before it.
std::string pipe_name(std::string_view path) {
  while (path.starts_with('\\')) path.remove_prefix(1);
  if (path.size() >= 5 && equal_ignoring_case(path.substr(0, 5), "pipe\\")) path.remove_prefix(5);
  return path.empty() ? std::string() : "\\pipe\\" + std::string(path);
}

bool is_pipe_share(std::string_view tree) {
  return tree.size() >= 4 && equal_ignoring_case(tree.substr(tree.size() - 4), "IPC$");
}

}  // namespace

Payload payload_at(Bytes message, std::uint64_t offset, std::uint64_t size) {
  if (offset >= message.size()) return {{}, size};
  std::uint64_t have = std::min<std::uint64_t>(size, message.size() - offset);
  return {message.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(have)),
          size - have};
}

bool starts_like_dce(Bytes data) {
  if (data.size() < 16) return false;
  auto u8 = [&](std::size_t at) { return std::to_integer<std::uint8_t>(data[at]); };
  if (u8(0) != 5 || u8(1) > 1 || u8(2) > 19 || (u8(4) & 0xee) != 0 || u8(5) > 3) return false;
  auto order = (u8(4) & 0xf0) ? ByteOrder::kLittle : ByteOrder::kBig;
  auto length = load<std::uint16_t>(data.data() + 8, order);
  auto verifier = load<std::uint16_t>(data.data() + 10, order);
  return length >= 16 && verifier <= length - 16;
}

SmbSessionState& SmbState::session(std::uint64_t id) {
  auto found = sessions_.find(id);
  if (found != sessions_.end()) return found->second;
  if (sessions_.size() >= kMaxSessions) {
    ++statistics.limits;
    sessions_.erase(sessions_.begin());
  }
  SmbSessionState& state = sessions_[id];
  state.session = std::make_shared<SmbSession>();
  state.session->id = id;
  state.session->dialect = dialect_;
  return state;
}

std::shared_ptr<SmbSession> SmbState::find_session(std::uint64_t id) const {
  auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.session;
}

SmbProtection* SmbState::find_protection(std::uint64_t id) const {
  auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.protection.get();
}

void SmbState::end_session(std::uint64_t id, Timestamp time) {
  for (auto it = handles_.begin(); it != handles_.end();) {
    auto here = it++;
    if (here->key.session == id) end_handle(here, time);
  }
  std::erase_if(trees_, [&](const auto& tree) { return tree.first.first == id; });
  sessions_.erase(id);
}

void SmbState::set_dialect(std::uint16_t dialect) {
  dialect_ = dialect;
  for (auto& [id, state] : sessions_) state.session->dialect = dialect;
}

void SmbState::add_tree(std::uint64_t session, std::uint32_t id, SmbTree tree) {
  if (trees_.size() >= kMaxTrees) {
    ++statistics.limits;
    trees_.erase(trees_.begin());
  }
  if (tree.path.size() > kMaxPath) tree.path.resize(kMaxPath);
  trees_[{session, id}] = std::move(tree);
}

const SmbTree* SmbState::find_tree(std::uint64_t session, std::uint32_t id) const {
  auto found = trees_.find({session, id});
  return found == trees_.end() ? nullptr : &found->second;
}

void SmbState::end_tree(std::uint64_t session, std::uint32_t id, Timestamp time) {
  for (auto it = handles_.begin(); it != handles_.end();) {
    auto here = it++;
    if (here->key.session == session && here->tree_id == id) end_handle(here, time);
  }
  trees_.erase({session, id});
}

SmbHandle* SmbState::look_up(const HandleKey& key) {
  auto found = index_.find(key);
  return found == index_.end() ? nullptr : &*found->second;
}

SmbHandle& SmbState::open(const HandleKey& key, std::uint32_t tree_id, std::string path,
                          HandleKind kind, Timestamp time) {
  close(key, time);
  if (handles_.size() >= kMaxHandles) {
    ++statistics.limits;
    end_handle(handles_.begin(), time);
  }
  handles_.emplace_back();
  SmbHandle& handle = handles_.back();
  index_[key] = std::prev(handles_.end());
  handle.key = key;
  handle.tree_id = tree_id;
  if (const SmbTree* tree = find_tree(key.session, tree_id)) {
    handle.tree = tree->path;
    handle.on_pipes = is_pipe_share(tree->path);
  }
  if (path.size() > kMaxPath) path.resize(kMaxPath);
  handle.path = std::move(path);
  handle.kind = kind;
  handle.session = session(key.session).session;
  if (kind == HandleKind::kPipe) begin_pipe(handle);
  return handle;
}

void SmbState::begin_pipe(SmbHandle& handle) {
  ++statistics.pipes;
  PipeInfo info;
  info.name = pipe_name(handle.path);
  info.tree = handle.tree;
  info.session = handle.session;
  info.opened_in_capture = handle.opened_in_capture;
  handle.routes = std::make_shared<SmbRoutes>();
  info.routes = handle.routes;
  handle.stream = pipes_ ? pipes_(info) : nullptr;
  handle.kind = handle.stream ? HandleKind::kPipe : HandleKind::kFile;
  if (handle.stream) ++open_pipes_;
}

void SmbState::end_handle(Handles::iterator it, Timestamp time) {
  if (it->stream) {
    it->stream->on_end(time);
    stream_memory_ -= it->charged;
    --open_pipes_;
  }
  if (last_ == &*it) last_ = nullptr;
  index_.erase(it->key);
  handles_.erase(it);
}

void SmbState::close(const HandleKey& key, Timestamp time) {
  auto found = index_.find(key);
  if (found != index_.end()) end_handle(found->second, time);
}

SmbHandle* SmbState::only_pipe() {
  if (open_pipes_ != 1) return nullptr;
  auto it = std::find_if(handles_.begin(), handles_.end(),
                         [](const SmbHandle& h) { return h.stream != nullptr; });
  return it == handles_.end() ? nullptr : &*it;
}

bool SmbState::wants(const HandleKey& key, Bytes start) {
  const SmbHandle* handle = find(key);
  if (!handle || handle->kind == HandleKind::kUnknown) return starts_like_dce(start);
  return handle->kind == HandleKind::kPipe;
}

void SmbState::transfer(const HandleKey& key, std::uint32_t tree_id, bool from_client,
                        Timestamp time, const Payload& payload, bool certain) {
  SmbHandle* handle = find(key);
  if (!handle || handle->kind == HandleKind::kUnknown) {
    if (!certain && !starts_like_dce(payload.data)) return;
    if (!handle) {
      handle = &open(key, tree_id, "", HandleKind::kUnknown, time);
      handle->opened_in_capture = false;
    }
    begin_pipe(*handle);
  }
  if (!handle->stream) return;
  Direction direction = from_client ? Direction::kForward : Direction::kBackward;
  if (!handle->routes->empty() || !(route_ == home_)) handle->routes->add(time, route_);
  if (!payload.data.empty()) handle->stream->on_data(direction, time, payload.data);
  if (payload.missing > 0) handle->stream->on_gap(direction, time, payload.missing);
  std::size_t now = handle->stream->memory();
  stream_memory_ = stream_memory_ - handle->charged + now;
  handle->charged = now;
  if (!handle->stream->interested()) {
    stream_memory_ -= handle->charged;
    handle->charged = 0;
    handle->stream.reset();
    handle->kind = HandleKind::kFile;
    --open_pipes_;
  }
}

void SmbState::end(Timestamp time) {
  while (!handles_.empty()) end_handle(handles_.begin(), time);
  trees_.clear();
  sessions_.clear();
}

std::size_t SmbState::memory() const {
  return handles_.size() * (sizeof(SmbHandle) + 160) + trees_.size() * (sizeof(SmbTree) + 128) +
         sessions_.size() * 2048 + stream_memory_;
}

void SmbState::tell(SmbFileEvent::Action action, Timestamp time, std::string_view tree,
                    std::string_view path, std::uint32_t status) {
  if (!files_.wants(action)) return;
  const bool on_pipes = is_pipe_share(tree);
  if (!files_.wants(action, on_pipes)) return;
  files_.tell({time, action, on_pipes, tree, path, 0, status});
}

void SmbState::tell_of(const SmbHandle* handle, SmbFileEvent::Action action, Timestamp time,
                       std::uint64_t size, std::uint32_t status) {
  static const SmbHandle kNone;
  const SmbHandle& of = handle ? *handle : kNone;
  if (!files_.wants(action, of.on_pipes)) return;
  files_.tell({time, action, of.on_pipes, of.tree, of.path, size, status});
}

}  // namespace rpcmarshal
