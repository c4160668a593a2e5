#include "smb/smb2_parser.h"

#include <algorithm>

#include "base/unicode.h"
#include "smb/smb2_wire.h"

namespace rpcmarshal {

using namespace smb2;

namespace {

std::string text_at(Bytes message, std::size_t offset, std::size_t size) {
  return utf16_to_utf8(payload_at(message, offset, size).data);
}

}  // namespace

int Smb2Parser::is_response(Bytes head) {
  if (head.size() < 20) return -1;
  return (u32(head, 16) & kFlagResponse) ? 1 : 0;
}

bool Smb2Parser::Header::parse(Bytes data) {
  if (data.size() < kHeaderSize || u16(data, 4) != kHeaderSize) return false;
  status = u32(data, 8);
  command = u16(data, 12);
  flags = u32(data, 16);
  next = u32(data, 20);
  message_id = u64(data, 24);
  tree = (flags & kFlagAsync) ? 0 : u32(data, 36);
  session = u64(data, 40);
  return command < kLastCommand;
}

bool Smb2Parser::wants_whole(Bytes head) {
  Header header;
  if (!header.parse(head)) return false;
  if (header.next != 0) return true;
  select(header.session);
  bool is_answer = (header.flags & kFlagResponse) != 0;
  if (header.command == kWrite && !is_answer) {
    HandleKey key = file_id(head, kBody + 16, header.session, nullptr);
    Bytes start = payload_at(head, u16(head, kBody + 2), 16).data;
    Request r;
    r.file = key;
    return state_->wants(key, start) || is_early(r, start, false);
  }
  if (header.command == kRead && is_answer) {
    auto found = requests_.find(header.message_id);
    Bytes start = payload_at(head, u8(head, kBody + 2), 16).data;
    if (found == requests_.end()) return starts_like_dce(start);
    return state_->wants(found->second.file, start);
  }
  // Directory listings and other answers of servers are of no use beyond their head.
  return !is_answer || header.command <= kCreate || header.command == kIoctl;
}

/// What is open in this session: the connection's own state, or that of the channel which the
/// session came from.
void Smb2Parser::select(std::uint64_t session) {
  state_ = own_.get();
  if (!bound_.empty()) {
    const auto bound = bound_.find(session);
    if (bound != bound_.end()) state_ = bound->second.get();
  }
  state_->set_route(route_);
}

/// A session was set up here, or another connection's session was bound to this one.
void Smb2Parser::established(std::uint64_t session, bool binding, Timestamp time) {
  if (!channels_) return;
  if (!binding) return channels_->add(server_, session, own_);
  auto state = channels_->find(server_, session);
  if (!state || state == own_) return;
  if (bound_.size() >= kMaxBound) {
    ++state_->statistics.limits;
    return;
  }
  own_->end_session(session, time);
  bound_[session] = std::move(state);
  select(session);
}

void Smb2Parser::end(Timestamp time) {
  for (auto& [id, r] : requests_) {
    if (r.early) release(r);
  }
  for (auto& [session, state] : bound_) {
    if (state.use_count() == 1) state->end(time);
  }
  bound_.clear();
  state_ = own_.get();
}

void Smb2Parser::message(bool from_client, Timestamp time, Bytes data, std::size_t length,
                         std::uint64_t sealed_by) {
  Chain chain;
  for (int part = 0; part < kMaxCompound; ++part) {
    Header header;
    if (!header.parse(data)) {
      ++state_->statistics.malformed;
      return;
    }
    ++state_->statistics.messages;
    bool last = header.next == 0;
    if (!last && (header.next < kHeaderSize || header.next > length || header.next % 8 != 0)) {
      ++state_->statistics.malformed;
      last = true;
    }
    std::size_t size = last ? length : header.next;
    Bytes message = data.first(std::min(size, data.size()));
    if (from_client) {
      if (header.flags & kFlagRelated) {
        if (header.session == 0 || header.session == ~std::uint64_t{0})
          header.session = chain.session;
        if (header.tree == 0 || header.tree == 0xffffffff) header.tree = chain.tree;
      } else {
        chain = Chain{};
      }
      chain.session = header.session;
      chain.tree = header.tree;
    }
    // What is encrypted in one session speaks for no other ([MS-SMB2] 3.3.5.2.1.1); notifications
    // name none.
    if (sealed_by != 0 && header.session != sealed_by && header.session != 0) {
      ++state_->statistics.malformed;
      return;
    }
    select(header.session);
    // A SESSION_SETUP is signed with a key that only follows from it.
    const bool sign_late = header.command == kSessionSetup;
    if (sealed_by == 0 && !sign_late) check_signature(header, message, size, from_client);
    if (from_client) {
      request(header, message, size, chain, time);
    } else {
      response(header, message, size, time);
    }
    if (sealed_by == 0 && sign_late && !from_client)
      check_signature(header, message, size, from_client);
    if (last || size >= data.size()) return;
    data = data.subspan(size);
    length -= size;
  }
  ++state_->statistics.limits;
}

// The FileId at `offset`; all ones in a related request means the one before it.
HandleKey Smb2Parser::file_id(Bytes message, std::size_t offset, std::uint64_t session,
                              Chain* chain) {
  HandleKey key{session, u64(message, offset), u64(message, offset + 8)};
  if (!chain) return key;
  if (key.high == ~std::uint64_t{0} && key.low == ~std::uint64_t{0}) return chain->file;
  chain->file = key;
  chain->after_create = false;
  return key;
}

void Smb2Parser::request(const Header& header, Bytes message, std::size_t length, Chain& chain,
                         Timestamp time) {
  if (header.command == kCancel) return;  // carries the MessageId of what it cancels
  Request r;
  r.command = header.command;
  r.session = header.session;
  r.tree = header.tree;
  Payload payload;
  bool has_payload = false, certain = false;
  auto use_file = [&](std::size_t offset) {
    r.file = file_id(message, offset, header.session, &chain);
    r.after_create = chain.after_create;
    r.create = chain.create;
  };
  switch (header.command) {
    case kNegotiate:
      preauth_ = {};
      negotiated(header, message, length);
      break;
    case kSessionSetup:
      session_setup_request(header, message, length, r);
      break;
    case kTreeConnect:
      r.text = text_at(message, u16(message, kBody + 4), u16(message, kBody + 6));
      break;
    case kCreate:
      r.text = text_at(message, u16(message, kBody + 44), u16(message, kBody + 46));
      r.detail = u32(message, kBody + 40);
      chain.create = header.message_id;
      chain.after_create = true;
      chain.file = {};
      break;
    case kClose:
      use_file(kBody + 8);
      break;
    case kRead:
      use_file(kBody + 16);
      r.size = u32(message, kBody + 4);
      break;
    case kWrite:
      use_file(kBody + 16);
      r.size = u32(message, kBody + 4);
      payload = payload_at(message, u16(message, kBody + 2), r.size);
      has_payload = true;
      break;
    case kIoctl: {
      use_file(kBody + 8);
      r.detail = u32(message, kBody + 4);
      if (r.detail != kPipeTransceive) break;
      payload = payload_at(message, u32(message, kBody + 24), u32(message, kBody + 28));
      has_payload = certain = true;
      break;
    }
    case kSetInfo:
      use_file(kBody + 16);
      if (u8(message, kBody + 2) == kInfoFile) r.detail = u8(message, kBody + 3);
      break;
    default:
      break;
  }
  // A length that leaves the message is a lie, not missing bytes.
  if (has_payload && payload.data.size() + payload.missing > length) {
    ++state_->statistics.malformed;
    payload.missing = 0;
  }
  if (has_payload) outgoing(r, payload, certain, time);
  if (r.after_create) {
    auto create = requests_.find(r.create);
    if (create != requests_.end()) create->second.has_followers = true;
  }
  auto old = requests_.find(header.message_id);
  if (old != requests_.end()) drop(old);
  if (requests_.size() >= kMaxRequests) {
    ++state_->statistics.limits;
    drop(requests_.begin());
  }
  early_ += r.early;
  opening_ += r.command == kCreate;
  setting_up_ += r.command == kSessionSetup;
  requests_.emplace(header.message_id, std::move(r));
}

// The server's direction may lag behind, when a segment of it was lost: a FileId that is not known
// may be that of a CREATE whose answer is still to come.
bool Smb2Parser::is_early(const Request& request, Bytes start, bool certain) {
  if (opening_ == 0 || state_->find(request.file)) return false;
  if (certain || starts_like_dce(start)) return true;
  return early_ > 0 && std::ranges::any_of(requests_, [&](const auto& entry) {
           return entry.second.early && entry.second.file == request.file;
         });
}

void Smb2Parser::release(Request& r) {
  early_ -= r.early;
  r.early = false;
  SmbState* const at_hand = state_;
  select(r.session);
  if (!r.held.empty() || r.held_missing > 0)
    state_->transfer(r.file, r.tree, true, r.time, {r.held, r.held_missing}, r.command == kIoctl);
  state_ = at_hand;
  held_ -= r.held.size();
  r.held = {};
  r.held_missing = 0;
}

// The answer to an early request came, that of the CREATE did not: it is lost.
void Smb2Parser::release_early(std::uint64_t before) {
  for (auto it = requests_.begin(); early_ > 0 && it != requests_.end() && it->first <= before;
       ++it)
    if (it->second.early) release(it->second);
}

// Payload of a WRITE or a transceive: to the pipe, or kept until its FileId is known.
void Smb2Parser::outgoing(Request& request, const Payload& payload, bool certain, Timestamp time) {
  request.early = !request.after_create && is_early(request, payload.data, certain);
  if (!request.after_create && !request.early) {
    state_->transfer(request.file, request.tree, true, time, payload, certain);
    return;
  }
  request.time = time;
  if (held_ + payload.data.size() > kMaxHeld) {
    ++state_->statistics.limits;
    request.held_missing = payload.data.size() + payload.missing;
    return;
  }
  request.held.assign(payload.data.begin(), payload.data.end());
  request.held_missing = payload.missing;
  held_ += request.held.size();
}

void Smb2Parser::drop(std::map<std::uint64_t, Request>::iterator it) {
  if (it->second.early) release(it->second);
  opening_ -= it->second.command == kCreate;
  setting_up_ -= it->second.command == kSessionSetup;
  held_ -= it->second.held.size();
  requests_.erase(it);
}

void Smb2Parser::create_response(const Header& header, Bytes message, Request& r, Timestamp time) {
  bool opened =
      header.status == 0 && u16(message, kBody) == kCreateResponse && message.size() >= kBody + 80;
  HandleKey key{r.session, u64(message, kBody + 64), u64(message, kBody + 72)};
  if (opened) {
    const SmbTree* tree = state_->find_tree(r.session, r.tree);
    HandleKind kind = HandleKind::kUnknown;
    if (tree && tree->type != SmbTree::Type::kUnknown)
      kind = tree->type == SmbTree::Type::kPipe ? HandleKind::kPipe : HandleKind::kFile;
    state_->open(key, r.tree, std::move(r.text), kind, time);
    if (early_ > 0) {
      for (auto& [id, waiting] : requests_)
        if (waiting.early && waiting.file == key) release(waiting);
    }
    state_->tell(SmbFileEvent::Action::kOpen, time, key, 0, header.status);
    if (r.detail & kDeleteOnClose)
      state_->tell(SmbFileEvent::Action::kDelete, time, key, 0, header.status);
  } else {
    const SmbTree* tree = state_->find_tree(r.session, r.tree);
    state_->tell(SmbFileEvent::Action::kOpen, time, tree ? std::string_view(tree->path) : "",
                 r.text, header.status);
  }
  if (r.has_followers) name_followers(header.message_id, key, opened);
}

// The FileId of a CREATE is known: the requests compounded with it get it, in their order.
void Smb2Parser::name_followers(std::uint64_t create, const HandleKey& key, bool opened) {
  for (auto it = requests_.lower_bound(create); it != requests_.end(); ++it) {
    Request& r = it->second;
    if (!r.after_create || r.create != create) continue;
    r.after_create = false;
    r.file = key;
    if (opened && (!r.held.empty() || r.held_missing > 0))
      state_->transfer(key, r.tree, true, r.time, {r.held, r.held_missing}, r.command == kIoctl);
    held_ -= r.held.size();
    r.held = {};
  }
}

void Smb2Parser::response(const Header& header, Bytes message, std::size_t length, Timestamp time) {
  using Action = SmbFileEvent::Action;
  if (header.status == kStatusPending && (header.flags & kFlagAsync))
    return;  // the final one follows
  auto found = requests_.find(header.message_id);
  Request* r = nullptr;
  if (found != requests_.end() && found->second.command == header.command) r = &found->second;
  std::uint64_t session = r ? r->session : header.session;
  if (header.flags & kFlagSigned) {
    if (auto known = state_->find_session(header.session)) known->signing = true;
  }
  bool success = header.status == 0;
  bool has_data = success || header.status == kStatusBufferOverflow;
  auto checked = [&](Payload payload) {
    if (payload.data.size() + payload.missing > length) {
      ++state_->statistics.malformed;
      payload.missing = 0;
    }
    return payload;
  };
  if (r && r->early) release_early(header.message_id);
  switch (header.command) {
    case kNegotiate:
      if (success) negotiated(header, message, length);
      break;
    case kSessionSetup:
      session_setup_response(header, message, length, r, time);
      break;
    case kLogoff:
      if (success) state_->end_session(session, time);
      break;
    case kTreeConnect: {
      if (!r) break;
      if (success) {
        SmbTree tree{r->text, SmbTree::Type::kDisk};
        if (u8(message, kBody + 2) == kShareTypePipe) tree.type = SmbTree::Type::kPipe;
        if (u8(message, kBody + 2) == 3) tree.type = SmbTree::Type::kPrinter;
        state_->add_tree(header.session, header.tree, std::move(tree));
      }
      state_->tell(Action::kTreeConnect, time, r->text, "", header.status);
      break;
    }
    case kTreeDisconnect:
      if (success) state_->end_tree(session, r ? r->tree : header.tree, time);
      break;
    case kCreate:
      if (r) create_response(header, message, *r, time);
      break;
    case kClose:
      if (!r || !success) break;
      state_->tell(Action::kClose, time, r->file, 0, header.status);
      state_->close(r->file, time);
      break;
    case kRead: {
      if (!has_data || u16(message, kBody) != kReadResponse) break;
      std::uint32_t size = u32(message, kBody + 4);
      Payload payload = checked(payload_at(message, u8(message, kBody + 2), size));
      HandleKey key;
      if (r) {
        key = r->file;
        state_->tell(Action::kRead, time, key, size, header.status);
      } else if (SmbHandle* only = state_->only_pipe(); only && starts_like_dce(payload.data)) {
        key = only->key;  // its request was lost, but there is no other it could belong to
      } else {
        break;
      }
      state_->transfer(key, r ? r->tree : header.tree, false, time, payload, false);
      break;
    }
    case kWrite:
      if (r) state_->tell(Action::kWrite, time, r->file, r->size, header.status);
      break;
    case kIoctl: {
      if (!has_data || u16(message, kBody) != kIoctlResponse ||
          u32(message, kBody + 4) != kPipeTransceive)
        break;
      Payload payload =
          checked(payload_at(message, u32(message, kBody + 32), u32(message, kBody + 36)));
      HandleKey key = r ? r->file : file_id(message, kBody + 8, header.session, nullptr);
      state_->transfer(key, r ? r->tree : header.tree, false, time, payload, true);
      break;
    }
    case kSetInfo:
      if (!r || !success) break;
      if (r->detail == kRename || r->detail == kRenameEx)
        state_->tell(Action::kRename, time, r->file, 0, header.status);
      if (r->detail == kDisposition || r->detail == kDispositionEx)
        state_->tell(Action::kDelete, time, r->file, 0, header.status);
      break;
    default:
      break;
  }
  if (found != requests_.end()) drop(found);
}

}  // namespace rpcmarshal
