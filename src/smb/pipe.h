// What smb/ gives to the rooms above it: named pipes opened over SMB, as byte streams.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "capture/stream.h"
#include "security/identity.h"

namespace rpcmarshal {

/// State of the SMB session and tree a pipe lives in. Shared and updated in place: a pipe opened
/// before re-authentication sees the new identity for the calls that follow.
struct SmbSession {
  std::uint64_t id = 0;
  std::shared_ptr<AuthExchange> auth;  ///< may be null (set-up not seen)
  std::uint16_t dialect = 0;  ///< 0x0202, 0x0210, 0x0300, 0x0302, 0x0311; 1 for SMB1; 0 unknown
  bool signing = false;
  bool encrypted = false;            ///< transform headers were seen on this session
  bool decrypted = false;            ///< and some were opened
  bool verified = false;             ///< a signature or tag was checked and right
  std::uint64_t bad_signatures = 0;  ///< messages whose signature or tag was wrong
  std::uint64_t unopened = 0;        ///< encrypted messages passed over for want of a key
  bool guest = false;
  bool anonymous = false;
};

/// Which connections the bytes of one pipe came by, when its session has several (multichannel).
/// Updated in place while the pipe is open.
class SmbRoutes {
 public:
  struct Route {
    Endpoint client, server;
    bool operator==(const Route&) const = default;
  };
  /// The connection in use from `time` on.
  void add(Timestamp time, const Route& route) {
    if (!entries_.empty() && entries_.back().route == route) return;
    if (entries_.size() >= kMax) entries_.erase(entries_.begin());
    entries_.push_back({time, route});
  }
  /// Null when none but the pipe's own was used until then.
  const Route* at(Timestamp time) const {
    const Route* found = nullptr;
    for (const Entry& e : entries_) {
      if (e.time <= time) found = &e.route;
    }
    return found;
  }
  bool empty() const { return entries_.empty(); }

 private:
  static constexpr std::size_t kMax = 64;
  struct Entry {
    Timestamp time;
    Route route;
  };
  std::vector<Entry> entries_;
};

struct PipeInfo {
  std::string name;  ///< "\pipe\svcctl" (lower-case "\pipe\" + name as the client wrote it); may be
                     ///< empty when the open was not seen
  std::string tree;  ///< "\\FS1\IPC$", or empty when not seen
  std::shared_ptr<const SmbSession> session;
  bool opened_in_capture = true;
  std::shared_ptr<const SmbRoutes> routes;  ///< never null
};

/// One open pipe's bytes: what StreamConsumer is for TCP. kForward is from the client. In message
/// mode a write or a read need not match a PDU: consumers treat it as a byte stream.
using PipeFactory = std::function<std::unique_ptr<StreamConsumer>(const PipeInfo&)>;

/// What a client does on a share, for records like Zeek's smb_files. Texts live for the call.
struct SmbFileEvent {
  Timestamp time = 0;
  enum class Action : std::uint8_t {
    kOpen,
    kRead,
    kWrite,
    kClose,
    kDelete,
    kRename,
    kTreeConnect,
    kSessionSetup
  } action{};
  bool on_pipes = false;  ///< the share is IPC$: what has a path is a named pipe
  std::string_view tree;
  std::string_view path;
  std::uint64_t size = 0;    ///< bytes read or written in this message
  std::uint32_t status = 0;  ///< NTSTATUS of the answer, when seen
};

/// A set of actions, on IPC$ and on other shares.
class SmbFileActions {
 public:
  using Action = SmbFileEvent::Action;

  static constexpr SmbFileActions all() {
    SmbFileActions out;
    out.bits_ = 0xFFFF;
    return out;
  }
  constexpr SmbFileActions with(Action action, bool on_pipes) const {
    SmbFileActions out = *this;
    out.bits_ |= bit(action, on_pipes);
    return out;
  }
  constexpr SmbFileActions with(Action action) const {
    return with(action, false).with(action, true);
  }
  constexpr bool has(Action action, bool on_pipes) const { return bits_ & bit(action, on_pipes); }
  constexpr bool has(Action action) const { return has(action, false) || has(action, true); }

 private:
  static constexpr unsigned bit(Action action, bool on_pipes) {
    return 1u << (2 * static_cast<unsigned>(action) + (on_pipes ? 1 : 0));
  }
  unsigned bits_ = 0;
};

/// Who is told of what clients do on shares, and of which actions: there are as many as there are
/// calls, and one that nobody wants should cost nothing.
class SmbFileHandler {
 public:
  SmbFileHandler() = default;  ///< nobody, of nothing
  template <typename Told>
  requires std::invocable<Told&, const SmbFileEvent&> SmbFileHandler(
      Told told, SmbFileActions actions = SmbFileActions::all())
      : told_(std::move(told)), actions_(actions) {}

  bool wants(SmbFileEvent::Action action) const { return actions_.has(action); }
  bool wants(SmbFileEvent::Action action, bool on_pipes) const {
    return actions_.has(action, on_pipes);
  }
  void tell(const SmbFileEvent& event) const { told_(event); }

 private:
  std::function<void(const SmbFileEvent&)> told_;
  SmbFileActions actions_;
};

/// Counters of one parser; summed by the owner.
struct SmbStatistics {
  std::uint64_t messages = 0, malformed = 0, encrypted = 0, compressed = 0, resynchronised = 0,
                pipes = 0, limits = 0;
  std::uint64_t decrypted = 0;       ///< encrypted messages opened, tag right
  std::uint64_t passed_over = 0;     ///< opened as far as to see that they carry no pipe's data
  std::uint64_t unopened = 0;        ///< encrypted messages without a key
  std::uint64_t bad_tags = 0;        ///< encrypted messages that are not what the key says
  std::uint64_t signatures = 0;      ///< right ones
  std::uint64_t bad_signatures = 0;  ///< wrong ones
  std::string unopened_reason;       ///< why the latest of `unopened` was not opened
};

class SmbChannels;  // channels.h
class Secrets;      // security/secrets.h

/// An SMB1/2/3 parser for one TCP connection (port 445 direct, or 139 with NetBIOS session framing:
/// both are recognised). Give it the connection's bytes; it opens pipes through `pipes`. With
/// `channels`, shared by the parsers of all connections, pipes opened on one connection of a
/// session are known on its others. With `secrets` (which outlive it), encrypted messages of
/// sessions whose key they give are opened and signatures checked.
std::unique_ptr<StreamConsumer> make_smb_parser(const ConnectionInfo& connection, PipeFactory pipes,
                                                SmbFileHandler files, SmbStatistics& statistics,
                                                std::shared_ptr<SmbChannels> channels = nullptr,
                                                const Secrets* secrets = nullptr);

/// Whether the first bytes of a stream (at least 8) look like SMB: 0 unknown yet, 1 yes, -1 no.
int looks_like_smb(Bytes start);

}  // namespace rpcmarshal
