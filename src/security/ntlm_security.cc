#include "security/ntlm_security.h"

#include <algorithm>

#include "security/crypto.h"
#include "security/ntlm.h"
#include "security/ntlm_keys.h"
#include "security/secret_memory.h"

namespace rpcmarshal {
namespace {

constexpr std::size_t kSignatureSize =
    16;  // [MS-NLMP] 2.2.2.9: version 1, 8 bytes, sequence number

/// With extended session security: a key stream, a signing key and a count for each direction.
class ExtendedSecurity final : public SecurityContext {
 public:
  ExtendedSecurity(std::uint32_t flags, Bytes session_key)
      : checksum_sealed_((flags & kNtlmKeyExchange) != 0) {
    for (const bool from_client : {false, true}) {
      NtlmDirectionKeys keys = ntlm_direction_keys(flags, session_key, from_client);
      Half& half = halves_[from_client];
      half.stream.start(Bytes(keys.seal).first(keys.seal_size));
      half.sign = crypto::HmacMd5(keys.sign);
      wipe(&keys, sizeof keys);
    }
  }

  OpenResult open(bool from_client, const ProtectedPdu& message) override {
    Half& half = halves_[from_client];
    const Bytes token = message.token();
    if (half.lost) return OpenResult::kLost;
    if (token.size() < kSignatureSize ||
        load<std::uint32_t>(token.data(), ByteOrder::kLittle) != 1) {
      half.lost = true;  // how much of the key stream it took is not known
      return OpenResult::kMalformed;
    }
    if (message.sealed) half.stream.apply(message.body());
    std::array<std::byte, 8> checksum;
    std::copy_n(token.begin() + 4, 8, checksum.begin());
    if (checksum_sealed_) half.stream.apply(checksum);
    const Bytes sequence = token.subspan(12, 4);
    // Header signing covers the whole PDU up to the token, else only the stub and its padding is
    // covered ([MS-RPCE] 3.3.1.5.2.2). Not every client keeps to what was negotiated.
    const Bytes whole = message.pdu.first(message.verifier_at + 8);
    const Bytes parts[] = {whole, message.body()};
    for (int attempt = 0; attempt < 2; ++attempt) {
      const bool body_only = half.body_only != (attempt == 1);
      const crypto::Block16 made = half.sign({sequence, parts[body_only]});
      if (!crypto::same(Bytes(made).first(8), checksum)) continue;
      half.body_only = body_only;
      return OpenResult::kGood;
    }
    return OpenResult::kBadSignature;
  }

  void lost(bool from_client) override { halves_[from_client].lost = true; }

 private:
  struct Half {
    crypto::Rc4 stream;
    crypto::HmacMd5 sign;
    bool lost = false;
    bool body_only = false;
  };
  Half halves_[2];
  bool checksum_sealed_;
};

/// Without: a CRC, and one key for both directions. Its stream is shared by both in the order of
/// the messages, or each has its own; the first answer shows which.
class PlainSecurity final : public SecurityContext {
 public:
  PlainSecurity(std::uint32_t flags, Bytes session_key) {
    NtlmDirectionKeys keys = ntlm_direction_keys(flags, session_key, true);
    const Bytes seal = Bytes(keys.seal).first(keys.seal_size);
    shared_.start(seal);
    for (crypto::Rc4& own : own_) own.start(seal);
    wipe(&keys, sizeof keys);
  }

  OpenResult open(bool from_client, const ProtectedPdu& message) override {
    const Bytes token = message.token();
    if (lost_[from_client]) return OpenResult::kLost;
    if (token.size() < kSignatureSize ||
        load<std::uint32_t>(token.data(), ByteOrder::kLittle) != 1) {
      lost_[0] = lost_[1] = true;
      return OpenResult::kMalformed;
    }
    if (form_ != Form::kOwn) {
      const crypto::Rc4 before = shared_;
      if (attempt(shared_, message)) {
        if (form_ == Form::kUnknown) {
          // The first message of all fits both ways.
          own_[from_client] = shared_;
          if (opened_[!from_client]) form_ = Form::kShared;
          opened_[from_client] = true;
        }
        return OpenResult::kGood;
      }
      if (form_ == Form::kShared) return OpenResult::kBadSignature;
      // Restore the ciphertext: RC4 is its own inverse.
      crypto::Rc4 back = before;
      if (message.sealed) back.apply(message.body());
    }
    if (!attempt(own_[from_client], message)) return OpenResult::kBadSignature;
    form_ = Form::kOwn;
    return OpenResult::kGood;
  }

  void lost(bool from_client) override {
    if (form_ == Form::kOwn) {
      lost_[from_client] = true;
    } else {
      lost_[0] = lost_[1] = true;
    }
  }

 private:
  enum class Form : std::uint8_t { kUnknown, kShared, kOwn };

  /// [MS-NLMP] 3.4.4.1: random pad, checksum and sequence number are sealed in this order.
  static bool attempt(crypto::Rc4& stream, const ProtectedPdu& message) {
    if (message.sealed) stream.apply(message.body());
    std::array<std::byte, 12> rest;
    std::copy_n(message.token().begin() + 4, 12, rest.begin());
    stream.apply(rest);
    const auto sum = load<std::uint32_t>(rest.data() + 4, ByteOrder::kLittle);
    return sum == crypto::crc32(message.pdu.first(message.verifier_at + 8)) ||
           sum == crypto::crc32(message.body());
  }

  crypto::Rc4 shared_;
  crypto::Rc4 own_[2];
  Form form_ = Form::kUnknown;
  bool opened_[2] = {};
  bool lost_[2] = {};
};

}  // namespace

std::unique_ptr<SecurityContext> make_ntlm_security(std::uint32_t flags, Bytes session_key) {
  if (flags & kNtlmExtendedSessionSecurity)
    return std::make_unique<ExtendedSecurity>(flags, session_key);
  return std::make_unique<PlainSecurity>(flags, session_key);
}

}  // namespace rpcmarshal
