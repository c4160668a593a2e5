#include "smb/smb1_parser.h"

#include <algorithm>

#include "base/unicode.h"
#include "smb/smb1_wire.h"

namespace rpcmarshal {
namespace {

// An open or write of the message mode's raw form starts with the length of the whole message
// ([MS-CIFS] 2.2.4.43.1, WriteMode bits).
constexpr std::uint16_t kWriteModeRaw = 4, kWriteModeStart = 8;

// An identity from the account and domain strings of a session set-up without security blob.
class AccountExchange : public AuthExchange {
 public:
  AccountExchange(std::string user, std::string domain) {
    identity_.anonymous = user.empty();
    identity_.user = std::move(user);
    identity_.domain = std::move(domain);
    identity_.mechanism = AuthService::kNtlm;
    identity_.known_by = "smb session";
  }
  void token(bool, Bytes) override {}
  const Identity& identity() const override { return identity_; }

 private:
  Identity identity_;
};

}  // namespace

std::uint16_t Smb1Parser::Block::word(std::size_t offset) const {
  if (offset + 2 > word_count * 2 || words + offset + 2 > message.size()) return 0;
  return load<std::uint16_t>(message.data() + words + offset, ByteOrder::kLittle);
}
std::uint32_t Smb1Parser::Block::dword(std::size_t offset) const {
  if (offset + 4 > word_count * 2 || words + offset + 4 > message.size()) return 0;
  return load<std::uint32_t>(message.data() + words + offset, ByteOrder::kLittle);
}
std::uint8_t Smb1Parser::Block::byte(std::size_t offset) const {
  if (offset >= word_count * 2 || words + offset >= message.size()) return 0;
  return std::to_integer<std::uint8_t>(message[words + offset]);
}
Bytes Smb1Parser::Block::data() const { return payload_at(message, bytes, byte_count).data; }

int Smb1Parser::is_response(Bytes head) {
  if (head.size() < 10) return -1;
  return (std::to_integer<std::uint8_t>(head[9]) & 0x80) ? 1 : 0;
}

bool Smb1Parser::Header::parse(Bytes data) {
  if (data.size() < smb1::kHeaderSize + 1) return false;
  ByteReader in(data);
  in.skip(4);
  command = in.u8();
  status = in.u32();
  flags = in.u8();
  flags2 = in.u16();
  std::uint64_t process = in.u16();
  in.skip(8 + 2);
  tree = in.u16();
  process = process << 16 | in.u16();
  user = in.u16();
  id = process << 16 | in.u16();
  return in.ok();
}

bool Smb1Parser::next_block(Bytes data, std::size_t offset, std::uint8_t command,
                            Block& block) const {
  if (offset >= data.size()) return false;
  block.command = command;
  block.message = data;
  block.words = offset + 1;
  block.word_count = std::to_integer<std::uint8_t>(data[offset]);
  std::size_t count_at = block.words + block.word_count * 2;
  if (count_at > length_) return false;
  block.bytes = count_at + 2;
  // ByteCount is 16 bits, too few for large reads and writes: what the message has counts then.
  block.byte_count = count_at + 2 <= data.size()
                         ? load<std::uint16_t>(data.data() + count_at, ByteOrder::kLittle)
                         : 0;
  return true;
}

Smb1Parser::Request& Smb1Parser::remember(std::uint64_t id) {
  if (requests_.size() >= kMaxRequests && !requests_.contains(id)) {
    ++state_.statistics.limits;
    while (!order_.empty() && requests_.size() >= kMaxRequests) {
      auto found = requests_.find(order_.front().first);
      if (found != requests_.end() && found->second.number == order_.front().second) forget(found);
      order_.pop_front();
    }
  }
  // Entries of answered requests stay in `order_` until it is much longer than what waits.
  while (order_.size() > 2 * kMaxRequests) {
    auto found = requests_.find(order_.front().first);
    if (found != requests_.end() && found->second.number == order_.front().second) forget(found);
    order_.pop_front();
  }
  Request& r = requests_[id];
  opening_ -= r.opens;
  r = Request{};
  r.number = next_number_++;
  order_.emplace_back(id, r.number);
  return r;
}

void Smb1Parser::forget(std::unordered_map<std::uint64_t, Request>::iterator it) {
  opening_ -= it->second.opens;
  requests_.erase(it);
}

bool Smb1Parser::wants_whole(Bytes head) {
  Header header;
  if (!header.parse(head)) return false;
  Block block;
  length_ = ~std::size_t{0} >> 1;
  if (!next_block(head, smb1::kHeaderSize, header.command, block)) return false;
  bool answer = is_response(head) == 1;
  if (header.command == smb1::kWriteAndX && !answer) {
    Bytes start = payload_at(head, block.word(22), 18).data;
    return state_.wants(key(header.user, block.word(4)), start) ||
           is_early(key(header.user, block.word(4)), start, false) ||
           starts_like_dce(start.subspan(std::min<std::size_t>(2, start.size())));
  }
  if (header.command == smb1::kReadAndX && answer) {
    Bytes start = payload_at(head, block.word(12), 16).data;
    auto found = requests_.find(header.id);
    if (found == requests_.end() || !found->second.has_fid) return starts_like_dce(start);
    return state_.wants(key(found->second.user, found->second.fid), start);
  }
  return true;
}

void Smb1Parser::message(bool from_client, Timestamp time, Bytes data, std::size_t length) {
  Header header;
  Block block;
  length_ = length;
  if (!header.parse(data) || !next_block(data, smb1::kHeaderSize, header.command, block)) {
    ++state_.statistics.malformed;
    return;
  }
  ++state_.statistics.messages;
  Request* r = nullptr;
  if (from_client) {
    raw_read_.expected = raw_write_.expected = false;
    const std::uint32_t answer_sequence = check_request(header, data);
    if (header.command == smb1::kNtCancel) return;
    auto found = requests_.find(header.id);
    bool secondary = header.command == smb1::kTransactionSecondary;
    if (secondary && found == requests_.end()) return;
    r = secondary ? &found->second : &remember(header.id);
    r->tree = header.tree;
    r->user = header.user;
    if (!secondary) r->answer_sequence = answer_sequence;
  } else {
    raw_read_.expected = false;
    auto found = requests_.find(header.id);
    if (found != requests_.end()) r = &found->second;
    // The answer to a write that waits came, that to the open did not: it is lost.
    if (r && !early_.empty()) release_early(r->number);
    if (header.flags2 & smb1::kFlags2Signed) {
      if (auto session = state_.find_session(header.user)) session->signing = true;
    }
  }
  for (int link = 0; link < kMaxChain; ++link) {
    if (from_client) {
      request(header, block, *r, time);
    } else {
      response(header, block, r, time);
    }
    if (!smb1::has_andx(block.command) || block.word_count < 2) break;
    std::uint8_t command = block.byte(0);
    std::size_t offset = block.word(2);
    if (command == 0xff || offset <= block.words) break;  // chains only go forward
    if (!next_block(data, offset, command, block)) break;
  }
  if (from_client || !r) return;
  check_answer(header, data, r->answer_sequence);
  r->answer_sequence = 0;  // of several, only the first is known to have it
  bool more = r->transacts || r->calls || raw_write_.expected;
  if (!more) forget(requests_.find(header.id));
}

void Smb1Parser::request(const Header& header, const Block& block, Request& r, Timestamp time) {
  using namespace smb1;
  auto opens = [this](Request& opener) {
    opening_ += !opener.opens;
    opener.opens = true;
  };
  switch (block.command) {
    case kSessionSetupAndX:
      session_setup_request(header, block, r);
      break;
    case kTreeConnectAndX:
    case kTreeConnect:
      tree_connect_request(header, block, r);
      break;
    case kNtCreateAndX: {
      r.name = text(block.data(), block.bytes, header.unicode(), 0);
      opens(r);
      break;
    }
    case kOpenAndX:
      r.name = text(block.data(), block.bytes, header.unicode(), 0);
      opens(r);
      break;
    case kOpen:
    case kCreate:
      // A buffer format byte of 4 comes first ([MS-CIFS] 2.2.4.3.1).
      r.name = text(block.data(), block.bytes, header.unicode(), 1);
      opens(r);
      break;
    case kReadAndX:
      r.has_fid = true;
      r.fid = block.word(4);
      break;
    case kRead:
    case kLockAndRead:
      r.has_fid = true;
      r.fid = block.word(0);
      break;
    case kReadRaw:
      raw_read_ = {true, key(header.user, block.word(0)), header.tree};
      break;
    case kWriteAndX: {
      std::uint64_t size = static_cast<std::uint64_t>(block.word(18)) << 16 | block.word(20);
      Payload payload = payload_at(block.message, block.word(22), size);
      std::uint16_t mode = block.word(14);
      bool start = (mode & (kWriteModeRaw | kWriteModeStart)) == (kWriteModeRaw | kWriteModeStart);
      if (start && payload.data.size() >= 2 && !starts_like_dce(payload.data))
        payload.data = payload.data.subspan(2);
      r.has_fid = true;
      r.fid = block.word(4);
      r.size = size;
      write(header, r, r.fid, payload, false, time);
      break;
    }
    case kWriteRaw: {
      std::uint16_t fid = block.word(0);
      write(header, r, fid, payload_at(block.message, block.word(22), block.word(20)), false, time);
      raw_write_ = {false, key(header.user, fid), header.tree};
      r.has_fid = true;
      r.fid = fid;
      break;
    }
    case kWrite:
    case kWriteAndUnlock: {
      // Buffer format 1 and a length stand before the data ([MS-CIFS] 2.2.4.12.1).
      r.has_fid = true;
      r.fid = block.word(0);
      r.size = block.word(2);
      write(header, r, r.fid, payload_at(block.message, block.bytes + 3, r.size), false, time);
      break;
    }
    case kWriteAndClose:
      r.has_fid = true;
      r.fid = block.word(0);
      r.size = block.word(2);
      // One byte of padding stands before the data ([MS-CIFS] 2.2.4.40.1).
      write(header, r, r.fid, payload_at(block.message, block.bytes + 1, r.size), false, time);
      break;
    case kClose:
      r.has_fid = true;
      r.fid = block.word(0);
      break;
    case kTransaction:
    case kTransactionSecondary:
      transaction_request(header, block, r, time);
      break;
    default:
      break;
  }
}

void Smb1Parser::response(const Header& header, const Block& block, Request* r, Timestamp time) {
  using namespace smb1;
  using Action = SmbFileEvent::Action;
  switch (block.command) {
    case kNegotiate:
      state_.set_dialect(1);
      break;
    case kSessionSetupAndX:
      session_setup_response(header, block, r, time);
      break;
    case kLogoffAndX:
      if (header.status == 0) state_.end_session(header.user, time);
      break;
    case kTreeConnectAndX:
    case kTreeConnect:
      tree_connect_response(header, block, r, time);
      break;
    case kTreeDisconnect:
      if (header.status == 0) state_.end_tree(header.user, header.tree, time);
      break;
    case kNtCreateAndX:
      // FileType stands after the four times, the attributes and both sizes.
      if (r && block.word_count >= 34) {
        opened(header, *r, block.word(5), block.word(63), time);
      } else if (r && block.word_count == 0) {
        const SmbTree* tree = state_.find_tree(r->user, r->tree);
        state_.tell(Action::kOpen, time, tree ? std::string_view(tree->path) : "", r->name,
                    header.status);
      }
      break;
    case kOpenAndX:
      if (r && block.word_count >= 15) opened(header, *r, block.word(4), block.word(18), time);
      break;
    case kOpen:
    case kCreate:
      if (r && block.word_count >= 1) opened(header, *r, block.word(0), -1, time);
      break;
    case kReadAndX: {
      if (block.word_count < 12) break;
      std::uint64_t size = static_cast<std::uint64_t>(block.word(14)) << 16 | block.word(10);
      read_answer(header, r, payload_at(block.message, block.word(12), size), time);
      break;
    }
    case kRead:
    case kLockAndRead:
      if (block.word_count < 5) break;
      read_answer(header, r, payload_at(block.message, block.bytes + 3, block.word(0)), time);
      break;
    case kWriteRaw:
      // The interim answer: the client's data follows without a header.
      raw_write_.expected = header.status == 0 && r && r->has_fid;
      break;
    case kWriteAndX:
    case kWrite:
    case kWriteAndUnlock:
      if (r && r->has_fid)
        state_.tell(Action::kWrite, time, key(r->user, r->fid), r->size, header.status);
      break;
    case kWriteAndClose:
    case kClose:
      if (r && r->has_fid && header.status == 0) close(header, r->fid, time);
      break;
    case kTransaction:
      transaction_response(header, block, r, time);
      break;
    default:
      break;
  }
}

void Smb1Parser::session_setup_request(const Header& header, const Block& block, Request& r) {
  Bytes data = block.data();
  if (block.word_count == 12) {  // extended security: a blob
    Bytes blob = payload_at(data, 0, block.word(14)).data;
    if (header.user != 0) {
      SmbSessionState& session = state_.session(header.user);
      if (!session.in_progress)
        session.in_progress = make_auth_exchange(AuthService::kSpnego, secrets_);
      r.auth = session.in_progress;
    } else {
      r.auth = make_auth_exchange(AuthService::kSpnego, secrets_);
    }
    if (r.auth && !blob.empty()) r.auth->token(true, blob);
    return;
  }
  if (block.word_count != 13 && block.word_count != 10) return;
  // Passwords, then account and domain ([MS-CIFS] 2.2.4.53.1).
  std::size_t at = block.word(14);
  if (block.word_count == 13) at += block.word(16);
  smb1::StringReader strings(data, block.bytes, header.unicode() && block.word_count == 13, at);
  std::string user = strings.next();
  std::string domain = strings.next();
  r.auth = std::make_shared<AccountExchange>(std::move(user), std::move(domain));
}

void Smb1Parser::session_setup_response(const Header& header, const Block& block, Request* r,
                                        Timestamp time) {
  SmbSessionState& session = state_.session(header.user);
  session.session->dialect = 1;
  bool more = header.status == smb1::kStatusMoreProcessing;
  if (header.status != 0 && !more) {
    session.in_progress.reset();
  } else {
    std::shared_ptr<AuthExchange> auth = r ? r->auth : session.in_progress;
    if (block.word_count == 4 && auth) {
      Bytes blob = payload_at(block.data(), 0, block.word(6)).data;
      if (!blob.empty()) auth->token(false, blob);
    }
    if (more) {
      session.in_progress = auth;
    } else {
      if (auth) session.session->auth = auth;
      session.session->guest = (block.word(4) & 1) != 0;
      session.session->anonymous = auth && auth->identity().anonymous;
      session.in_progress.reset();
      start_signing(session);
      if (r && !mac_key_.empty() && sequence_ == kFirstSequence) r->answer_sequence = 1;
    }
  }
  if (r) r->user = header.user;  // what is chained behind belongs to the new session
  if (!more) state_.tell(SmbFileEvent::Action::kSessionSetup, time, "", "", header.status);
}

void Smb1Parser::tree_connect_request(const Header& header, const Block& block, Request& r) {
  Bytes data = block.data();
  if (block.command == smb1::kTreeConnect) {
    smb1::StringReader strings(data, block.bytes, false, 1);
    r.tree_path = strings.next();
    return;
  }
  smb1::StringReader strings(data, block.bytes, header.unicode(), block.word(6));
  r.tree_path = strings.next();
}

void Smb1Parser::tree_connect_response(const Header& header, const Block& block, Request* r,
                                       Timestamp time) {
  if (!r) return;
  std::uint16_t id = block.command == smb1::kTreeConnect ? block.word(2) : header.tree;
  if (header.status == 0 && block.word_count > 0) {
    SmbTree tree{r->tree_path, SmbTree::Type::kDisk};
    std::string_view service = as_text(block.data());
    if (block.command == smb1::kTreeConnect) {
      service = r->tree_path;  // says nothing of the service: the share's name does
      service = service.size() >= 4 ? service.substr(service.size() - 4) : service;
      if (equal_ignoring_case(service, "IPC$")) tree.type = SmbTree::Type::kPipe;
    } else if (service.starts_with("IPC")) {
      tree.type = SmbTree::Type::kPipe;
    } else if (service.starts_with("LPT1:")) {
      tree.type = SmbTree::Type::kPrinter;
    }
    state_.add_tree(header.user, id, std::move(tree));
  }
  r->tree = id;
  state_.tell(SmbFileEvent::Action::kTreeConnect, time, r->tree_path, "", header.status);
}

void Smb1Parser::opened(const Header& header, Request& r, std::uint16_t fid, int file_type,
                        Timestamp time) {
  const SmbTree* tree = state_.find_tree(r.user, r.tree);
  HandleKind kind = HandleKind::kUnknown;
  if (tree && tree->type != SmbTree::Type::kUnknown)
    kind = tree->type == SmbTree::Type::kPipe ? HandleKind::kPipe : HandleKind::kFile;
  // The server says itself what it opened: 1 is a byte-mode and 2 a message-mode pipe.
  if (file_type == 1 || file_type == 2) kind = HandleKind::kPipe;
  HandleKey opened_key = key(r.user, fid);
  state_.open(opened_key, r.tree, r.name, kind, time);
  std::erase_if(early_, [&](const Early& e) {
    if (!(e.key == opened_key)) return false;
    release(e);
    return true;
  });
  state_.tell(SmbFileEvent::Action::kOpen, time, opened_key, 0, header.status);
  if (r.opens) {
    r.has_fid = true;
    r.fid = fid;  // for a read chained behind the open
  }
}

void Smb1Parser::write(const Header& header, const Request& r, std::uint16_t fid,
                       const Payload& payload, bool certain, Timestamp time) {
  Payload checked = payload;
  if (checked.data.size() + checked.missing > length_) {
    ++state_.statistics.malformed;
    checked.missing = 0;
  }
  const HandleKey to = key(header.user, fid);
  if (!is_early(to, checked.data, certain)) {
    state_.transfer(to, header.tree, true, time, checked, certain);
    return;
  }
  Early early{r.number, to, header.tree, certain, time, {}, checked.missing};
  if (early_.size() >= kMaxEarly) release_early(early_.front().number);
  if (held_ + checked.data.size() > kMaxHeld) {
    ++state_.statistics.limits;
    early.missing += checked.data.size();
  } else {
    early.data.assign(checked.data.begin(), checked.data.end());
    held_ += early.data.size();
  }
  early_.push_back(std::move(early));
}

bool Smb1Parser::is_early(const HandleKey& to, Bytes start, bool certain) {
  if (opening_ == 0 || state_.find(to)) return false;
  if (certain || starts_like_dce(start)) return true;
  return std::ranges::any_of(early_, [&](const Early& e) { return e.key == to; });
}

void Smb1Parser::release(const Early& early) {
  held_ -= early.data.size();
  state_.transfer(early.key, early.tree, true, early.time, {early.data, early.missing},
                  early.certain);
}

void Smb1Parser::release_early(std::uint64_t up_to) {
  std::size_t n = 0;
  while (n < early_.size() && early_[n].number <= up_to) release(early_[n++]);
  early_.erase(early_.begin(), early_.begin() + static_cast<std::ptrdiff_t>(n));
}

void Smb1Parser::read_answer(const Header& header, Request* r, const Payload& payload,
                             Timestamp time) {
  Payload checked = payload;
  if (checked.data.size() + checked.missing > length_) {
    ++state_.statistics.malformed;
    checked.missing = 0;
  }
  HandleKey from;
  if (r && r->has_fid) {
    from = key(r->user, r->fid);
    state_.tell(SmbFileEvent::Action::kRead, time, from, checked.data.size() + checked.missing,
                header.status);
  } else if (SmbHandle* only = state_.only_pipe(); only && starts_like_dce(checked.data)) {
    from = only->key;
  } else {
    return;
  }
  state_.transfer(from, header.tree, false, time, checked, false);
}

void Smb1Parser::close(const Header& header, std::uint16_t fid, Timestamp time) {
  state_.tell(SmbFileEvent::Action::kClose, time, key(header.user, fid), 0, header.status);
  state_.close(key(header.user, fid), time);
}

void Smb1Parser::transaction_request(const Header& header, const Block& block, Request& r,
                                     Timestamp time) {
  using namespace smb1;
  if (block.command == kTransactionSecondary) {
    if (!r.transacts && !r.calls) return;
    write(header, r, r.fid, payload_at(block.message, block.word(12), block.word(10)), true, time);
    return;
  }
  if (block.word_count < 16) return;
  std::uint16_t function = block.word(28);
  switch (function) {
    case kTransactNmPipe:
    case kRawReadNmPipe:
    case kReadNmPipe:
    case kRawWriteNmPipe:
    case kWriteNmPipe:
      r.transacts = r.has_fid = true;
      r.fid = block.word(30);
      break;
    case kCallNmPipe: {
      // Opens, transacts and closes in one: the pipe stands in the transaction's name, and has no
      // FID. One from the far end of what servers give is used for its short life.
      r.calls = r.has_fid = true;
      r.fid = 0xffff;
      state_.open(key(header.user, r.fid), header.tree,
                  text(block.data(), block.bytes, header.unicode(), 0), HandleKind::kPipe, time);
      break;
    }
    default:
      return;
  }
  std::uint16_t size = block.word(22);
  if (size > 0)
    write(header, r, r.fid, payload_at(block.message, block.word(24), size),
          function == kTransactNmPipe || function == kCallNmPipe, time);
}

void Smb1Parser::transaction_response(const Header& header, const Block& block, Request* r,
                                      Timestamp time) {
  if (!r || (!r->transacts && !r->calls)) return;
  bool complete = true;
  // Without words it is an interim answer (status 0: secondaries may come) or an error.
  if (block.word_count == 0) complete = header.status != 0;
  if (block.word_count >= 10) {
    std::uint32_t total = block.word(2), size = block.word(12), displacement = block.word(16);
    if (size > 0) read_answer(header, r, payload_at(block.message, block.word(14), size), time);
    complete = displacement + size >= total;
  }
  if (!complete) return;
  if (r->calls) state_.close(key(r->user, r->fid), time);
  r->transacts = r->calls = false;
}

void Smb1Parser::raw(bool from_client, Timestamp time, Bytes data, std::size_t length) {
  Raw& expected = from_client ? raw_write_ : raw_read_;
  if (!expected.expected) return;
  expected.expected = false;
  ++state_.statistics.messages;
  state_.transfer(expected.key, expected.tree, from_client, time, {data, length - data.size()},
                  false);
}

}  // namespace rpcmarshal
