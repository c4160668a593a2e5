#include "security/kerberos_security.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "security/aes_keys.h"
#include "security/crypto.h"
#include "base/der.h"

namespace rpcmarshal {
namespace {

std::uint16_t be16(Bytes bytes, std::size_t at) {
  return load<std::uint16_t>(bytes.data() + at, ByteOrder::kBig);
}

/// What is signed: with header signing the PDU up to the token, else the stub and its padding alone
/// ([MS-RPCE] 3.3.1.5.2.2). Not every client keeps to what was negotiated, so both are tried, first
/// the one that was right before.
class SignedParts {
 public:
  /// Calls `verify(before, after)` with what surrounds the body.
  template <typename Verify>
  bool operator()(const ProtectedPdu& message, Verify&& verify) {
    for (int attempt = 0; attempt < 2; ++attempt) {
      const bool body_only = body_only_ != (attempt == 1);
      const bool good =
          body_only ? verify(Bytes(), Bytes()) : verify(message.before(), message.verifier());
      if (!good) continue;
      body_only_ = body_only;
      return true;
    }
    return false;
  }

 private:
  bool body_only_ = false;
};

/// [RFC4121] 4.2.
class AesSecurity final : public SecurityContext {
 public:
  explicit AesSecurity(const KerberosKeys& keys)
      : own_(keys.initiator.empty() ? keys.session : keys.initiator), acceptor_(keys.acceptor) {}

  OpenResult open(bool from_client, const ProtectedPdu& message) override {
    const Bytes token = message.token();
    if (token.size() < kHeader) return OpenResult::kMalformed;
    const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(token[i]); };
    const unsigned id = at(0) << 8 | at(1), flags = at(2);
    const bool wrapped = id == kWrap;
    if (id != kWrap && id != kMic) return OpenResult::kMalformed;
    if (((flags & kSentByAcceptor) != 0) == from_client) return OpenResult::kBadSignature;
    if (message.sealed && (!wrapped || !(flags & kSealed))) return OpenResult::kMalformed;
    const bool subkey = (flags & kAcceptorSubkey) != 0;
    const SecretKey& key = subkey ? acceptor_ : own_;
    if (key.empty()) return OpenResult::kNoSubkey;
    if (!AesKeys::supports(key.etype())) return OpenResult::kUnsupported;
    const bool sealed = wrapped && (flags & kSealed);
    auto& keys = keys_[subkey][from_client][sealed];
    if (!keys) {
      // Usage numbers, [RFC4121] 2.
      const std::uint32_t usage = sealed ? (from_client ? 24u : 22u) : (from_client ? 25u : 23u);
      keys = std::make_unique<AesKeys>(key, usage);
    }
    if (sealed) return unwrap(*keys, message, token);
    return wrapped ? OpenResult::kUnsupported : verify(*keys, message, token);
  }

 private:
  static constexpr unsigned kWrap = 0x0504, kMic = 0x0404;
  static constexpr unsigned kSentByAcceptor = 1, kSealed = 2, kAcceptorSubkey = 4;
  static constexpr std::size_t kHeader = 16, kConfounder = 16;

  OpenResult verify(const AesKeys& keys, const ProtectedPdu& message, Bytes token) {
    if (token.size() < kHeader + keys.checksum_size()) return OpenResult::kMalformed;
    const Bytes header = token.first(kHeader);
    const Bytes sum = token.subspan(kHeader, keys.checksum_size());
    return signed_(message,
                   [&](Bytes before, Bytes after) {
                     return keys.plain_checksum({before, message.body(), after, header}, sum);
                   })
               ? OpenResult::kGood
               : OpenResult::kBadSignature;
  }

