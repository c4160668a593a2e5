// What is opened with keys: a keytab, a secrets file, the inside of tickets, and protected messages
// whose body and token are the input, under fixed keys of every kind.
#include <algorithm>
#include <array>
#include <string>

#include "security/kerberos_inside.h"
#include "security/kerberos_security.h"
#include "security/keytab.h"
#include "security/netlogon_security.h"
#include "security/ntlm_security.h"
#include "security/pac.h"
#include "security/secrets.h"

namespace {
using namespace rpcmarshal;

SecretKey key_of(std::size_t size, std::int32_t etype) {
  return SecretKey(as_bytes(std::string(size, 'k')), etype);
}

/// The first byte of each message gives its direction and whether it is sealed, the second the size
/// of its token; the rest is the body.
void open_all(SecurityContext& security, Bytes input) {
  ByteReader reader(input);
  while (reader.remaining() > 4) {
    const unsigned flags = reader.u8();
    const std::size_t token_size = std::min<std::size_t>(reader.u8(), reader.remaining());
    const Bytes token = reader.take(token_size);
    const std::size_t body_size = std::min<std::size_t>(reader.u8(), reader.remaining());
    const Bytes body = reader.take(body_size);
    std::array<std::byte, 24 + 255 + 8 + 255> pdu{};
    auto put = std::copy(body.begin(), body.end(), pdu.begin() + 24);
    put = std::copy(token.begin(), token.end(), put + 8);
    ProtectedPdu message{.pdu = std::span(pdu.data(), static_cast<std::size_t>(put - pdu.begin())),
                         .body_at = 24,
                         .verifier_at = 24 + body.size(),
                         .sealed = (flags & 2) != 0};
    if (flags & 4) security.lost((flags & 8) != 0);
    security.open((flags & 1) != 0, message);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const Bytes input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  read_keytab(input, [](const KeytabEntry&) {});
  try {
    // No paths from the input: a keytab line would open files.
    if (as_text(input).find("keytab") == std::string_view::npos)
      Secrets().add_text(as_text(input), "input");
  } catch (const SecretsError&) {
  }
  parse_pac(input);
  parse_ticket_inside(input);
  parse_authenticator_inside(input);
  parse_ap_rep_inside(input);
  parse_kdc_reply_inside(input);
  static constexpr std::int32_t kTypes[] = {17, 18, 19, 20, 23};
  const std::int32_t etype = kTypes[data[0] % 5];
  KerberosKeys keys;
  keys.session = key_of(etype == 18 || etype == 20 ? 32 : 16, etype);
  keys.acceptor = keys.session;
  open_all(*make_kerberos_security(keys), input);
  for (const std::uint32_t flags : {0xe28a8233u, 0xe2028233u})
    open_all(*make_ntlm_security(flags, key_of(16, 0).bytes()), input);
  NetlogonKey rc4{key_of(16, 0), false}, aes{key_of(16, 0), true};
  open_all(*make_netlogon_security({rc4, aes}), input);
  return 0;
}
