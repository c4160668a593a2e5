#include "security/kerberos_crypto.h"

#include <krb5.h>

namespace rpcmarshal {

namespace {

krb5_keyblock block_of(const SecretKey& key) {
  krb5_keyblock block{};
  block.enctype = key.etype();
  block.length = static_cast<unsigned>(key.bytes().size());
  block.contents = reinterpret_cast<krb5_octet*>(const_cast<std::byte*>(key.bytes().data()));
  return block;
}

}  // namespace

SecretKey combine_keys(const SecretKey& first, const char* first_pepper, const SecretKey& second,
                       const char* second_pepper) {
  krb5_keyblock a = block_of(first), b = block_of(second);
  krb5_keyblock* made = nullptr;
  if (krb5_c_fx_cf2_simple(nullptr, &a, first_pepper, &b, second_pepper, &made) != 0) return {};
  SecretKey out(Bytes(reinterpret_cast<const std::byte*>(made->contents), made->length),
                made->enctype);
  krb5_free_keyblock(nullptr, made);
  return out;
}

KerberosPlain::~KerberosPlain() {
  if (!data_.empty()) wipe(data_.data(), data_.size());
}

bool KerberosPlain::open(const SecretKey& key, KerberosUsage usage, Bytes cipher) {
  constexpr std::size_t kMaxCipher = 1u << 20;
  if (cipher.empty() || cipher.size() > kMaxCipher || !kerberos_etype_supported(key.etype()))
    return false;
  if (!data_.empty()) wipe(data_.data(), data_.size());
  data_.resize(cipher.size());
  size_ = 0;
  const krb5_keyblock block = block_of(key);
  krb5_enc_data input{};
  input.enctype = key.etype();
  input.ciphertext.length = static_cast<unsigned>(cipher.size());
  input.ciphertext.data = reinterpret_cast<char*>(const_cast<std::byte*>(cipher.data()));
  krb5_data output{};
  output.length = static_cast<unsigned>(data_.size());
  output.data = reinterpret_cast<char*>(data_.data());
  if (krb5_c_decrypt(nullptr, &block, static_cast<krb5_keyusage>(usage), nullptr, &input,
                     &output) != 0)
    return false;
  size_ = output.length;
  return true;
}

bool kerberos_etype_supported(std::int32_t etype) { return krb5_c_valid_enctype(etype) != 0; }

std::string kerberos_etype_name(std::int32_t etype) {
  char name[64];
  if (krb5_enctype_to_name(etype, 0, name, sizeof name) == 0) return name;
  return "encryption type " + std::to_string(etype);
}

}  // namespace rpcmarshal