  // In order the ciphertext is: confounder, stub, EC bytes of filler, a copy of the header; then
  // the checksum. Rotated right by RRC bytes (Windows means RRC + EC), all but the stub comes to
  // lie in the token, the confounder last.
  OpenResult unwrap(AesKeys& keys, const ProtectedPdu& message, Bytes token) {
    const std::size_t extra = be16(token, 4), rotated = be16(token, 6);
    const Bytes rest = token.subspan(kHeader);
    const std::span<std::byte> body = message.body();
    const std::size_t tail = extra + kHeader + keys.checksum_size();
    if (rest.size() != tail + kConfounder) return OpenResult::kMalformed;
    if (rotated != tail && rotated + extra != tail) return OpenResult::kMalformed;
    // Never more than a PDU, whose length has 16 bits.
    thread_local std::array<std::byte, 65536> buffer;
    const std::size_t size = rest.size() + body.size() - keys.checksum_size();
    if (size > buffer.size()) return OpenResult::kMalformed;
    const std::span<std::byte> text = std::span(buffer).first(size);
    const Bytes sealed_tail = rest.first(tail - keys.checksum_size());
    const Bytes sum = rest.subspan(sealed_tail.size(), keys.checksum_size());
    auto put =
        std::copy_n(rest.begin() + static_cast<std::ptrdiff_t>(tail), kConfounder, text.begin());
    put = std::copy(body.begin(), body.end(), put);
    std::copy(sealed_tail.begin(), sealed_tail.end(), put);
    const Bytes confounder = text.first(kConfounder), stub = text.subspan(kConfounder, body.size()),
                end = text.subspan(kConfounder + body.size());
    static constexpr std::array<std::byte, 16> kNoVector{};
    const Bytes vector = keys.over_ciphertext() ? Bytes(kNoVector) : Bytes();
    const auto check = [&] {
      return signed_(message, [&](Bytes before, Bytes after) {
        return keys.sealed_checksum({vector, confounder, before, stub, after, end}, sum);
      });
    };
    if (keys.over_ciphertext() && !check()) return OpenResult::kBadSignature;
    keys.decrypt(text);
    if (!keys.over_ciphertext() && !check()) return OpenResult::kBadSignature;
    // The copy has RRC zero; Windows leaves EC as it is.
    const Bytes copy = end.subspan(extra);
    if (!std::equal(copy.begin(), copy.begin() + 4, token.begin()) ||
        !std::equal(copy.begin() + 8, copy.end(), token.begin() + 8))
      return OpenResult::kBadSignature;
    std::copy(stub.begin(), stub.end(), body.begin());
    return OpenResult::kGood;
  }

  SecretKey own_, acceptor_;
  std::unique_ptr<AesKeys> keys_[2][2][2];  // acceptor's subkey, from the client, sealed
  SignedParts signed_;
};

/// [RFC4757] 7.
class Rc4Security final : public SecurityContext {
 public:
  explicit Rc4Security(const KerberosKeys& keys) {
    for (const SecretKey* key : {&keys.acceptor, &keys.initiator, &keys.session})
      if (!key->empty() && key->etype() == kRc4) candidates_[count_++] = Keys(*key);
  }

  OpenResult open(bool from_client, const ProtectedPdu& message) override {
    Bytes token = message.token();
    if (!token.empty() && token[0] == std::byte{0x60} && !strip_framing(token))
      return OpenResult::kMalformed;
    const bool sealed = message.sealed;
    if (token.size() < (sealed ? 32u : 24u)) return OpenResult::kMalformed;
    // TOK_ID, SGN_ALG HMAC, SEAL_ALG RC4.
    if (be16(token, 0) != (sealed ? 0x0201 : 0x0101) || be16(token, 2) != 0x1100)
      return OpenResult::kMalformed;
    if (sealed && be16(token, 4) != 0x1000) return OpenResult::kUnsupported;
    // Which of the keys is the context's depends on the implementation; the first that fits stays.
    for (std::size_t i = 0; i < count_; ++i) {
      const bool good = sealed ? unwrap(candidates_[i], from_client, message, token)
                               : verify(candidates_[i], from_client, message, token);
      if (!good) continue;
      if (i != 0) std::swap(candidates_[0], candidates_[i]);
      if (!decided_) count_ = 1;
      decided_ = true;
      return OpenResult::kGood;
    }
    return OpenResult::kBadSignature;
  }

 private:
  static constexpr std::int32_t kRc4 = 23;

