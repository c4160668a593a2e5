// SMB 2.0.2 to 3.1.1 messages ([MS-SMB2] 2.2): sessions, trees, opens, and the bytes that go
// through pipes by WRITE, READ and FSCTL_PIPE_TRANSCEIVE. Requests wait by MessageId for their
// response, which may be in another compound, asynchronous, or never come. Internal to smb/.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "security/secrets.h"
#include "smb/channels.h"
#include "smb/state.h"

namespace rpcmarshal {

class Smb2Parser {
 public:
  /// `channels` may be null: then sessions are of one connection each. `secrets` may be null: then
  /// nothing is opened or checked.
  Smb2Parser(std::shared_ptr<SmbState> state, const SmbRoutes::Route& route,
             std::shared_ptr<SmbChannels> channels, const Secrets* secrets)
      : own_(std::move(state)),
        state_(own_.get()),
        route_(route),
        channels_(std::move(channels)),
        secrets_(secrets) {}

  /// A message, or a compound of several, of `length` bytes, of which `data` was captured.
  /// `sealed_by`: the session it was encrypted in, 0 when it came in clear.
  void message(bool from_client, Timestamp time, Bytes data, std::size_t length,
               std::uint64_t sealed_by = 0);
  /// Whether more than the head of this message is of use.
  bool wants_whole(Bytes head);
  /// The connection is over: lets go of the sessions of others.
  void end(Timestamp time);
  std::size_t memory() const { return requests_.size() * (sizeof(Request) + 64) + held_; }

  // Encrypted messages ([MS-SMB2] 2.2.41), transform header first.
  /// Whether there is a key for it.
  bool can_open(Bytes head);
  /// A session is being set up: keys may come.
  bool setting_up() const { return setting_up_ > 0; }
  /// As wants_whole(), for what is inside.
  bool wants_whole_sealed(bool from_client, Bytes head);
  /// The inside of a message of `length` bytes of which `data` was captured: its length, and in
  /// `out` what could be read of it. nullopt when there is no key, or the tag is wrong.
  std::optional<std::size_t> open(bool from_client, Bytes data, std::size_t length,
                                  std::vector<std::byte>& out);

  /// From the header's flags: 1 response, 0 request, -1 too short to tell.
  static int is_response(Bytes head);

 private:
  struct Header {
    std::uint32_t status = 0, flags = 0, next = 0, tree = 0;
    std::uint16_t command = 0;
    std::uint64_t message_id = 0, session = 0;
    bool parse(Bytes data);
  };
  struct Request {
    std::uint16_t command = 0;
    std::uint64_t session = 0;
    std::uint32_t tree = 0;
    HandleKey file;
    std::uint64_t size = 0;    ///< asked for
    std::uint32_t detail = 0;  ///< IOCTL: control code; CREATE: options; SET_INFO: class
    std::string text;          ///< CREATE: name; TREE_CONNECT: path
    std::shared_ptr<AuthExchange> auth;
    std::shared_ptr<SmbSetup> setup;
    std::uint64_t create = 0;     ///< MessageId of the CREATE in the same compound ...
    bool after_create = false;    ///< ... whose FileId this request uses
    bool binding = false;         ///< SESSION_SETUP: for a session of another connection
    bool has_followers = false;   ///< CREATE: such requests exist
    std::vector<std::byte> held;  ///< payload, until the FileId or what it was opened on is known
    std::uint64_t held_missing = 0;
    bool early = false;  ///< sent on a FileId whose CREATE is not yet answered here
    Timestamp time = 0;
  };
  // What a related request takes from the one before it ([MS-SMB2] 3.3.5.2.7.2).
  struct Chain {
    std::uint64_t session = 0;
    std::uint32_t tree = 0;
    HandleKey file;
    std::uint64_t create = 0;
    bool after_create = false;
  };

  void select(std::uint64_t session);
  void established(std::uint64_t session, bool binding, Timestamp time);
  void request(const Header& header, Bytes message, std::size_t length, Chain& chain,
               Timestamp time);
  void response(const Header& header, Bytes message, std::size_t length, Timestamp time);
  // smb2_security.cc
  void negotiated(const Header& header, Bytes message, std::size_t length);
  void session_setup_request(const Header& header, Bytes message, std::size_t length,
                             Request& request);
  void session_setup_response(const Header& header, Bytes message, std::size_t length,
                              Request* request, Timestamp time);
  void derive_keys(std::uint64_t id, const SmbSetup& setup, Bytes key, bool binding);
  const Secrets::SmbSessionKeys* given_keys(std::uint64_t id) const;
  SmbProtection* protection(std::uint64_t id, bool from_client, Bytes message);
  void explain(std::uint64_t id, const SmbSession* session);
  void check_signature(const Header& header, Bytes message, std::size_t length, bool from_client);
  void create_response(const Header& header, Bytes message, Request& request, Timestamp time);
  void name_followers(std::uint64_t create, const HandleKey& key, bool opened);
  bool is_early(const Request& request, Bytes start, bool certain);
  void release(Request& request);
  void release_early(std::uint64_t before);
  void outgoing(Request& request, const Payload& payload, bool certain, Timestamp time);
  HandleKey file_id(Bytes message, std::size_t offset, std::uint64_t session, Chain* chain);
  void drop(std::map<std::uint64_t, Request>::iterator it);

  static constexpr std::size_t kMaxRequests = 8192;
  static constexpr std::size_t kMaxHeld = 1u << 20;
  static constexpr int kMaxCompound = 256;

  static constexpr std::size_t kMaxBound = 256;

  std::shared_ptr<SmbState> own_;
  SmbState* state_;  ///< of the session of the message at hand
  SmbRoutes::Route route_;
  std::shared_ptr<SmbChannels> channels_;
  const Secrets* secrets_;
  SmbChannels::ServerGuid server_{};
  SmbNegotiated negotiated_;
  PreauthHash preauth_;         // of the connection: its negotiation
  std::size_t setting_up_ = 0;  // requests_ that are SESSION_SETUPs
  std::map<std::uint64_t, std::unique_ptr<MessageSigner>> bound_signers_;  // of this channel
  std::map<std::uint64_t, std::shared_ptr<SmbState>> bound_;               // by session id
  std::map<std::uint64_t, Request> requests_;  // by MessageId, which grows: the first is the oldest
  std::size_t held_ = 0;
  std::size_t early_ = 0;    ///< requests_ that are early
  std::size_t opening_ = 0;  ///< requests_ that are CREATEs
};

}  // namespace rpcmarshal
