// What opening sealed traffic costs. Open/*: one security context, fragments of 4 KB. Sensor/*: the
// whole way from packets to JSON, the same calls in clear and protected, so that the ratio of two
// lines is what keys cost a user. The calls are those of svcctl_tcp_connect.pcap and
// large_tcp.pcap, repeated.
#include <benchmark/benchmark.h>

#include <map>

#include "recorded_calls.h"
#include "security/kerberos_oracle.h"
#include "security/kerberos_security.h"
#include "security/ntlm_keys.h"
#include "security/ntlm_security.h"
#include "security/protected.h"
#include "security/secrets.h"
#include "sensor/traffic.h"

namespace rpcmarshal::testing {
namespace {

constexpr std::uint32_t kNtlmFlags = 0xe28a8235;

/// Seals (or signs) PDUs as a peer would.
class Sealer {
 public:
  virtual ~Sealer() = default;
  virtual std::string token_space() const = 0;  ///< of the token's size
  /// `pdu` ends with token_space().
  virtual void protect(bool from_client, std::string& pdu, std::size_t body_at,
                       std::size_t verifier_at) = 0;
};

class NtlmSealer final : public Sealer {
 public:
  NtlmSealer(std::string key, bool seal) : seal_(seal) {
    for (const bool client : {false, true}) {
      const NtlmDirectionKeys keys = ntlm_direction_keys(kNtlmFlags, as_bytes(key), client);
      stream_[client].start(keys.seal);
      sign_[client] = crypto::HmacMd5(keys.sign);
    }
  }
  std::string token_space() const override { return std::string(16, '\0'); }
  void protect(bool from_client, std::string& pdu, std::size_t body_at,
               std::size_t verifier_at) override {
    const std::string number = integer(sequence_[from_client]++, 4);
    auto sum = sign_[from_client]({as_bytes(number), as_bytes(pdu).first(verifier_at + 8)});
    const auto bytes = std::as_writable_bytes(std::span(pdu));
    if (seal_) stream_[from_client].apply(bytes.subspan(body_at, verifier_at - body_at));
    stream_[from_client].apply(std::span(sum).first(8));
    pdu.replace(verifier_at + 8, 16,
                integer(1, 4) + std::string(as_text(Bytes(sum).first(8))) + number);
  }

 private:
  bool seal_;
  crypto::Rc4 stream_[2];
  crypto::HmacMd5 sign_[2];
  std::uint32_t sequence_[2] = {};
};

class KerberosSealer final : public Sealer {
 public:
  KerberosSealer(OracleKey key, bool seal) : key_(std::move(key)), seal_(seal) {
    std::string body = "x";
    size_ = seal ? wrap_token(key_, true, 2, "h", body, "t").size()
                 : mic_token(key_, true, 0, "x").size();
  }
  std::string token_space() const override { return std::string(size_, '\0'); }
  void protect(bool from_client, std::string& pdu, std::size_t body_at,
               std::size_t verifier_at) override {
    std::string body = pdu.substr(body_at, verifier_at - body_at);
    const std::string before = pdu.substr(0, body_at), after = pdu.substr(verifier_at, 8);
    const std::string token = seal_ ? wrap_token(key_, from_client, 2, before, body, after)
                                    : mic_token(key_, from_client, 0, before + body + after);
    pdu = before + body + after + token;
  }

