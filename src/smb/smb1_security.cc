// The part of Smb1Parser that has to do with keys: signatures ([MS-CIFS] 3.1.4.1).
#include "smb/signature.h"
#include "smb/smb1_parser.h"
#include "smb/smb1_wire.h"

namespace rpcmarshal {

/// The first session with a key numbers the connection's messages from then on.
void Smb1Parser::start_signing(const SmbSessionState& session) {
  if (!secrets_ || !mac_key_.empty() || !session.session->auth) return;
  if (session.session->guest || session.session->anonymous) return;
  const Bytes key = session.session->auth->session_key();
  if (key.size() < 16) return;
  mac_key_ = SmbKey(key.first(16));
  sequence_ = kFirstSequence;
}

/// Gives the number that the answer's signature has, 0 when there are no numbers.
std::uint32_t Smb1Parser::check_request(const Header& header, Bytes message) {
  if (mac_key_.empty()) return 0;
  const bool is_signed = (header.flags2 & smb1::kFlags2Signed) != 0 && message.size() == length_;
  std::uint32_t found = sequence_;
  if (is_signed) {
    // Messages that were not captured had numbers too: a few further ones are tried.
    const std::uint32_t last = sequence_ + (message.size() <= 4096 ? kSearched : 0);
    bool good = false;
    for (std::uint32_t s = sequence_; s <= last && !good; ++s) {
      good = verify_smb1(message, mac_key_.bytes(), s);
      if (good) found = s;
    }
    count(header, good);
  }
  sequence_ = found + (header.command == smb1::kNtCancel ? 1 : 2);
  return found + 1;
}

void Smb1Parser::check_answer(const Header& header, Bytes message, std::uint32_t sequence) {
  if (mac_key_.empty() || sequence == 0 || message.size() < length_) return;
  if (!(header.flags2 & smb1::kFlags2Signed)) return;
  count(header, verify_smb1(message, mac_key_.bytes(), sequence));
}

void Smb1Parser::count(const Header& header, bool good) {
  ++(good ? state_.statistics.signatures : state_.statistics.bad_signatures);
  const auto session = state_.find_session(header.user);
  if (!session) return;
  if (good) {
    session->verified = true;
  } else {
    ++session->bad_signatures;
  }
}

}  // namespace rpcmarshal
