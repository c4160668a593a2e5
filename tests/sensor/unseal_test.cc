// Sealed captures read with their keys give the events of the same commands in clear; with wrong
// ones those of no keys, and the reason.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>

#include "capture/capture_file.h"
#include "security/secrets.h"
#include "sensor/traffic.h"

namespace rpcmarshal::testing {
namespace {

using Json = nlohmann::json;
using Packets = std::vector<std::string>;

std::shared_ptr<const Secrets> passwords(const char* text) {
  auto secrets = std::make_shared<Secrets>();
  secrets->add_text(text, "test");
  return secrets;
}
std::shared_ptr<const Secrets> lab() {
  return passwords(
      "password CONTOSO\\jdoe Winter.2026\npassword svcbackup Backup.2026\npassword "
      "administrator@LAB.TEST Passw0rd.1");
}

std::filesystem::path capture(const std::string& name) {
  return std::filesystem::path(RPCM_SOURCE_DIR) / "tests/captures" / name;
}

/// `change` may alter packet number `i`, or say false to leave it out.
struct Result {
  std::vector<Json> events;
  SensorStatistics statistics;
};
Result read(const std::filesystem::path& file, std::shared_ptr<const Secrets> secrets,
            const std::function<bool(std::size_t i, std::string& packet)>& change = {}) {
  Result result;
  EventJson json;
  SensorOptions options;
  options.connection_numbers = std::make_shared<std::atomic<std::uint64_t>>(1);
  options.secrets = std::move(secrets);
  Sensor sensor(builtin_catalogue().catalogue, options, [&](const Event& event) {
    std::string line;
    json.append(line, event);
    result.events.push_back(Json::parse(line));
  });
  auto opened = CaptureFile::open(file.string());
  EXPECT_TRUE(opened.file) << opened.error;
  if (!opened.file) return result;
  RawPacket packet;
  for (std::size_t i = 0; opened.file->next(packet); ++i) {
    std::string bytes(as_text(packet.data));
    if (change && !change(i, bytes)) continue;
    packet.data = as_bytes(bytes);
    sensor.packet(packet);
  }
  sensor.finish();
  result.statistics = sensor.statistics();
  return result;
}

/// What a command says, without what differs from run to run.
std::string content(const Json& event) {
  Json out;
  for (const char* member : {"operation", "request", "response", "outcome", "fault", "unc_hosts",
                             "details", "dcom", "wmi"})
    if (event.contains(member)) out[member] = event[member];
  for (const char* half : {"request", "response"})
    if (event["decode"].contains(half))
      out[std::string("status of ") + half] = event["decode"][half]["status"];
  static const std::regex kGuid("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
  return std::regex_replace(out.dump(), kGuid, "GUID");
}

std::vector<std::string> contents(const Result& result) {
  std::vector<std::string> out;
  for (const Json& event : result.events) out.push_back(content(event));
  return out;
}

std::size_t halves(const Result& result, const std::string& status, const std::string& signature) {
  std::size_t count = 0;
  for (const Json& event : result.events)
    for (const char* half : {"request", "response"})
      if (event["decode"].contains(half))
        count += event["decode"][half].value("status", "") == status &&
                 event["decode"][half].value("signature", "") == signature;
  return count;
}

TEST(Unseal, SealedCallsReadAsClearOnes) {
  const std::pair<const char*, const char*> kPairs[] = {
      {"svcctl_tcp_privacy.pcap", "svcctl_tcp_connect.pcap"},
      {"svcctl_smb2_privacy.pcap", "svcctl_smb2.pcap"},
      {"svcctl_tcp_integrity.pcap", "svcctl_tcp_connect.pcap"},
      {"large_tcp_privacy.pcap", "large_tcp.pcap"}};
  for (const auto& [sealed, clear] : kPairs) {
    const Result opened = read(capture(sealed), lab());
    EXPECT_EQ(contents(opened), contents(read(capture(clear), nullptr))) << sealed;
    EXPECT_EQ(halves(opened, "complete", "good"), 2 * opened.events.size()) << sealed;
    EXPECT_EQ(opened.statistics.dce.bad_signatures, 0u);
    EXPECT_GT(opened.statistics.dce.unsealed, 0u);
  }
}

TEST(Unseal, WrongKeysGiveTheEventsOfNoKeysAndTheReason) {
  const std::pair<const char*, const char*> kKeys[] = {
      {"password jdoe guessed", "the key given for account CONTOSO\\jdoe is not its key"},
      {"password somebody Winter.2026", "no key for account CONTOSO\\jdoe"}};
  for (const char* name : {"svcctl_tcp_privacy.pcap", "svcctl_tcp_integrity.pcap"}) {
    const Result none = read(capture(name), nullptr);
    for (const auto& [keys, reason] : kKeys) {
      Result wrong = read(capture(name), passwords(keys));
      std::size_t reasons = 0;
      for (Json& event : wrong.events) {
        for (auto& half : {"request", "response"}) {
          if (!event["decode"].contains(half) || !event["decode"][half].contains("reason"))
            continue;
          EXPECT_EQ(event["decode"][half]["reason"], reason);
          EXPECT_EQ(event["decode"][half]["status"], "sealed");
          event["decode"][half].erase("reason");
          ++reasons;
        }
      }
      EXPECT_EQ(wrong.events, none.events) << name;
      EXPECT_EQ(reasons > 0, std::string(name).find("privacy") != std::string::npos);
    }
  }
}

/// Packets of a capture that carry a PDU with a verifier, which is in clear in TCP.
bool carries(const std::string& packet, unsigned type) {
  constexpr std::size_t kPayload = 14 + 20 + 32;  // Ethernet, IPv4, TCP with time stamps
  return packet.size() > kPayload + 24 && packet[kPayload] == 5 &&
         static_cast<unsigned>(packet[kPayload + 2]) == type && packet[kPayload + 10] != 0;
}
constexpr std::size_t kStub = 14 + 20 + 32 + 24;

TEST(Unseal, AChangedByteIsToldAndNeverGarbage) {
  const auto change_third_request = [](std::size_t wanted) {
    return [wanted, seen = std::size_t{0}](std::size_t, std::string& packet) mutable {
      if (carries(packet, 0) && seen++ == wanted)
        packet[kStub + 4] = static_cast<char>(packet[kStub + 4] ^ 1);
      return true;
    };
  };
  const Result sealed = read(capture("svcctl_tcp_privacy.pcap"), lab(), change_third_request(2));
  EXPECT_EQ(halves(sealed, "sealed", "bad"), 1u);
  EXPECT_EQ(halves(sealed, "complete", "good"), 2 * sealed.events.size() - 1);
  EXPECT_EQ(sealed.statistics.dce.bad_signatures, 1u);
  const Json& request = sealed.events[2]["decode"]["request"];
  EXPECT_EQ(request["reason"], "the signature is wrong");
  EXPECT_FALSE(sealed.events[2].contains("request"));
  const Result open = read(capture("svcctl_tcp_integrity.pcap"), lab(), change_third_request(2));
  EXPECT_EQ(open.events[2]["decode"]["request"]["signature"], "bad");
  EXPECT_TRUE(open.events[2].contains("request"));
}

TEST(Unseal, ALossBreaksTheKeyStreamOfItsDirection) {
  std::size_t seen = 0;
  const Result result =
      read(capture("svcctl_tcp_privacy.pcap"), lab(),
           [&](std::size_t, std::string& packet) { return !(carries(packet, 0) && seen++ == 3); });
  std::size_t lost = 0, good = 0;
  for (const Json& event : result.events) {
    if (event["decode"].contains("response"))
      good += event["decode"]["response"].value("signature", "") == "good";
    if (!event["decode"].contains("request")) continue;
    lost += event["decode"]["request"].value("reason", "") ==
            "earlier messages are missing from the capture, and with them the key stream";
  }
  EXPECT_EQ(lost, result.events.size() - 4);
  EXPECT_EQ(good, result.events.size());
  EXPECT_EQ(result.statistics.dce.lost_streams, lost);
}

TEST(Unseal, WithoutTheBindItSaysSo) {
  bool bound = false;
  const Result result =
      read(capture("svcctl_tcp_privacy.pcap"), lab(), [&](std::size_t, std::string& packet) {
        bound |= carries(packet, 0);
        return bound;
      });
  ASSERT_FALSE(result.events.empty());
  for (const Json& event : result.events)
    EXPECT_EQ(event["decode"]["request"]["reason"], "the bind was not seen");
}

std::filesystem::path lab_corpus() { return std::filesystem::path(RPCM_SHARED_DIR) / "corpus/lab"; }

// Samba's own tests against a domain controller, recorded with its keytab.
TEST(Unseal, CorpusOpensWithItsKeytab) {
  const auto folder = lab_corpus();
  if (!std::filesystem::exists(folder / "dc.keytab")) GTEST_SKIP() << folder << " is not here";
  std::ifstream in(folder / "dc.keytab", std::ios::binary);
  const std::string keytab(std::istreambuf_iterator<char>(in), {});
  for (const char* name :
       {"tort_tcp_krb5_seal-krb5_dc1_drsuapi", "tort_tcp_krb5_seal-spnego_dc1_drsuapi",
        "schannel_rpcclient_np", "tort_dc1_schannel", "tort_tcp_spnego-seal_dc1_drsuapi",
        "tort_tcp_bigendian-seal_dc1_drsuapi", "tort_dc1_bind"}) {
    auto secrets = std::make_shared<Secrets>();
    secrets->add_keytab_bytes(as_bytes(keytab), "dc.keytab");
    const Result result = read(folder / (std::string(name) + ".pcap.gz"), secrets);
    EXPECT_GT(result.statistics.dce.unsealed, 10u) << name;
    EXPECT_EQ(result.statistics.dce.bad_signatures, 0u) << name;
    EXPECT_EQ(halves(result, "sealed", ""), 0u) << name;
    EXPECT_EQ(halves(result, "partial", "good"), 0u) << name;
  }
}

}  // namespace
}  // namespace rpcmarshal::testing
