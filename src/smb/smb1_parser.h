// SMB1 messages ([MS-CIFS] 2.2.4, [MS-SMB] 2.2.4): sessions, trees, opens, and the bytes that go
// through pipes by the many ways SMB1 has: WriteAndX and ReadAndX, core and raw reads and writes,
// and Transaction with its secondaries. AndX chains are walked in both directions; a request waits
// by process and multiplex id for its responses. Internal to smb/.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "smb/keys.h"
#include "smb/state.h"

namespace rpcmarshal {

class Smb1Parser {
 public:
  /// `secrets` may be null: then no signature is checked.
  Smb1Parser(SmbState& state, const Secrets* secrets) : state_(state), secrets_(secrets) {}

  void message(bool from_client, Timestamp time, Bytes data, std::size_t length);
  /// Whether more than the head of this message is of use.
  bool wants_whole(Bytes head);
  /// A message without header: the data of a raw read or write.
  void raw(bool from_client, Timestamp time, Bytes data, std::size_t length);
  bool expects_raw(bool from_client) const {
    return from_client ? raw_write_.expected : raw_read_.expected;
  }
  /// The connection is over: what waited for a FID is handed on.
  void end() { release_early(~std::uint64_t{0}); }
  std::size_t memory() const { return requests_.size() * (sizeof(Request) + 96) + held_; }

  /// From the header's flags: 1 response, 0 request, -1 too short to tell.
  static int is_response(Bytes head);

 private:
  // One command of a message: where its words and bytes are, counted from the header's start.
  struct Block {
    std::uint8_t command = 0;
    Bytes message;          ///< from the header on, as captured
    std::size_t words = 0;  ///< offset of the parameter words
    std::size_t word_count = 0;
    std::size_t bytes = 0;  ///< offset of the data bytes
    std::size_t byte_count = 0;
    std::uint16_t word(std::size_t offset) const;  ///< by byte offset into the words
    std::uint32_t dword(std::size_t offset) const;
    std::uint8_t byte(std::size_t offset) const;
    Bytes data() const;  ///< the data bytes, as far as captured
  };
  struct Header {
    std::uint8_t command = 0, flags = 0;
    std::uint16_t flags2 = 0, tree = 0, user = 0;
    std::uint32_t status = 0;
    std::uint64_t id = 0;  ///< of process and multiplex, pairs request and response
    bool unicode() const { return (flags2 & 0x8000) != 0; }
    bool parse(Bytes data);
  };
  struct Request {
    std::uint16_t tree = 0, user = 0;
    std::string name;  ///< of an open
    std::string tree_path;
    std::shared_ptr<AuthExchange> auth;
    std::uint16_t fid = 0;
    bool has_fid = false;
    bool opens = false;      ///< an open stands in the chain: reads behind it use its FID
    bool transacts = false;  ///< Transaction on a pipe: its responses' data is the pipe's
    bool calls = false;      ///< CallNmPipe: opens, transacts and closes
    std::uint64_t size = 0;
    std::uint64_t number = 0;           ///< grows; tells the entry apart in `order_`
    std::uint32_t answer_sequence = 0;  ///< of its answer's signature; 0: not to be checked
  };
  // A write to a FID whose open is not yet answered here: the server's direction may lag behind,
  // when a segment of it was lost.
  struct Early {
    std::uint64_t number = 0;  ///< Request::number of the write
    HandleKey key;
    std::uint32_t tree = 0;
    bool certain = false;
    Timestamp time = 0;
    std::vector<std::byte> data;
    std::uint64_t missing = 0;
  };
  struct Raw {
    bool expected = false;
    HandleKey key;
    std::uint32_t tree = 0;
  };

  bool next_block(Bytes data, std::size_t offset, std::uint8_t command, Block& block) const;
  void request(const Header& header, const Block& block, Request& r, Timestamp time);
  void response(const Header& header, const Block& block, Request* r, Timestamp time);
  void session_setup_request(const Header& header, const Block& block, Request& r);
  void session_setup_response(const Header& header, const Block& block, Request* r, Timestamp time);
  void tree_connect_request(const Header& header, const Block& block, Request& r);
  void tree_connect_response(const Header& header, const Block& block, Request* r, Timestamp time);
  void transaction_request(const Header& header, const Block& block, Request& r, Timestamp time);
  void transaction_response(const Header& header, const Block& block, Request* r, Timestamp time);
  void opened(const Header& header, Request& r, std::uint16_t fid, int file_type, Timestamp time);
  void write(const Header& header, const Request& r, std::uint16_t fid, const Payload& payload,
             bool certain, Timestamp time);
  bool is_early(const HandleKey& key, Bytes start, bool certain);
  void release(const Early& early);
  void release_early(std::uint64_t up_to);
  void forget(std::unordered_map<std::uint64_t, Request>::iterator it);
  void read_answer(const Header& header, Request* r, const Payload& payload, Timestamp time);
  void close(const Header& header, std::uint16_t fid, Timestamp time);
  Request& remember(std::uint64_t id);
  // Signatures ([MS-CIFS] 3.1.4.1): requests are numbered from the session's set-up on, the answer
  // to each has the next number.
  void start_signing(const SmbSessionState& session);
  std::uint32_t check_request(const Header& header, Bytes message);
  void check_answer(const Header& header, Bytes message, std::uint32_t sequence);
  void count(const Header& header, bool good);

  static HandleKey key(std::uint16_t user, std::uint16_t fid) { return {user, fid, 0}; }
  static constexpr std::size_t kMaxRequests = 4096;
  static constexpr int kMaxChain = 16;
  static constexpr std::uint32_t kFirstSequence = 2;  // the session's set-up had 0 and 1
  static constexpr std::uint32_t kSearched = 16;
  static constexpr std::size_t kMaxHeld = 1u << 20;
  static constexpr std::size_t kMaxEarly = 256;

  SmbState& state_;
  const Secrets* secrets_;
  SmbKey mac_key_;              // of the connection: that of its first session
  std::uint32_t sequence_ = 0;  // of the next request
  std::unordered_map<std::uint64_t, Request> requests_;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> order_;  // id and number, oldest first
  std::uint64_t next_number_ = 1;
  std::vector<Early> early_;  // oldest first
  std::size_t held_ = 0;      // bytes in them
  std::size_t opening_ = 0;   // requests_ that open something
  std::size_t length_ = 0;    // of the message at hand
  Raw raw_read_, raw_write_;
};

}  // namespace rpcmarshal