  struct Keys {
    Keys() = default;
    explicit Keys(const SecretKey& key) {
      using namespace std::string_view_literals;
      constexpr std::array<std::byte, 4> kZero{};
      std::array<std::byte, 16> local{};
      std::copy_n(key.bytes().begin(), std::min<std::size_t>(16, key.bytes().size()),
                  local.begin());
      auto made = crypto::hmac_md5(local, {as_bytes("signaturekey\0"sv)});
      sign = crypto::HmacMd5(made);
      made = crypto::hmac_md5(local, {kZero});
      sequence = crypto::HmacMd5(made);
      for (std::byte& b : local) b ^= std::byte{0xf0};
      made = crypto::hmac_md5(local, {kZero});
      seal = crypto::HmacMd5(made);
      wipe(made.data(), made.size());
      wipe(local.data(), local.size());
    }
    crypto::HmacMd5 sign, sequence, seal;
  };

  /// The GSS-API framing; its length leaves the stub out, and need not be right.
  static bool strip_framing(Bytes& token) {
    ByteReader reader(token);
    reader.skip(1);
    const unsigned first = reader.u8();
    if (first >= 0x80) reader.skip(first & 0x7f);
    if (reader.u8() != kDerOid) return false;
    reader.skip(reader.u8());
    if (!reader.ok()) return false;
    token = reader.rest();
    return true;
  }

  /// The sequence number: four bytes, then the sender's side. False when that is another.
  static bool sequence(const Keys& keys, bool from_client, Bytes sealed, Bytes sum,
                       std::array<std::byte, 8>& out) {
    std::copy_n(sealed.begin(), 8, out.begin());
    crypto::Rc4(keys.sequence({sum})).apply(out);
    const std::byte side = from_client ? std::byte{0} : std::byte{0xff};
    return std::all_of(out.begin() + 4, out.end(), [&](std::byte b) { return b == side; });
  }

  bool check(const Keys& keys, const ProtectedPdu& message, std::uint32_t usage, Bytes header,
             Bytes confounder, Bytes sum) {
    const std::array<std::byte, 4> type{static_cast<std::byte>(usage), {}, {}, {}};
    return signed_(message, [&](Bytes before, Bytes after) {
      const auto digest = crypto::md5({type, header, confounder, before, message.body(), after});
      return crypto::same(Bytes(keys.sign({digest})).first(8), sum);
    });
  }

  bool verify(const Keys& keys, bool from_client, const ProtectedPdu& message, Bytes token) {
    std::array<std::byte, 8> number;
    const Bytes sum = token.subspan(16, 8);
    return sequence(keys, from_client, token.subspan(8, 8), sum, number) &&
           check(keys, message, 15, token.first(8), {}, sum);
  }

  bool unwrap(const Keys& keys, bool from_client, const ProtectedPdu& message, Bytes token) {
    std::array<std::byte, 8> number, confounder;
    const Bytes sum = token.subspan(16, 8);
    if (!sequence(keys, from_client, token.subspan(8, 8), sum, number)) return false;
    const crypto::Rc4 start(keys.seal({Bytes(number).first(4)}));
    crypto::Rc4 stream = start;
    std::copy_n(token.begin() + 24, 8, confounder.begin());
    stream.apply(confounder);
    stream.apply(message.body());
    if (check(keys, message, 13, token.first(8), confounder, sum)) return true;
    stream = start;  // put the ciphertext back for the next key
    stream.skip(8);
    stream.apply(message.body());
    return false;
  }

  std::array<Keys, 3> candidates_;
  std::size_t count_ = 0;
  bool decided_ = false;
  SignedParts signed_;
};

/// A key of a type whose messages cannot be opened.
class UnsupportedSecurity final : public SecurityContext {
 public:
  OpenResult open(bool, const ProtectedPdu&) override { return OpenResult::kUnsupported; }
};

}  // namespace

std::unique_ptr<SecurityContext> make_kerberos_security(const KerberosKeys& keys) {
  if (keys.best().empty()) return nullptr;
  if (AesKeys::supports(keys.best().etype())) return std::make_unique<AesSecurity>(keys);
  if (keys.best().etype() == 23) return std::make_unique<Rc4Security>(keys);
  return std::make_unique<UnsupportedSecurity>();
}

}  // namespace rpcmarshal
