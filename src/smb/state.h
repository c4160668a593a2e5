// What an SMB connection has open: sessions, trees and handles, shared by the SMB1 and SMB2
// parsers. Pipe handles own the consumer of their bytes. Everything is bounded; the oldest goes
// first. Internal to smb/.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "smb/pipe.h"
#include "smb/protection.h"

namespace rpcmarshal {

/// An open file: the session and its 128-bit FileId (SMB2), or the 16-bit FID in `high` (SMB1).
struct HandleKey {
  std::uint64_t session = 0, high = 0, low = 0;
  bool operator==(const HandleKey&) const = default;
};

enum class HandleKind : std::uint8_t {
  kUnknown,  ///< the open or the tree was not seen; a pipe as soon as DCE/RPC is seen on it
  kFile,     ///< also a pipe that nobody wants: its bytes are passed over
  kPipe,
};

struct SmbTree {
  std::string path;
  enum class Type : std::uint8_t { kUnknown, kDisk, kPipe, kPrinter } type = Type::kUnknown;
};

struct SmbHandle {
  HandleKey key;
  std::uint64_t tree_id = 0;
  std::string tree;
  std::string path;
  HandleKind kind = HandleKind::kUnknown;
  bool opened_in_capture = true;
  bool on_pipes = false;  ///< its tree is IPC$
  std::shared_ptr<SmbSession> session;
  std::unique_ptr<StreamConsumer> stream;  ///< kPipe only
  std::shared_ptr<SmbRoutes> routes;       ///< kPipe only
  std::size_t charged = 0;
};

struct SmbSessionState {
  std::shared_ptr<SmbSession> session;
  std::shared_ptr<AuthExchange> in_progress;  ///< set-up under way; becomes session->auth
  std::shared_ptr<SmbSetup> setup;            ///< SMB2, beside in_progress
  std::shared_ptr<SmbProtection> protection;  ///< null: its keys are not known
};

/// Payload of a message, and how many more bytes of it the capture lacks.
struct Payload {
  Bytes data;
  std::uint64_t missing = 0;
};
/// [offset, offset + size) of a message of which `message` was captured.
Payload payload_at(Bytes message, std::uint64_t offset, std::uint64_t size);

/// Whether bytes on an unknown handle are the start of a DCE/RPC v5 PDU ([C706] 12.6.3.1).
bool starts_like_dce(Bytes data);

class SmbState {
 public:
  /// `home`: the connection that `pipes` knows of.
  SmbState(const SmbRoutes::Route& home, PipeFactory pipes, SmbFileHandler files,
           SmbStatistics& counters)
      : statistics(counters),
        home_(home),
        route_(home),
        pipes_(std::move(pipes)),
        files_(std::move(files)) {}

  /// The connection of the message at hand.
  void set_route(const SmbRoutes::Route& route) { route_ = route; }

  SmbSessionState& session(std::uint64_t id);
  std::shared_ptr<SmbSession> find_session(std::uint64_t id) const;
  /// Null when the session, or its keys, are not known.
  SmbProtection* find_protection(std::uint64_t id) const;
  /// Closes its handles and forgets it.
  void end_session(std::uint64_t id, Timestamp time);
  /// Every session, known now or later, speaks this.
  void set_dialect(std::uint16_t dialect);

  void add_tree(std::uint64_t session, std::uint32_t id, SmbTree tree);
  const SmbTree* find_tree(std::uint64_t session, std::uint32_t id) const;
  void end_tree(std::uint64_t session, std::uint32_t id, Timestamp time);

  SmbHandle* find(const HandleKey& key) {
    // Messages on one handle come in runs.
    if (last_ == nullptr || !(last_->key == key)) last_ = look_up(key);
    return last_;
  }
  /// Adds an open handle; one with the same key is ended first.
  SmbHandle& open(const HandleKey& key, std::uint32_t tree_id, std::string path, HandleKind kind,
                  Timestamp time);
  void close(const HandleKey& key, Timestamp time);
  /// The only open pipe, or nullptr when there are none or several.
  SmbHandle* only_pipe();

  /// Whether the bytes of a read or write on `key` are wanted; `start` are the first of them.
  bool wants(const HandleKey& key, Bytes start);
  /// Bytes read from or written to a handle. `certain`: the operation exists only for pipes.
  void transfer(const HandleKey& key, std::uint32_t tree_id, bool from_client, Timestamp time,
                const Payload& payload, bool certain);

  /// Everything that is open ends.
  void end(Timestamp time);
  std::size_t memory() const;

  /// Something was done on a share, or tried.
  void tell(SmbFileEvent::Action action, Timestamp time, std::string_view tree,
            std::string_view path, std::uint32_t status);
  /// The same on an open handle.
  void tell(SmbFileEvent::Action action, Timestamp time, const HandleKey& key, std::uint64_t size,
            std::uint32_t status) {
    if (files_.wants(action)) tell_of(find(key), action, time, size, status);
  }

  SmbStatistics& statistics;

 private:
  static constexpr std::size_t kMaxHandles = 16384;
  static constexpr std::size_t kMaxSessions = 1024;
  static constexpr std::size_t kMaxTrees = 4096;

  struct KeyHash {
    std::size_t operator()(const HandleKey& k) const noexcept {
      return (k.session * 0x9E3779B97F4A7C15ull ^ k.high) * 0xD6E8FEB86659FD93ull ^
             (k.low * 0xA0761D6478BD642Full >> 7);
    }
  };
  using Handles = std::list<SmbHandle>;  // oldest first

  SmbHandle* look_up(const HandleKey& key);
  void tell_of(const SmbHandle* handle, SmbFileEvent::Action action, Timestamp time,
               std::uint64_t size, std::uint32_t status);
  void begin_pipe(SmbHandle& handle);
  void end_handle(Handles::iterator it, Timestamp time);

  SmbRoutes::Route home_, route_;
  PipeFactory pipes_;
  SmbFileHandler files_;
  std::uint16_t dialect_ = 0;
  std::map<std::uint64_t, SmbSessionState> sessions_;
  std::map<std::pair<std::uint64_t, std::uint32_t>, SmbTree> trees_;
  Handles handles_;
  std::unordered_map<HandleKey, Handles::iterator, KeyHash> index_;
  SmbHandle* last_ = nullptr;  // that was found
  std::size_t open_pipes_ = 0;
  std::size_t stream_memory_ = 0;
};

}  // namespace rpcmarshal
