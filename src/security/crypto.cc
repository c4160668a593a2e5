// The direct functions are deprecated in favour of providers; see crypto.h why they are used.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "security/crypto.h"

#include <openssl/crypto.h>
#include <openssl/des.h>
#include <openssl/hmac.h>
#include <openssl/md4.h>
#include <openssl/md5.h>
#include <openssl/rc4.h>
#include <openssl/sha.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

namespace rpcmarshal::crypto {
namespace {

static_assert(sizeof(RC4_KEY) == 1032);
static_assert(sizeof(MD5_CTX) <= 96);

const unsigned char* in(Bytes bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
template <typename T>
unsigned char* out(T& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

void pad_key(Bytes key, std::array<std::byte, 64>& block, std::byte with) {
  block.fill(with);
  for (std::size_t i = 0; i < key.size(); ++i) block[i] ^= key[i];
}

}  // namespace

Block16 md4(Bytes data) {
  Block16 digest;
  MD4(in(data), data.size(), out(digest));
  return digest;
}

Block16 md5(std::initializer_list<Bytes> parts) {
  MD5_CTX context;
  MD5_Init(&context);
  for (Bytes part : parts) MD5_Update(&context, part.data(), part.size());
  Block16 digest;
  MD5_Final(out(digest), &context);
  return digest;
}

Block16 hmac_md5(Bytes key, std::initializer_list<Bytes> parts) { return HmacMd5(key)(parts); }

std::array<std::byte, 32> hmac_sha256(Bytes key, std::initializer_list<Bytes> parts) {
  std::array<std::byte, 64> block{};
  std::array<std::byte, 32> digest;
  if (key.size() > 64) {
    SHA256(in(key), key.size(), out(digest));
    std::ranges::copy(digest, block.begin());
  } else {
    std::ranges::copy(key, block.begin());
  }
  for (std::byte& b : block) b ^= std::byte{0x36};
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, block.data(), block.size());
  for (Bytes part : parts) SHA256_Update(&context, part.data(), part.size());
  SHA256_Final(out(digest), &context);
  for (std::byte& b : block) b ^= std::byte{0x36 ^ 0x5c};
  SHA256_Init(&context);
  SHA256_Update(&context, block.data(), block.size());
  SHA256_Update(&context, digest.data(), digest.size());
  SHA256_Final(out(digest), &context);
  OPENSSL_cleanse(block.data(), block.size());
  OPENSSL_cleanse(&context, sizeof context);
  return digest;
}

std::uint32_t crc32(Bytes data) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()));
}

std::array<std::byte, 8> des_block7(Bytes key7, Bytes block8) {
  DES_cblock spread;
  const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(key7[i]); };
  spread[0] = static_cast<unsigned char>(at(0));
  for (unsigned i = 1; i < 7; ++i)
    spread[i] = static_cast<unsigned char>(at(i - 1) << (8 - i) | at(i) >> i);
  spread[7] = static_cast<unsigned char>(at(6) << 1);
  DES_key_schedule schedule;
  DES_set_key_unchecked(&spread, &schedule);
  DES_cblock from, to;
  std::memcpy(from, block8.data(), 8);
  DES_ecb_encrypt(&from, &to, &schedule, DES_ENCRYPT);
  OPENSSL_cleanse(spread, sizeof spread);
  OPENSSL_cleanse(&schedule, sizeof schedule);
  std::array<std::byte, 8> block;
  std::memcpy(block.data(), to, 8);
  return block;
}

std::array<std::byte, 24> desl(Bytes key16, Bytes block8) {
  std::array<std::byte, 21> key{};
  std::copy_n(key16.begin(), 16, key.begin());
  std::array<std::byte, 24> response;
  for (std::size_t i = 0; i < 3; ++i)
    std::ranges::copy(des_block7(Bytes(key).subspan(7 * i, 7), block8),
                      response.begin() + static_cast<std::ptrdiff_t>(8 * i));
  OPENSSL_cleanse(key.data(), key.size());
  return response;
}

Rc4::~Rc4() { OPENSSL_cleanse(state_.data(), state_.size()); }

void Rc4::start(Bytes key) {
  RC4_set_key(reinterpret_cast<RC4_KEY*>(state_.data()), static_cast<int>(key.size()), in(key));
}

void Rc4::apply(std::span<std::byte> data) {
  auto* bytes = reinterpret_cast<unsigned char*>(data.data());
  RC4(reinterpret_cast<RC4_KEY*>(state_.data()), data.size(), bytes, bytes);
}

void Rc4::skip(std::size_t count) {
  std::array<std::byte, 512> sink{};
  for (; count > 0; count -= std::min(count, sink.size()))
    apply(std::span(sink).first(std::min(count, sink.size())));
}

HmacMd5::HmacMd5(Bytes key) {
  Block16 digest;
  if (key.size() > 64) {
    digest = md5({key});
    key = digest;
  }
  std::array<std::byte, 64> block;
  const auto absorb = [&](std::byte with, std::array<std::byte, 96>& state) {
    pad_key(key, block, with);
    MD5_CTX context;
    MD5_Init(&context);
    MD5_Update(&context, block.data(), block.size());
    std::memcpy(state.data(), &context, sizeof context);
    OPENSSL_cleanse(&context, sizeof context);
  };
  absorb(std::byte{0x36}, inner_);
  absorb(std::byte{0x5c}, outer_);
  OPENSSL_cleanse(block.data(), block.size());
}

HmacMd5::~HmacMd5() {
  OPENSSL_cleanse(inner_.data(), inner_.size());
  OPENSSL_cleanse(outer_.data(), outer_.size());
}

Block16 HmacMd5::operator()(std::initializer_list<Bytes> parts) const {
  MD5_CTX context;
  std::memcpy(&context, inner_.data(), sizeof context);
  for (Bytes part : parts) MD5_Update(&context, part.data(), part.size());
  Block16 digest;
  MD5_Final(out(digest), &context);
  std::memcpy(&context, outer_.data(), sizeof context);
  MD5_Update(&context, digest.data(), digest.size());
  MD5_Final(out(digest), &context);
  return digest;
}

bool same(Bytes a, Bytes b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace rpcmarshal::crypto
