// What SMB's encryption and signatures cost a sensor that has the keys: the whole way from packets
// to JSON, the same calls over the same pipe in clear, signed and encrypted, so that the ratio of
// two lines is the answer. The calls are those of svcctl_tcp_connect.pcap and large_tcp.pcap,
// repeated.
#include <benchmark/benchmark.h>

#include "recorded_calls.h"
#include "security/secrets.h"
#include "sensor/traffic.h"
#include "smb/ntlm_login.h"
#include "smb/sealing.h"

namespace rpcmarshal::testing {
namespace {

struct Protection {
  const char* name;
  SmbCipher cipher;  ///< kNone: not encrypted
  bool is_signed;
  SmbSigning signing;
};
constexpr Protection kProtections[] = {
    {"clear", SmbCipher::kNone, false, SmbSigning::kAesGmac},
    {"signed_cmac", SmbCipher::kNone, true, SmbSigning::kAesCmac},
    {"signed_gmac", SmbCipher::kNone, true, SmbSigning::kAesGmac},
    {"aes128_ccm", SmbCipher::kAes128Ccm, false, SmbSigning::kAesGmac},
    {"aes128_gcm", SmbCipher::kAes128Gcm, false, SmbSigning::kAesGmac},
    {"aes256_ccm", SmbCipher::kAes256Ccm, false, SmbSigning::kAesGmac},
    {"aes256_gcm", SmbCipher::kAes256Gcm, false, SmbSigning::kAesGmac},
};

/// The packets of one SMB 3.1.1 connection that logs on, opens a pipe and makes these calls.
class Conversation {
 public:
  Conversation(const Protection& protection, const std::vector<Recorded>& calls, int times)
      : protection_(protection) {
    segment(0, kSyn, "");
    segment(1, kSyn | kAck, "");
    log_on();
    exchange(3, 0, test::tree_connect_request("\\\\FS1\\IPC$"), test::tree_connect_response(2));
    exchange(5, 7, test::create_request("svcctl"), test::create_response(kFile));
    bind(calls[0].interface);
    for (int i = 0; i < times; ++i) {
      for (const Recorded& call : calls) {
        if (call.interface == calls[0].interface) make(call);
      }
    }
  }
  std::vector<std::string> frames;
  std::size_t bytes = 0;  ///< of stubs
  test::NtlmLogin login;

 private:
  void log_on() {
    const auto cipher =
        protection_.cipher == SmbCipher::kNone ? SmbCipher::kAes128Gcm : protection_.cipher;
    PreauthHash hash;
    auto say = [&](int side, const std::string& message) {
      hash.add(as_bytes(message));
      send(side, message);
    };
    say(0, test::negotiate_request());
    say(1, test::negotiate_response(0x0311, static_cast<std::uint16_t>(cipher),
                                    static_cast<std::uint16_t>(protection_.signing)));
    say(0, test::smb2({1, 1, false, 0, 0, 0}, test::session_setup_request(login.negotiate)));
    say(1, test::smb2({1, 1, true, 0xc0000016}, test::session_setup_response(0, login.challenge)));
    say(0, test::smb2({1, 2}, test::session_setup_request(login.authenticate)));
    keys_ =
        derive_smb_keys({0x0311, cipher, protection_.signing}, as_bytes(login.session_key), hash);
    send(1, test::smb2({1, 2, true}, test::session_setup_response(0, "")));
    id_ = 2;
  }
  void bind(const SyntaxId& interface) {
    const std::string ask =
        pdu(11, 1,
            integer(4280, 2) + integer(4280, 2) + integer(0, 4) + integer(1, 4) + integer(0, 2) +
                integer(1, 2) + syntax_bytes(interface) + syntax_bytes(kNdr20),
            {});
    const std::string answer =
        pdu(12, 1,
            integer(4280, 2) + integer(4280, 2) + integer(7, 4) + integer(0, 4) + integer(1, 4) +
                integer(0, 4) + syntax_bytes(kNdr20),
            {});
    exchange(11, 7, test::transceive_request(kFile, ask), test::transceive_response(kFile, answer));
  }
  void make(const Recorded& call) {
    ++call_id_;
    const auto ask = pdus(
        0, integer(call.request.size(), 4) + integer(0, 2) + integer(call.opnum, 2), call.request);
    const auto answer = pdus(2, integer(call.response.size(), 4) + integer(0, 4), call.response);
    bytes += call.request.size() + call.response.size();
    if (ask.size() == 1 && answer.size() == 1)
      return exchange(11, 7, test::transceive_request(kFile, ask[0]),
                      test::transceive_response(kFile, answer[0]));
    for (const std::string& p : ask)
      exchange(9, 7, test::write_request(kFile, p), test::write_response(p.size()));
    for (const std::string& p : answer)
      exchange(8, 7, test::read_request(kFile, 4280), test::read_response(p));
  }
  /// A stub in fragments of 4 KB.
  std::vector<std::string> pdus(int type, const std::string& head, const std::string& stub) {
    constexpr std::size_t kFragment = 4096;
    std::vector<std::string> out;
    std::size_t at = 0;
    do {
      const std::string part = stub.substr(at, kFragment);
      PduOptions options;
      options.flags = (at == 0 ? 1u : 0u) | (at + part.size() == stub.size() ? 2u : 0u);
      at += part.size();
      out.push_back(pdu(type, call_id_, head + part, options));
    } while (at < stub.size());
    return out;
  }
  void exchange(std::uint16_t command, std::uint32_t tree, const std::string& ask,
                const std::string& answer) {
    ++id_;
    say(0, test::smb2({command, id_, false, 0, tree}, ask));
    say(1, test::smb2({command, id_, true, 0, tree ? tree : 7}, answer));
  }
  /// A message of the session, protected.
  void say(int side, const std::string& message) {
    auto text = [](const SmbKey& key) { return std::string(as_text(key.bytes())); };
    if (protection_.cipher != SmbCipher::kNone)
      return send(side, test::seal(protection_.cipher,
                                   text(side == 0 ? keys_.from_client : keys_.from_server), 0x1122,
                                   message, ++nonce_));
    if (protection_.is_signed)
      return send(side, test::sign(protection_.signing, text(keys_.signing), message));
    send(side, message);
  }
  void send(int side, const std::string& message) {
    const std::string data = test::framed(message);
    for (std::size_t at = 0; at < data.size(); at += 1400)
      segment(side, kAck, data.substr(at, 1400));
  }
  void segment(int side, unsigned flags, const std::string& data) {
    const unsigned host[2] = {2, 3}, port[2] = {50000, 445};
    frames.push_back(std::string(12, '\2') + be(0x0800, 2) +
                     Net::ip(host[side], host[1 - side], 6,
                             be(port[side], 2) + be(port[1 - side], 2) + be(next_[side], 4) +
                                 be((flags & kAck) ? next_[1 - side] : 0, 4) + char(0x50) +
                                 static_cast<char>(flags) + be(8192, 2) + be(0, 4) + data));
    next_[side] += static_cast<std::uint32_t>(data.size()) + ((flags & kSyn) ? 1 : 0);
  }