 private:
  OracleKey key_;
  bool seal_;
  std::size_t size_ = 0;
};

const std::string kNtlmKey(16, 'k');
OracleKey aes(int etype) { return OracleKey(etype, 'a'); }

struct Kind {
  const char* name;
  AuthService service;
  bool seal;
  int etype;  // Kerberos
};
constexpr Kind kKinds[] = {{"clear", AuthService::kNone, false, 0},
                           {"ntlm_privacy", AuthService::kNtlm, true, 0},
                           {"ntlm_integrity", AuthService::kNtlm, false, 0},
                           {"aes256_privacy", AuthService::kKerberos, true, 18},
                           {"aes128_privacy", AuthService::kKerberos, true, 17},
                           {"aes256_sha2_privacy", AuthService::kKerberos, true, 20},
                           {"aes256_integrity", AuthService::kKerberos, false, 18}};

std::unique_ptr<Sealer> make_sealer(const Kind& kind) {
  if (kind.service == AuthService::kNtlm) return std::make_unique<NtlmSealer>(kNtlmKey, kind.seal);
  if (kind.service == AuthService::kKerberos)
    return std::make_unique<KerberosSealer>(aes(kind.etype), kind.seal);
  return nullptr;
}

void open_fragments(benchmark::State& state, const Kind& kind) {
  constexpr std::size_t kBody = 4096, kCount = 256;
  const auto sealer = make_sealer(kind);
  std::vector<std::string> sealed(kCount);
  for (std::string& pdu : sealed) {
    pdu = std::string(24, 'h') + std::string(kBody, 'x') + std::string(8, 'v') +
          sealer->token_space();
    sealer->protect(true, pdu, 24, 24 + kBody);
  }
  KerberosKeys keys;
  if (kind.service == AuthService::kKerberos) keys.session = aes(kind.etype).secret();
  std::string work;
  for (auto _ : state) {
    const auto security = kind.service == AuthService::kNtlm
                              ? make_ntlm_security(kNtlmFlags, as_bytes(kNtlmKey))
                              : make_kerberos_security(keys);
    for (const std::string& pdu : sealed) {
      work = pdu;
      ProtectedPdu message{.pdu = std::as_writable_bytes(std::span(work)),
                           .body_at = 24,
                           .verifier_at = 24 + kBody,
                           .sealed = kind.seal};
      if (security->open(true, message) != OpenResult::kGood) state.SkipWithError("not opened");
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * kCount * kBody));
}

/// The packets of one connection that makes these calls, protected in this way.
class Conversation {
 public:
  Conversation(const Kind& kind, const std::vector<Recorded>& calls, int times)
      : kind_(kind), sealer_(make_sealer(kind)) {
    segment(0, Tcp::kSyn, "");
    segment(1, Tcp::kSyn | Tcp::kAck, "");
    bind(calls[0].interface);
    for (int i = 0; i < times; ++i) {
      for (const Recorded& call : calls) {
        if (call.interface != calls[0].interface) continue;
        ++call_id_;
        pdus(true, integer(call.request.size(), 4) + integer(0, 2) + integer(call.opnum, 2),
             call.request);
        pdus(false, integer(call.response.size(), 4) + integer(0, 4), call.response);
        bytes += call.request.size() + call.response.size();
      }
    }
  }
  std::vector<std::string> frames;
  std::size_t bytes = 0;  ///< of stubs

