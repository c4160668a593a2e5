#include "sensor/netlogon_channels.h"

#include <algorithm>

#include "security/secrets.h"

namespace rpcmarshal {
namespace {

/// The logon interface ([MS-NRPC] 1.9).
constexpr Guid kLogon{0x12345678, 0x1234, 0xabcd, {0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0xcf, 0xfb}};
constexpr std::uint16_t kReqChallenge = 4, kAuthenticate = 5, kAuthenticate2 = 15,
                        kAuthenticate3 = 26;

bool read_credential(const ndr::Value& record, std::string_view path,
                     std::array<std::byte, 8>& out) {
  const Bytes bytes = record.find(path).bytes();
  if (bytes.size() != out.size()) return false;
  std::ranges::copy(bytes, out.begin());
  return true;
}

}  // namespace

void NetlogonChannels::observe(const Event& event, const Secrets& secrets) {
  if (!event.interface_id || event.interface_id->uuid != kLogon || !event.opnum) return;
  const std::uint16_t opnum = *event.opnum;
  if (opnum != kReqChallenge && opnum != kAuthenticate && opnum != kAuthenticate2 &&
      opnum != kAuthenticate3)
    return;
  if (!event.request.has_values || !event.response.has_values) return;
  const std::string computer = event.request.values.find("ComputerName").text();
  if (computer.size() > 512) return;
  const std::string channel = netlogon_computer(computer) + '\n' + event.server.address.to_string();
  if (opnum == kReqChallenge) {
    NetlogonChallenges challenges;
    if (read_credential(event.request.values, "ClientChallenge.data", challenges.client) &&
        read_credential(event.response.values, "ServerChallenge.data", challenges.server))
      pending_.put(channel, challenges);
    return;
  }
  const NetlogonChallenges* challenges = pending_.find(channel);
  std::array<std::byte, 8> credential;
  if (!challenges || event.response.values.find("return").as_uint() != 0 ||
      !read_credential(event.request.values, "ClientCredential.data", credential))
    return;
  // What both agreed on is what the server answered; the first form of the call knows no flags.
  const std::uint32_t flags =
      opnum == kAuthenticate
          ? 0
          : static_cast<std::uint32_t>(event.response.values.find("NegotiateFlags").as_uint());
  const std::string account = event.request.values.find("AccountName").text();
  if (account.size() <= 512)
    learn_netlogon_key(secrets, account, computer, *challenges, credential, flags);
}

}  // namespace rpcmarshal
