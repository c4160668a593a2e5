// Kerberos messages and wrap tokens made with MIT krb5's library, which knows nothing of ours.
#pragma once

#include <krb5.h>

#include <string>
#include <vector>

#include "security/builders.h"
#include "security/secret_memory.h"

namespace rpcmarshal::testing {

inline std::string random_key(std::int32_t etype, char fill) {
  std::size_t bytes = 0, length = 0;
  krb5_c_keylengths(nullptr, etype, &bytes, &length);
  std::string key(length, fill);
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<char>(fill + 3 * i);
  return key;
}

struct OracleKey {
  OracleKey(std::int32_t type, char fill) : etype(type), bytes(random_key(type, fill)) {}
  krb5_keyblock block() const {
    krb5_keyblock out{};
    out.enctype = etype;
    out.length = static_cast<unsigned>(bytes.size());
    out.contents = reinterpret_cast<krb5_octet*>(const_cast<char*>(bytes.data()));
    return out;
  }
  SecretKey secret() const { return SecretKey(as_bytes(bytes), etype); }
  /// EncryptionKey.
  std::string der_key() const {
    return der(0x30, der(0xa0, der_int(etype)) + der(0xa1, der(0x04, bytes)));
  }
  std::string seal(int usage, const std::string& plain) const {
    const krb5_keyblock key = block();
    std::size_t size = 0;
    krb5_c_encrypt_length(nullptr, etype, plain.size(), &size);
    std::string out(size, '\0');
    krb5_data in{};
    in.data = const_cast<char*>(plain.data());
    in.length = static_cast<unsigned>(plain.size());
    krb5_enc_data sealed{};
    sealed.ciphertext.data = out.data();
    sealed.ciphertext.length = static_cast<unsigned>(out.size());
    if (krb5_c_encrypt(nullptr, &key, usage, nullptr, &in, &sealed) != 0) return {};
    out.resize(sealed.ciphertext.length);
    return out;
  }
  /// EncryptedData.
  std::string der_sealed(int usage, const std::string& plain, int kvno = 0) const {
    std::string version = kvno ? der(0xa1, der_int(kvno)) : std::string();
    return der(0x30,
               der(0xa0, der_int(etype)) + version + der(0xa2, der(0x04, seal(usage, plain))));
  }
  std::int32_t etype;
  std::string bytes;
};

/// KRB-FX-CF2 ([RFC6113] 5.1).
inline OracleKey combined(const OracleKey& a, const char* a_pepper, const OracleKey& b,
                          const char* b_pepper) {
  krb5_keyblock first = a.block(), second = b.block();
  krb5_keyblock* made = nullptr;
  OracleKey out(a.etype, 0);
  if (krb5_c_fx_cf2_simple(nullptr, &first, a_pepper, &second, b_pepper, &made) != 0) return out;
  out.bytes.assign(reinterpret_cast<char*>(made->contents), made->length);
  krb5_free_keyblock(nullptr, made);
  return out;
}

/// A wrap token of DCE style ([RFC4121] 4.2.4, rotated so that the data stays in its place) over
/// `before`, `data` and `after`; `data` becomes ciphertext.
inline std::string wrap_token(const OracleKey& key, bool from_client, unsigned flags,
                              std::string before, std::string& data, std::string after) {
  const krb5_keyblock block = key.block();
  unsigned confounder = 0, checksum = 0;
  krb5_c_crypto_length(nullptr, key.etype, KRB5_CRYPTO_TYPE_HEADER, &confounder);
  krb5_c_crypto_length(nullptr, key.etype, KRB5_CRYPTO_TYPE_TRAILER, &checksum);
  constexpr std::size_t kExtra = 16;
  std::string header("\5\4", 2);
  header += static_cast<char>(flags | (from_client ? 0 : 1));
  header += '\xff';
  header += std::string("\0\x10\0\0", 4) + std::string("\0\0\0\0\0\0\0\5", 8);
  std::string head(confounder, '\0'), tail = std::string(kExtra, '\0') + header,
                                      sum(checksum, '\0');
  std::vector<krb5_crypto_iov> iov;
  const auto add = [&](krb5_cryptotype type, std::string& part) {
    krb5_crypto_iov one{};
    one.flags = type;
    one.data.data = part.data();
    one.data.length = static_cast<unsigned>(part.size());
    iov.push_back(one);
  };
  add(KRB5_CRYPTO_TYPE_HEADER, head);
  add(KRB5_CRYPTO_TYPE_SIGN_ONLY, before);
  add(KRB5_CRYPTO_TYPE_DATA, data);
  add(KRB5_CRYPTO_TYPE_SIGN_ONLY, after);
  add(KRB5_CRYPTO_TYPE_DATA, tail);
  add(KRB5_CRYPTO_TYPE_TRAILER, sum);
  if (krb5_c_encrypt_iov(nullptr, &block, from_client ? 24 : 22, nullptr, iov.data(), iov.size()))
    return {};
  // RRC counts header copy and checksum; EC comes on top.
  const unsigned rotation = 16 + checksum;
  header[6] = static_cast<char>(rotation >> 8);
  header[7] = static_cast<char>(rotation);
  return header + tail + sum + head;
}

/// A MIC token ([RFC4121] 4.2.6.1) over `message`.
inline std::string mic_token(const OracleKey& key, bool from_client, unsigned flags,
                             const std::string& message) {
  std::string header("\4\4", 2);
  header += static_cast<char>(flags | (from_client ? 0 : 1));
  header += std::string(5, '\xff') + std::string("\0\0\0\0\0\0\0\7", 8);
  const std::string all = message + header;
  const krb5_keyblock block = key.block();
  krb5_data in{};
  in.data = const_cast<char*>(all.data());
  in.length = static_cast<unsigned>(all.size());
  krb5_checksum sum{};
  if (krb5_c_make_checksum(nullptr, 0, &block, from_client ? 25 : 23, &in, &sum) != 0) return {};
  std::string out = header;
  out.append(reinterpret_cast<char*>(sum.contents), sum.length);
  krb5_free_checksum_contents(nullptr, &sum);
  return out;
}

// Messages of an authentication ([RFC4120] 5).

inline std::string principal(const std::string& name) {
  std::string components;
  std::size_t from = 0;
  for (;;) {
    const auto slash = name.find('/', from);
    components += der_string(name.substr(from, slash - from));
    if (slash == name.npos) break;
    from = slash + 1;
  }
  return der(0x30, der(0xa0, der_int(1)) + der(0xa1, der(0x30, components)));
}

/// Ticket for `service` in R.TEST, with this session key and client, and perhaps a PAC.
inline std::string ticket(const OracleKey& key, int kvno, const std::string& service,
                          const OracleKey& session, const std::string& client,
                          const std::string& pac = {}) {
  std::string data = der(0xa0, der(0x03, std::string(5, '\0'))) + der(0xa1, session.der_key()) +
                     der(0xa2, der_string("R.TEST")) + der(0xa3, principal(client));
  if (!pac.empty()) {
    const auto element = [](int type, const std::string& inside) {
      std::string number = type < 128 ? der_int(type) : der(0x02, std::string("\0\x80", 2));
      return der(0x30, der(0x30, der(0xa0, number) + der(0xa1, der(0x04, inside))));
    };
    data += der(0xaa, element(1, element(128, pac)));
  }
  const std::string inside = der(0x63, der(0x30, data));
  return der(0x61, der(0x30, der(0xa0, der_int(5)) + der(0xa1, der_string("R.TEST")) +
                                 der(0xa2, principal(service)) +
                                 der(0xa3, key.der_sealed(2, inside, kvno))));
}
inline std::string authenticator(const OracleKey* subkey) {
  return der(0x62, der(0x30, der(0xa0, der_int(5)) + der(0xa1, der_string("R.TEST")) +
                                 (subkey ? der(0xa6, subkey->der_key()) : std::string())));
}
inline std::string ap_req(const std::string& its_ticket, const OracleKey& session,
                          const OracleKey* subkey, int usage = 11) {
  return der(0x6e, der(0x30, der(0xa0, der_int(5)) + der(0xa1, der_int(14)) +
                                 der(0xa2, der(0x03, std::string("\0\x20\0\0\0", 5))) +
                                 der(0xa3, its_ticket) +
                                 der(0xa4, session.der_sealed(usage, authenticator(subkey)))));
}
inline std::string ap_rep(const OracleKey& session, const OracleKey* subkey) {
  const std::string inside =
      der(0x7b, der(0x30, der(0xa1, der_int(1)) + (subkey ? der(0xa2, subkey->der_key()) : "")));
  return der(0x6f, der(0x30, der(0xa0, der_int(5)) + der(0xa1, der_int(15)) +
                                 der(0xa2, session.der_sealed(12, inside))));
}
/// AS-REP (11) or TGS-REP (13).
inline std::string kdc_rep(int type, const std::string& client, const std::string& its_ticket,
                           const OracleKey& reply_key, int usage, const OracleKey& session,
                           const std::string& padata = {}) {
  const std::string inside = der(type == 11 ? 0x79 : 0x7a, der(0x30, der(0xa0, session.der_key())));
  return der(0x60 | static_cast<unsigned>(type),
             der(0x30, der(0xa0, der_int(5)) + der(0xa1, der_int(type)) + padata +
                           der(0xa3, der_string("R.TEST")) + der(0xa4, principal(client)) +
                           der(0xa5, its_ticket) + der(0xa6, reply_key.der_sealed(usage, inside))));
}
inline std::string tgs_req(const std::string& shown) {
  const std::string padata =
      der(0x30, der(0x30, der(0xa1, der_int(1)) + der(0xa2, der(0x04, shown))));
  const std::string body = der(0x30, der(0xa2, der_string("R.TEST")));
  return der(0x6c, der(0x30, der(0xa1, der_int(5)) + der(0xa2, der_int(12)) + der(0xa3, padata) +
                                 der(0xa4, body)));
}

}  // namespace rpcmarshal::testing
