// An encrypted SMB 3.1.1 session whose key is known: what the input says is sealed with it, so that
// what lies behind a right tag is fuzzed too. Records are those of smb_stream.h; control 0x40 seals
// the record, 0x20 gives it as the inside of a transform message with a wrong tag.
#include <cstdlib>

#include "security/secrets.h"
#include "smb/ntlm_login.h"
#include "smb/sealing.h"
#include "smb_stream.h"

namespace rpcmarshal {
namespace {

using namespace test;

struct Known {
  Known() { secrets.add_nt_hash("LAB\\alice", as_bytes(login.nt_hash)); }
  NtlmLogin login;
  Secrets secrets;
};

}  // namespace
}  // namespace rpcmarshal

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rpcmarshal;
  static const Known known;
  ByteReader in({reinterpret_cast<const std::byte*>(data), size});
  const auto cipher = static_cast<SmbCipher>(1 + (in.u8() & 3));
  ConnectionInfo info;
  info.initiator_known = true;
  SmbStatistics statistics;
  auto parser = make_smb_parser(
      info, [](const PipeInfo&) { return std::make_unique<fuzz::PipeSink>(); },
      [](const SmbFileEvent&) {}, statistics, nullptr, &known.secrets);
  Timestamp now = 0;
  auto send = [&](bool from_client, const std::string& message) {
    const std::string bytes = framed(message);
    parser->on_data(from_client ? Direction::kForward : Direction::kBackward, ++now,
                    as_bytes(bytes));
  };
  PreauthHash hash;
  const std::string log_on[] = {
      negotiate_request(), negotiate_response(0x0311, static_cast<std::uint16_t>(cipher), 2),
      smb2({1, 1, false, 0, 0, 0}, session_setup_request(known.login.negotiate)),
      smb2({1, 1, true, 0xc0000016}, session_setup_response(0, known.login.challenge)),
      smb2({1, 2}, session_setup_request(known.login.authenticate))};
  for (const std::string& message : log_on) {
    hash.add(as_bytes(message));
    send((message[16] & 1) == 0, message);
  }
  send(false, smb2({1, 2, true}, session_setup_response(0, "")));
  const SmbKeys keys = derive_smb_keys({0x0311, cipher, SmbSigning::kAesGmac},
                                       as_bytes(known.login.session_key), hash);
  std::uint64_t nonce = 0;
  while (in.ok() && in.remaining() > 0) {
    const std::uint8_t control = in.u8();
    const bool from_client = (control & 1) == 0;
    const std::size_t length = in.u16();
    if ((control & 0x0e) == 0x0e) {
      parser->on_gap(from_client ? Direction::kForward : Direction::kBackward, ++now, length + 1);
      continue;
    }
    const std::string bytes(as_text(in.take(std::min(length, in.remaining()))));
    if (control & 0x40) {
      const SmbKey& key = from_client ? keys.from_client : keys.from_server;
      send(from_client, seal(cipher, as_text(key.bytes()), 0x1122, bytes, ++nonce));
    } else if (control & 0x20) {
      send(from_client, "\xfdSMB" + std::string(40, 'n') + le64(0x1122) + bytes);
    } else if (!bytes.empty()) {
      parser->on_data(from_client ? Direction::kForward : Direction::kBackward, ++now,
                      as_bytes(bytes));
    }
    if (parser->memory() > (64u << 20)) std::abort();
  }
  parser->on_end(++now);
  return 0;
}
