// A compiled policy that lies in the repository: what it decides, wherever this runs; and what
// happens when any of its bytes is another.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "policy/evaluator.h"
#include "policy/json_fields.h"

namespace rpcmarshal::policy {
namespace {

std::string golden() {
  std::ifstream in(std::string(RPCM_SOURCE_DIR) + "/tests/policy/golden.policy", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class Golden : public testing::Test {
 protected:
  void SetUp() override {
    Policy::Loaded loaded = Policy::load(as_bytes(golden()));
    ASSERT_NE(loaded.policy, nullptr) << loaded.error;
    policy_ = std::move(loaded.policy);
    fields_ = std::make_unique<JsonFields>(*policy_);
    evaluator_ = std::make_unique<Evaluator>(*policy_);
  }
  std::string say(std::string_view json) {
    EXPECT_TRUE(fields_->parse(json)) << json;
    const Decision d = evaluator_->decide(*fields_, 1'800'000'000);
    std::string out(action_name(d.action));
    out += ' ';
    out += d.rule == Decision::kNoRule ? "default" : policy_->rule(d.rule).id;
    if (d.unknown) out += " unknown";
    if (d.learn_rule != Decision::kNoRule) out += " learning";
    if (d.action == Action::kBlock) out += " " + std::to_string(d.fault_status);
    return out;
  }

  std::unique_ptr<const Policy> policy_;
  std::unique_ptr<JsonFields> fields_;
  std::unique_ptr<Evaluator> evaluator_;
};

TEST_F(Golden, Decides) {
  EXPECT_EQ(policy_->name(), "Golden");
  EXPECT_EQ(policy_->rule_count(), 6u);
  EXPECT_EQ(policy_->rule(1).reason, "texts");
  constexpr const char* kRest = R"("sensor":"host","request":{"a":"x","b":"X")";
  const auto event = [&](std::string_view more, std::string_view request = "") {
    std::string out = "{" + std::string(kRest) + std::string(request) + "}" + std::string(more);
    // Who calls is known, unless the test says otherwise.
    if (more.find("client") == more.npos) out += R"(,"client":{"address":"192.168.0.1"})";
    if (more.find("user") == more.npos) out += R"(,"user":{"groups":["S-1-5-11"]})";
    return out + "}";
  };
  EXPECT_EQ(say(event(R"(,"operation":"THREE")")), "allow set");
  EXPECT_EQ(say(event(R"(,"operation":"Six")")), "audit default");
  EXPECT_EQ(say(event("", R"(,"path":"c:\\TEMP\\\u00c4\\x.EXE")")), "block texts 1722");
  EXPECT_EQ(say(event("", R"(,"path":"C:\\Temp\\a\u00e9bcd.exe")")), "block texts 1722");
  EXPECT_EQ(say(event("", R"(,"path":"Exact")")), "block texts 1722");
  EXPECT_EQ(say(event("", R"(,"path":"exact")")), "audit default");
  EXPECT_EQ(say(event(R"(,"ts":"2026-11-21T15:00:40.1Z")", R"(,"count":"0x0B","ratio":0.5)")),
            "block numbers 5");
  EXPECT_EQ(say(event(R"(,"ts":"2026-11-21T16:00:40.1Z")", R"(,"count":11,"ratio":0.5)")),
            "audit default");
  EXPECT_EQ(say(event(R"(,"client":{"address":"10.9.8.7"})")), "block address 1722");
  EXPECT_EQ(say(event(R"(,"client":{"address":"fd12::1"})")), "block address 1722");
  EXPECT_EQ(say(event(R"(,"client":{"address":"192.168.0.1"})")), "audit default");
  EXPECT_EQ(say(event(R"(,"client":{"port":1})")), "block address unknown 1722");
  EXPECT_EQ(
      say(event(
          R"(,"transport":{"protocol":"ncacn_ip_tcp"},"user":{"groups":["S-1-1-0"],"level":"none"})")),
      "audit default learning");
  EXPECT_EQ(
      say(R"({"sensor":"host","request":{"a":"x"},"decode":{"request":{"status":"partial"}}})"),
      "block texts unknown 1722");
}

TEST_F(Golden, ADamagedBlockIsRefusedOrHarmless) {
  const std::string good = golden();
  ASSERT_GT(good.size(), format::kHeaderSize);
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(Policy::load(as_bytes(good).first(size)).policy, nullptr) << size;
  EXPECT_EQ(Policy::load(as_bytes(good + "x")).policy, nullptr);

  constexpr std::size_t kBehind = format::kAtChecksum + 8;
  std::size_t refused = 0, harmless = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int change : {0x01, 0x80, 0xFF}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ change);
      EXPECT_EQ(Policy::load(as_bytes(bad)).policy, nullptr) << at;
      if (at < kBehind) continue;
      // Damage that came with a matching checksum.
      const std::uint64_t sum =
          format::checksum(as_bytes(bad).data() + kBehind, bad.size() - kBehind);
      for (std::size_t i = 0; i < 8; ++i)
        bad[format::kAtChecksum + i] = static_cast<char>(sum >> (8 * i) & 0xFF);
      const Policy::Loaded loaded = Policy::load(as_bytes(bad));
      ++(loaded.policy ? harmless : refused);
      if (!loaded.policy) continue;
      JsonFields fields(*loaded.policy);
      Evaluator evaluator(*loaded.policy);
      fields.parse(R"({"request":{"path":"c:\\temp\\\u00e4.exe","count":3},"operation":"x"})");
      const Decision d = evaluator.decide(fields, 1);
      EXPECT_TRUE(d.rule == Decision::kNoRule || d.rule < loaded.policy->rule_count());
    }
  }
  EXPECT_GT(refused, 1000u);
  EXPECT_GT(harmless, 1000u);  // texts, numbers: another policy, but a sound one
}

}  // namespace
}  // namespace rpcmarshal::policy