  static constexpr unsigned kSyn = 2, kAck = 16;
  static inline const std::string kFile = test::file_id(1);
  Protection protection_;
  SmbKeys keys_;
  std::uint64_t id_ = 0, nonce_ = 0;
  std::uint32_t call_id_ = 1;
  std::uint32_t next_[2] = {1000, 500000};
};

void whole_sensor(benchmark::State& state, const Protection& protection, const char* capture,
                  int times) {
  const Conversation conversation(protection, recorded_calls(capture), times);
  auto secrets = std::make_shared<Secrets>();
  secrets->add_nt_hash("LAB\\alice", as_bytes(conversation.login.nt_hash));
  std::size_t calls = 0;
  for (auto _ : state) {
    std::string text;
    EventJson json;
    SensorOptions options;
    options.secrets = secrets;
    std::size_t complete = 0, before = calls;
    Sensor sensor(builtin_catalogue().catalogue, options, [&](const Event& event) {
      ++calls;
      complete += event.decode() == DecodeStatus::kComplete;
      text.clear();
      json.append(text, event);
    });
    Timestamp now = 1'600'000'000'000'000'000;
    for (const std::string& frame : conversation.frames) {
      RawPacket packet;
      packet.time = now += 1000;
      packet.data = as_bytes(frame);
      packet.original_length = static_cast<std::uint32_t>(frame.size());
      sensor.packet(packet);
    }
    sensor.finish();
    const SmbStatistics smb = sensor.statistics().smb;
    if (complete == 0 || complete != calls - before) state.SkipWithError("not all read");
    if (protection.cipher != SmbCipher::kNone && smb.decrypted != smb.encrypted)
      state.SkipWithError("not all opened");
    if (protection.is_signed && smb.signatures < complete) state.SkipWithError("not checked");
    if (smb.bad_tags + smb.bad_signatures != 0) state.SkipWithError("wrong signatures");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * conversation.bytes));
  state.SetItemsProcessed(static_cast<std::int64_t>(calls));
}

const bool kRegistered = [] {
  for (const auto& [label, capture, times] :
       {std::tuple{"small_calls", "svcctl_tcp_connect.pcap", 200},
        std::tuple{"large_calls", "large_tcp.pcap", 40}}) {
    for (const Protection& protection : kProtections)
      benchmark::RegisterBenchmark(
          (std::string("Sensor/") + label + '/' + protection.name).c_str(),
          [protection, capture = capture, times = times](benchmark::State& s) {
            whole_sensor(s, protection, capture, times);
          });
  }
  return true;
}();

}  // namespace
}  // namespace rpcmarshal::testing
