// What smb/ gives to the rooms above it: named pipes opened over SMB, as byte streams.
#pragma once

#include <memory>
#include <string>

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
  bool encrypted = false;  ///< transform headers were seen on this session
  bool guest = false;
  bool anonymous = false;
};

struct PipeInfo {
  std::string name;  ///< "\pipe\svcctl" (lower-case "\pipe\" + name as the client wrote it); may be
                     ///< empty when the open was not seen
  std::string tree;  ///< "\\FS1\IPC$", or empty when not seen
  std::shared_ptr<const SmbSession> session;
  bool opened_in_capture = true;
};

/// One open pipe's bytes: what StreamConsumer is for TCP. kForward is from the client. In message
/// mode a write or a read need not match a PDU: consumers treat it as a byte stream.
using PipeFactory = std::function<std::unique_ptr<StreamConsumer>(const PipeInfo&)>;

/// A file or pipe operation other than pipe data, for Zeek-like smb_files records.
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
  std::string tree;
  std::string path;
  std::uint64_t size = 0;    ///< bytes read or written in this message
  std::uint32_t status = 0;  ///< NTSTATUS of the answer, when seen
  std::shared_ptr<const SmbSession> session;
};
using SmbFileHandler = std::function<void(const SmbFileEvent&)>;

/// Counters of one parser; summed by the owner.
struct SmbStatistics {
  std::uint64_t messages = 0, malformed = 0, encrypted = 0, compressed = 0, resynchronised = 0,
                pipes = 0, limits = 0;
};

class SmbChannels;  // channels.h

/// An SMB1/2/3 parser for one TCP connection (port 445 direct, or 139 with NetBIOS session framing:
/// both are recognised). Give it the connection's bytes; it opens pipes through `pipes`. With
/// `channels`, shared by the parsers of all connections, pipes opened on one connection of a
/// session are known on its others.
std::unique_ptr<StreamConsumer> make_smb_parser(const ConnectionInfo& connection, PipeFactory pipes,
                                                SmbFileHandler files, SmbStatistics& statistics,
                                                std::shared_ptr<SmbChannels> channels = nullptr);

/// Whether the first bytes of a stream (at least 8) look like SMB: 0 unknown yet, 1 yes, -1 no.
int looks_like_smb(Bytes start);

}  // namespace rpcmarshal
