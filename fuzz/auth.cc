// Authentication tokens: first byte selects the service and the direction, then tokens, each with a
// two-byte length, feed one exchange; every parser also sees the whole rest alone.
#include <cstdint>

#include "security/identity.h"
#include "security/kerberos.h"
#include "security/netlogon.h"
#include "security/ntlm.h"
#include "security/spnego.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rpcmarshal;
  if (size < 1) return 0;
  Bytes input{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
  parse_spnego(input);
  parse_ntlm_negotiate(input);
  parse_ntlm_challenge(input);
  parse_ntlm_authenticate(input);
  parse_netlogon(input);
  parse_ap_req(input);
  parse_ap_rep(input);
  parse_kdc_request(input);
  parse_kdc_reply(input);
  parse_kerberos_error(input);
  auto exchange = make_auth_exchange((data[0] & 1) ? AuthService::kNetlogon : AuthService::kSpnego);
  exchange->token(true, input);
  ByteReader reader(input);
  for (bool from_client = (data[0] & 2) != 0; reader.remaining() > 2; from_client = !from_client) {
    std::size_t length = reader.u16();
    exchange->token(from_client,
                    reader.take(length < reader.remaining() ? length : reader.remaining()));
  }
  return 0;
}