 private:
  void bind(const SyntaxId& interface) {
    PduOptions options;
    std::string answer;
    if (kind_.service == AuthService::kNtlm) {
      options.auth_type = 10;
      options.token = ntlm_negotiate();
      answer = ntlm_challenge(kNtlmFlags, "FS1", "fs1");
    } else if (kind_.service == AuthService::kKerberos) {
      const OracleKey service(18, 's');
      options.auth_type = 16;
      options.token = ap_req(ticket(service, 1, "host/fs1.r.test", aes(kind_.etype), "alice"),
                             aes(kind_.etype), nullptr);
      answer = ap_rep(aes(kind_.etype), nullptr);
    }
    options.auth_level = kind_.seal ? 6 : 5;
    send(0, pdu(11, 1,
                integer(4280, 2) + integer(4280, 2) + integer(0, 4) + integer(1, 4) +
                    integer(0, 2) + integer(1, 2) + syntax_bytes(interface) + syntax_bytes(kNdr20),
                options));
    options.token = answer;
    send(1, pdu(12, 1,
                integer(4280, 2) + integer(4280, 2) + integer(7, 4) + integer(0, 4) +
                    integer(1, 4) + integer(0, 4) + syntax_bytes(kNdr20),
                options));
    if (kind_.service == AuthService::kNtlm) {
      // An anonymous AUTHENTICATE: its key exchange is under zeros.
      NtlmNames names;
      names.lm = std::string(1, '\0');
      names.nt.clear();
      names.key = kNtlmKey;
      crypto::Rc4(as_bytes(std::string(16, '\0')))
          .apply(std::as_writable_bytes(std::span(names.key)));
      options.token = ntlm_authenticate(names, kNtlmFlags | kNtlmAnonymous);
      send(0, pdu(16, 1, std::string(4, ' '), options));
    }
  }
  /// A stub in fragments of 4 KB.
  void pdus(bool from_client, const std::string& head, const std::string& stub) {
    constexpr std::size_t kFragment = 4096;
    std::size_t at = 0;
    do {
      std::string part = stub.substr(at, kFragment);
      PduOptions options;
      options.flags = (at == 0 ? 1u : 0u) | (at + part.size() == stub.size() ? 2u : 0u);
      at += part.size();
      if (sealer_) {
        options.auth_type = static_cast<int>(kind_.service);
        options.auth_level = kind_.seal ? 6 : 5;
        options.auth_pad = static_cast<unsigned>(-part.size() & 15);
        options.token = sealer_->token_space();
      }
      std::string whole = pdu(from_client ? 0 : 2, call_id_, head + part, options);
      if (sealer_)
        sealer_->protect(from_client, whole, 24, whole.size() - 8 - options.token.size());
      send(from_client ? 0 : 1, whole);
    } while (at < stub.size());
  }
  void send(int side, const std::string& data) {
    for (std::size_t at = 0; at < data.size(); at += 1400)
      segment(side, Tcp::kAck, data.substr(at, 1400));
  }
  void segment(int side, unsigned flags, const std::string& data) {
    const unsigned host[2] = {2, 3}, port[2] = {50000, 49152};
    frames.push_back(std::string(12, '\2') + be(0x0800, 2) +
                     Net::ip(host[side], host[1 - side], 6,
                             be(port[side], 2) + be(port[1 - side], 2) + be(next_[side], 4) +
                                 be((flags & Tcp::kAck) ? next_[1 - side] : 0, 4) + char(0x50) +
                                 static_cast<char>(flags) + be(8192, 2) + be(0, 4) + data));
    next_[side] += static_cast<std::uint32_t>(data.size()) + ((flags & Tcp::kSyn) ? 1 : 0);
  }

  Kind kind_;
  std::unique_ptr<Sealer> sealer_;
  std::uint32_t call_id_ = 1;
  std::uint32_t next_[2] = {1000, 500000};
};

void whole_sensor(benchmark::State& state, const Kind& kind, const char* capture, int times) {
  const Conversation conversation(kind, recorded_calls(capture), times);
  auto secrets = std::make_shared<Secrets>();
  secrets->add_key("FS1$", "R.TEST", 1, 18, as_bytes(OracleKey(18, 's').bytes));
  std::size_t calls = 0, opened = 0;
  for (auto _ : state) {
    std::string text;
    EventJson json;
    SensorOptions options;
    options.secrets = secrets;
    Sensor sensor(builtin_catalogue().catalogue, options, [&](const Event& event) {
      ++calls;
      opened += event.decode() != DecodeStatus::kSealed;
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
    const SensorStatistics all = sensor.statistics();
    if (kind.service != AuthService::kNone &&
        (all.dce.unsealed == 0 || all.dce.bad_signatures != 0))
      state.SkipWithError("not opened");
  }
  if (opened != calls) state.SkipWithError("not all opened");
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * conversation.bytes));
  state.SetItemsProcessed(static_cast<std::int64_t>(calls));
}

const bool kRegistered = [] {
  for (const Kind& kind : kKinds) {
    if (kind.service != AuthService::kNone)
      benchmark::RegisterBenchmark((std::string("Open/") + kind.name).c_str(),
                                   [kind](benchmark::State& s) { open_fragments(s, kind); });
    for (const auto& [label, capture, times] :
         {std::tuple{"small_calls", "svcctl_tcp_connect.pcap", 200},
          std::tuple{"large_calls", "large_tcp.pcap", 40}})
      benchmark::RegisterBenchmark((std::string("Sensor/") + label + '/' + kind.name).c_str(),
                                   [kind, capture = capture, times = times](benchmark::State& s) {
                                     whole_sensor(s, kind, capture, times);
                                   });
  }
  return true;
}();

}  // namespace
}  // namespace rpcmarshal::testing
