// Sealed captures, opened with the lab's keys, against clear ones of the same calls
// (tests/captures/sealed/pairs.tsv): the events must say the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "builtin/builtin.h"
#include "capture/capture_file.h"
#include "security/secrets.h"
#include "sensor/sensor.h"
#include "sink/sink.h"

namespace rpcmarshal {
namespace {

using nlohmann::json;

const std::filesystem::path kFolder =
    std::filesystem::path(RPCM_SOURCE_DIR) / "tests/captures/sealed";

const LoadedCatalogue& catalogue() {
  static const LoadedCatalogue loaded = load_catalogue();
  return loaded;
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

std::shared_ptr<const Secrets> lab_secrets() {
  auto secrets = std::make_shared<Secrets>();
  secrets->add_keytab_bytes(as_bytes(contents(kFolder / "lab.keytab")), "lab.keytab");
  secrets->add_text(contents(kFolder / "lab.secrets"), "lab.secrets");
  return secrets;
}

/// Keys of the same accounts, which never were theirs.
std::shared_ptr<const Secrets> wrong_secrets() {
  auto secrets = std::make_shared<Secrets>();
  std::string text = contents(kFolder / "lab.secrets");
  for (std::size_t at; (at = text.find(".2026")) != std::string::npos;)
    text.replace(at, 5, ".1999");
  for (std::size_t at; (at = text.find("Passw0rd")) != std::string::npos;)
    text.replace(at, 8, "passwort");
  secrets->add_text(text, "wrong.secrets");
  return secrets;
}

struct Seen {
  std::vector<json> events;
  SensorStatistics statistics;
  std::string unopened_reason;
};

Seen read(const std::string& name, std::shared_ptr<const Secrets> secrets) {
  Seen seen;
  EventJson writer;
  SensorOptions options;
  options.connection_numbers = std::make_shared<std::atomic<std::uint64_t>>(1);
  options.secrets = std::move(secrets);
  options.losses = [&](const ConnectionLosses& l) {
    if (l.unopened > 0) seen.unopened_reason = l.unopened_reason;
  };
  Sensor sensor(catalogue().catalogue, options, [&](const Event& event) {
    std::string line;
    writer.append(line, event);
    seen.events.push_back(json::parse(line));
  });
  auto opened = CaptureFile::open((kFolder / (name + ".pcap")).string());
  EXPECT_TRUE(opened.file) << opened.error;
  if (!opened.file) return seen;
  RawPacket packet;
  while (opened.file->next(packet)) sensor.packet(packet);
  sensor.finish();
  seen.statistics = sensor.statistics();
  return seen;
}

/// What the calls said, by interface, without what differs from run to run: handles are numbered in
/// the order of their appearance. How a secure channel or a port is found is no part of it.
class Said {
 public:
  explicit Said(const std::vector<json>& events) {
    static const std::set<std::string> kPreliminaries{
        "NetrServerReqChallenge", "NetrServerAuthenticate2", "NetrServerAuthenticate3",
        "NetrLogonGetCapabilities", "ept_map"};
    for (const json& e : events) {
      if (kPreliminaries.contains(e.value("operation", ""))) continue;
      json out;
      for (const char* part : {"operation", "opnum", "outcome", "fault", "request", "response",
                               "handles", "details", "syntax"}) {
        if (e.contains(part)) out[part] = e[part];
      }
      out["interface"] = e.value("/interface/uuid"_json_pointer, "");
      out["status"] = e.value("/decode/status"_json_pointer, "");
      for (const char* part : {"name", "domain", "sid", "groups"}) {
        if (e.contains("user") && e["user"].contains(part)) out["user"][part] = e["user"][part];
      }
      number_handles(out);
      calls.push_back(std::move(out));
    }
  }
  std::vector<json> calls;

 private:
  void number_handles(json& value) {
    if (value.is_object() && value.contains("handle") && value["handle"].is_string()) {
      const auto [found, fresh] =
          handles_.try_emplace(value["handle"].get<std::string>(), handles_.size());
      value["handle"] = found->second;
    }
    if (!value.is_structured()) return;
    for (auto& member : value) number_handles(member);
  }
  std::map<std::string, std::size_t> handles_;
};

std::vector<std::pair<std::string, std::string>> pairs() {
  std::vector<std::pair<std::string, std::string>> out;
  std::ifstream in(kFolder / "pairs.tsv");
  for (std::string sealed, clear; in >> sealed >> clear;) out.emplace_back(sealed, clear);
  return out;
}

class Sealed : public testing::TestWithParam<std::pair<std::string, std::string>> {};
INSTANTIATE_TEST_SUITE_P(Pairs, Sealed, testing::ValuesIn(pairs()),
                         [](const auto& pair) { return pair.param.first; });

TEST_P(Sealed, OpenedItSaysWhatItsClearTwinSays) {
  const auto secrets = lab_secrets();
  const Seen sealed = read(GetParam().first, secrets);
  Said is(sealed.events), should(read(GetParam().second, secrets).events);
  if (GetParam().first.starts_with("schannel")) {
    // A machine calls there, an administrator here.
    for (auto* said : {&is, &should}) {
      for (json& call : said->calls) call.erase("user");
    }
  }
  if (GetParam().first.ends_with("nodomain")) {
    for (json& call : should.calls) call["user"].erase("domain");
  }
  ASSERT_GE(should.calls.size(), 3u);
  for (std::size_t i = 0; i < std::min(is.calls.size(), should.calls.size()); ++i)
    ASSERT_EQ(is.calls[i].dump(), should.calls[i].dump()) << "call " << i;
  EXPECT_EQ(is.calls.size(), should.calls.size());
  for (const json& event : sealed.events) {
    for (const char* half : {"request", "response"})
      EXPECT_NE(
          event["decode"].value(json::json_pointer(std::string("/") + half + "/signature"), ""),
          "bad");
  }
  const SmbStatistics& smb = sealed.statistics.smb;
  EXPECT_EQ(smb.bad_tags, 0u);
  EXPECT_EQ(smb.bad_signatures, 0u);
  EXPECT_EQ(smb.unopened, 0u);
  EXPECT_EQ(smb.decrypted + smb.passed_over, smb.encrypted);
  if (GetParam().first.starts_with("smb_")) {
    EXPECT_GT(smb.decrypted + smb.signatures, 40u);
  }
}

TEST(SealedSmb, WhatIsNotOpenedSaysWhy) {
  auto reason = [](const char* name, auto fill) {
    auto secrets = std::make_shared<Secrets>();
    fill(*secrets);
    return read(name, secrets).unopened_reason;
  };
  const std::string key(32, 'k');
  auto keytab = [&](const char* service, std::uint32_t kvno, std::int32_t type) {
    return [=](Secrets& s) {
      s.add_key(service, "LAB.TEST", kvno, type, as_bytes(key).first(type == 18 ? 32 : 16));
    };
  };
  using testing::HasSubstr;
  EXPECT_THAT(reason("smb_ntlm_gcm128", keytab("cifs/ms1.lab.test", 1, 18)),
              HasSubstr("no key for account LAB\\administrator"));
  EXPECT_THAT(
      reason("smb_ntlm_gcm128", [](Secrets& s) { s.add_password("administrator", "another"); }),
      HasSubstr("is not its key"));
  EXPECT_THAT(reason("smb_kerberos_gcm128", keytab("cifs/ms1.lab.test", 1, 18)),
              HasSubstr("does not open"));
  EXPECT_THAT(reason("smb_kerberos_gcm128", keytab("cifs/ms1.lab.test", 7, 18)),
              HasSubstr("cifs/ms1.lab.test"));
  EXPECT_THAT(reason("smb_kerberos_gcm128", keytab("cifs/other.lab.test", 9, 17)),
              HasSubstr("cifs/ms1.lab.test"));
}

/// Recorded against a standalone server: the account's password is all there is to know.
TEST(SealedSmb, SignaturesOfEveryDialectAreRight) {
  auto secrets = std::make_shared<Secrets>();
  secrets->add_text("password root Samba.2026\n", "root");
  for (const char* name : {"srvsvc_smb1", "srvsvc_ipv6", "srvsvc_smb311"}) {
    const Seen seen = read(std::string("../") + name, secrets);
    EXPECT_GT(seen.statistics.smb.signatures, 50u) << name;
    EXPECT_EQ(seen.statistics.smb.bad_signatures, 0u) << name;
    for (const json& event : seen.events)
      EXPECT_EQ(event["transport"].value("smb_signature", ""), "good") << name;
  }
}

TEST(SealedSmb, EncryptedEventsEqualSignedOnes) {
  auto secrets = std::make_shared<Secrets>();
  secrets->add_text("password root Samba.2026\n", "root");
  const Seen sealed = read("../srvsvc_smb311_encrypted", secrets);
  Said is(sealed.events), should(read("../srvsvc_smb311", secrets).events);
  ASSERT_EQ(is.calls.size(), should.calls.size());
  for (std::size_t i = 0; i < is.calls.size(); ++i) {
    // The shares' state differs; what was asked does not.
    EXPECT_EQ(is.calls[i]["operation"], should.calls[i]["operation"]);
    for (Said* said : {&is, &should})  // what rpcclient leaves in it is random
      if (said->calls[i].contains("request")) said->calls[i]["request"].erase("ParmErr");
    EXPECT_EQ(is.calls[i]["request"], should.calls[i]["request"]);
    EXPECT_EQ(is.calls[i]["status"], "complete");
  }
  EXPECT_EQ(sealed.events[0]["transport"]["smb_decrypted"], true);
}

TEST_P(Sealed, WrongKeysShowWhatNoKeysShow) {
  const Seen without = read(GetParam().first, nullptr);
  const Seen wrong = read(GetParam().first, wrong_secrets());
  ASSERT_EQ(without.events.size(), wrong.events.size());
  for (std::size_t i = 0; i < wrong.events.size(); ++i) {
    json a = without.events[i], b = wrong.events[i];
    for (const char* half : {"request", "response"}) {
      if (b["decode"].contains(half) && b["decode"][half].value("status", "") == "sealed") {
        EXPECT_NE(b["decode"][half].value("reason", ""), "") << b.dump();
        b["decode"][half].erase("reason");
      }
    }
    ASSERT_EQ(a.dump(), b.dump());
  }
  EXPECT_EQ(wrong.statistics.smb.decrypted, 0u);
  EXPECT_EQ(wrong.statistics.smb.unopened, without.statistics.smb.encrypted);
  EXPECT_EQ(wrong.statistics.smb.bad_signatures, 0u);
}

}  // namespace
}  // namespace rpcmarshal
