#define OPENSSL_SUPPRESS_DEPRECATED
#include "security/aes_keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

#include "security/crypto.h"

namespace rpcmarshal {
namespace {

constexpr std::size_t kBlock = 16;
static_assert(sizeof(SHA512_CTX) <= 216 && sizeof(SHA256_CTX) <= 216 && sizeof(SHA_CTX) <= 216);

unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

// One set of functions for three hashes.
struct Sha1 {
  using Context = SHA_CTX;
  static constexpr std::size_t kSize = 20, kBlockSize = 64;
  static void start(Context& c) { SHA1_Init(&c); }
  static void add(Context& c, Bytes b) { SHA1_Update(&c, b.data(), b.size()); }
  static void end(Context& c, std::byte* out) { SHA1_Final(raw(out), &c); }
};
struct Sha256 {
  using Context = SHA256_CTX;
  static constexpr std::size_t kSize = 32, kBlockSize = 64;
  static void start(Context& c) { SHA256_Init(&c); }
  static void add(Context& c, Bytes b) { SHA256_Update(&c, b.data(), b.size()); }
  static void end(Context& c, std::byte* out) { SHA256_Final(raw(out), &c); }
};
struct Sha384 {
  using Context = SHA512_CTX;
  static constexpr std::size_t kSize = 48, kBlockSize = 128;
  static void start(Context& c) { SHA384_Init(&c); }
  static void add(Context& c, Bytes b) { SHA384_Update(&c, b.data(), b.size()); }
  static void end(Context& c, std::byte* out) { SHA384_Final(raw(out), &c); }
};

template <typename Sha>
void absorb(Bytes key, std::byte with, std::array<std::byte, 216>& state) {
  std::array<std::byte, Sha::kBlockSize> block{};  // our keys are shorter than any block
  std::ranges::copy(key, block.begin());
  for (std::byte& b : block) b ^= with;
  typename Sha::Context context;
  Sha::start(context);
  Sha::add(context, block);
  std::memcpy(state.data(), &context, sizeof context);
  OPENSSL_cleanse(block.data(), block.size());
  OPENSSL_cleanse(&context, sizeof context);
}

template <typename Sha>
void finish(const std::array<std::byte, 216>& inner, const std::array<std::byte, 216>& outer,
            std::initializer_list<Bytes> parts, std::byte* out) {
  typename Sha::Context context;
  std::memcpy(&context, inner.data(), sizeof context);
  for (Bytes part : parts) Sha::add(context, part);
  Sha::end(context, out);
  std::memcpy(&context, outer.data(), sizeof context);
  Sha::add(context, Bytes(out, Sha::kSize));
  Sha::end(context, out);
}

/// n-fold ([RFC3961] 5.1) of five bytes to sixteen.
std::array<std::byte, kBlock> fold_to_block(const std::array<std::byte, 5>& in) {
  constexpr std::size_t kIn = 5, kOut = kBlock, kAll = 80;  // least common multiple
  constexpr std::size_t kBits = kIn * 8;
  std::array<unsigned, kOut> sum{};
  for (std::size_t i = 0; i < kAll; ++i) {
    // Each copy of the input is rotated right by 13 bits more than the one before.
    const std::size_t rotation = 13 * (i / kIn) % kBits;
    unsigned byte = 0;
    for (std::size_t bit = 0; bit < 8; ++bit) {
      const std::size_t from = ((i % kIn) * 8 + bit + kBits - rotation) % kBits;
      byte = byte << 1 | ((std::to_integer<unsigned>(in[from / 8]) >> (7 - from % 8)) & 1);
    }
    sum[i % kOut] += byte;
  }
  // Addition in ones' complement: carries go round.
  unsigned carry = 0;
  for (int pass = 0; pass < 2; ++pass) {
    for (std::size_t i = kOut; i-- > 0;) {
      const unsigned value = sum[i] + carry;
      sum[i] = value & 0xff;
      carry = value >> 8;
    }
  }
  std::array<std::byte, kBlock> out;
  for (std::size_t i = 0; i < kOut; ++i) out[i] = static_cast<std::byte>(sum[i]);
  return out;
}

const EVP_CIPHER* aes(std::size_t key_size, bool cbc) {
  if (key_size == 16) return cbc ? EVP_aes_128_cbc() : EVP_aes_128_ecb();
  return cbc ? EVP_aes_256_cbc() : EVP_aes_256_ecb();
}

}  // namespace

HmacSha::HmacSha(Hash hash, Bytes key) : hash_(hash) {
  const auto both = [&]<typename Sha>(Sha) {
    absorb<Sha>(key, std::byte{0x36}, inner_);
    absorb<Sha>(key, std::byte{0x5c}, outer_);
  };
  if (hash == Hash::kSha1) both(Sha1{});
  if (hash == Hash::kSha256) both(Sha256{});
  if (hash == Hash::kSha384) both(Sha384{});
}

HmacSha::~HmacSha() {
  wipe(inner_.data(), inner_.size());
  wipe(outer_.data(), outer_.size());
}

std::array<std::byte, 64> HmacSha::operator()(std::initializer_list<Bytes> parts) const {
  std::array<std::byte, 64> out;
  if (hash_ == Hash::kSha1) finish<Sha1>(inner_, outer_, parts, out.data());
  if (hash_ == Hash::kSha256) finish<Sha256>(inner_, outer_, parts, out.data());
  if (hash_ == Hash::kSha384) finish<Sha384>(inner_, outer_, parts, out.data());
  return out;
}

SecretKey derive_aes_key(const SecretKey& key, std::uint32_t usage, std::uint8_t kind) {
  const std::array<std::byte, 5> constant{
      static_cast<std::byte>(usage >> 24), static_cast<std::byte>(usage >> 16),
      static_cast<std::byte>(usage >> 8), static_cast<std::byte>(usage), std::byte{kind}};
  const bool sha2 = key.etype() == 19 || key.etype() == 20;
  if (sha2) {
    // KDF-HMAC-SHA2 ([RFC8009] 3): counter, label, zero, length in bits.
    const bool large = key.etype() == 20;
    const std::size_t size = !large ? 16 : kind == 0xaa ? 32 : 24;
    const std::array<std::byte, 4> one{{{}, {}, {}, std::byte{1}}};
    const std::array<std::byte, 5> end{
        {{}, {}, {}, static_cast<std::byte>(size * 8 >> 8), static_cast<std::byte>(size * 8)}};
    const HmacSha mac(large ? HmacSha::Hash::kSha384 : HmacSha::Hash::kSha256, key.bytes());
    auto made = mac({one, constant, end});
    SecretKey out(Bytes(made).first(size), key.etype());
    wipe(made.data(), made.size());
    return out;
  }
  // DK ([RFC3961] 5.1): the folded constant, sealed again and again.
  const std::size_t size = key.bytes().size();
  std::array<std::byte, kBlock> block = fold_to_block(constant);
  std::array<std::byte, 2 * kBlock> made{};
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  int length = 0;
  EVP_EncryptInit_ex(context, aes(size, false), nullptr,
                     reinterpret_cast<const unsigned char*>(key.bytes().data()), nullptr);
  EVP_CIPHER_CTX_set_padding(context, 0);
  for (std::size_t at = 0; at < size; at += kBlock) {
    EVP_EncryptUpdate(context, raw(block.data()), &length, raw(block.data()), kBlock);
    std::ranges::copy(block, made.begin() + static_cast<std::ptrdiff_t>(at));
  }
  EVP_CIPHER_CTX_free(context);
  SecretKey out(Bytes(made).first(size), key.etype());
  wipe(made.data(), made.size());
  wipe(block.data(), block.size());
  return out;
}

void AesKeys::Free::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }

AesKeys::AesKeys(const SecretKey& key, std::uint32_t usage)
    : checksum_size_(key.etype() == 20   ? 24
                     : key.etype() == 19 ? 16
                                         : 12),
      over_ciphertext_(key.etype() == 19 || key.etype() == 20),
      cbc_(EVP_CIPHER_CTX_new()),
      ecb_(EVP_CIPHER_CTX_new()) {
  const SecretKey seal = derive_aes_key(key, usage, 0xaa);
  const auto* bytes = reinterpret_cast<const unsigned char*>(seal.bytes().data());
  EVP_DecryptInit_ex(cbc_.get(), aes(seal.bytes().size(), true), nullptr, bytes, nullptr);
  EVP_DecryptInit_ex(ecb_.get(), aes(seal.bytes().size(), false), nullptr, bytes, nullptr);
  EVP_CIPHER_CTX_set_padding(cbc_.get(), 0);
  EVP_CIPHER_CTX_set_padding(ecb_.get(), 0);
  const auto hash = key.etype() == 19   ? HmacSha::Hash::kSha256
                    : key.etype() == 20 ? HmacSha::Hash::kSha384
                                        : HmacSha::Hash::kSha1;
  integrity_ = std::make_unique<HmacSha>(hash, derive_aes_key(key, usage, 0x55).bytes());
  checksum_ = std::make_unique<HmacSha>(hash, derive_aes_key(key, usage, 0x99).bytes());
}
AesKeys::~AesKeys() = default;

// CBC with ciphertext stealing ([RFC3962] 5, CBC-CS3): the last two blocks are exchanged, the last
// one cut to what is needed.
void AesKeys::decrypt(std::span<std::byte> data) {
  int length = 0;
  const std::size_t size = data.size();
  if (size == kBlock) {
    EVP_DecryptUpdate(ecb_.get(), raw(data.data()), &length, raw(data.data()), kBlock);
    return;
  }
  const std::size_t last = size % kBlock == 0 ? kBlock : size % kBlock;  // bytes in the last block
  const std::size_t bulk = size - kBlock - last;
  std::array<std::byte, kBlock> before{};  // the ciphertext block before the last two
  if (bulk > 0) {
    static constexpr unsigned char kZero[kBlock] = {};
    std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(bulk - kBlock), kBlock, before.begin());
    EVP_DecryptInit_ex(cbc_.get(), nullptr, nullptr, nullptr, kZero);
    EVP_DecryptUpdate(cbc_.get(), raw(data.data()), &length, raw(data.data()),
                      static_cast<int>(bulk));
  }
  std::byte* second = data.data() + bulk;  // whole, holds the last block's key stream
  std::byte* cut = second + kBlock;
  std::array<std::byte, kBlock> opened, stolen;
  EVP_DecryptUpdate(ecb_.get(), raw(opened.data()), &length, raw(second), kBlock);
  std::copy_n(cut, last, stolen.begin());
  std::copy(opened.begin() + static_cast<std::ptrdiff_t>(last), opened.end(),
            stolen.begin() + static_cast<std::ptrdiff_t>(last));
  for (std::size_t i = 0; i < last; ++i) cut[i] ^= opened[i];
  EVP_DecryptUpdate(ecb_.get(), raw(second), &length, raw(stolen.data()), kBlock);
  for (std::size_t i = 0; i < kBlock; ++i) second[i] ^= before[i];
}

bool AesKeys::sealed_checksum(std::initializer_list<Bytes> parts, Bytes expected) const {
  return crypto::same(Bytes((*integrity_)(parts)).first(checksum_size_), expected);
}
bool AesKeys::plain_checksum(std::initializer_list<Bytes> parts, Bytes expected) const {
  return crypto::same(Bytes((*checksum_)(parts)).first(checksum_size_), expected);
}

}  // namespace rpcmarshal
