// Towers, failure actions, attribute ids.
#include "blobs/directory.h"
#include "blobs/helpers.h"
#include "blobs/service.h"
#include "blobs/tower.h"

namespace rpcmarshal::blobs {
namespace {

using test::from_hex;
using test::shown;

/// samr over TCP: five floors, port 49664 at 10.0.0.1.
constexpr std::string_view kTcpTower =
    "0500"
    "13000d785734123412cdabef000123456789ac010002000000"
    "13000d045d888aeb1cc9119fe808002b104860020002000000"
    "01000b02000000"
    "0100070200c200"
    "01000904000a000001";

TEST(Tower, Tcp) {
  const std::string octets = from_hex(kTcpTower);
  const auto tower = parse_tower(as_bytes(std::string_view(octets)), nullptr);
  ASSERT_TRUE(tower);
  EXPECT_EQ(shown(*tower),
            "{uuid=12345778-1234-abcd-ef00-0123456789ac version=1.0 interface=samr syntax=ndr "
            "protocol=ncacn_ip_tcp endpoint=49664 host=10.0.0.1}");
  EXPECT_EQ(summarise_tower(*tower), "samr ncacn_ip_tcp:10.0.0.1[49664]");
}

TEST(Tower, NamedPipe) {
  const std::string octets = from_hex(
      "0500"
      "13000d785734123412cdabef000123456789ac010002000000"
      "13000d045d888aeb1cc9119fe808002b104860020002000000"
      "01000b02000000"
      "01000f0c005c706970655c6c7361737300"
      "0100110500444331000000");
  const auto tower = parse_tower(as_bytes(std::string_view(octets)), nullptr);
  ASSERT_TRUE(tower);
  EXPECT_EQ(tower->value("protocol"), "ncacn_np");
  EXPECT_EQ(tower->value("endpoint"), "\\pipe\\lsass");
  EXPECT_EQ(tower->value("host"), "DC1");
}

TEST(Tower, SurvivesEveryCut) {
  const std::string octets = from_hex(kTcpTower);
  for (std::size_t cut = 0; cut < octets.size(); ++cut) {
    const auto tower = parse_tower(as_bytes(std::string_view(octets).substr(0, cut)), nullptr);
    EXPECT_EQ(tower.has_value(), cut >= 52) << cut;
  }
  const std::string many = from_hex("ffff") + std::string(1000, '\x01');
  EXPECT_FALSE(parse_tower(as_bytes(std::string_view(many)), nullptr));
}

TEST(FailureActions, Registry) {
  const std::string bytes = from_hex(
      "8051010000000000000000000300000014000000"
      "0100000060ea0000"
      "03000000e8030000"
      "0900000000000000");
  const auto actions = parse_failure_actions(as_bytes(std::string_view(bytes)));
  ASSERT_TRUE(actions);
  EXPECT_EQ(shown(*actions),
            "{reset_period=86400 actions=[{type=restart delay=60000}, "
            "{type=run_command delay=1000}, {type=9 delay=0}]}");
  EXPECT_EQ(summarise_failure_actions(*actions),
            "restart after 60000 ms, run_command after 1000 ms, 9 after 0 ms");
}

TEST(FailureActions, BufferWithTexts) {
  // command at 28, one action at 20
  const std::string wide = from_hex("00000000000000001c0000000100000014000000") +
                           from_hex("0300000000000000") + std::string("a\0.\0e\0x\0e\0\0\0", 12);
  const auto actions = parse_failure_actions(as_bytes(std::string_view(wide)));
  ASSERT_TRUE(actions);
  EXPECT_EQ(actions->value("command"), "a.exe");
  EXPECT_EQ(summarise_failure_actions(*actions), "run_command after 0 ms: a.exe");
}

TEST(FailureActions, CountsAndOffsetsAreNotBelieved) {
  const std::string bytes = from_hex("00000000ffffffffffffffffffffffffffffffff");
  const auto actions = parse_failure_actions(as_bytes(std::string_view(bytes)));
  ASSERT_TRUE(actions);
  EXPECT_EQ(shown(*actions), "{reset_period=0}");
  EXPECT_FALSE(parse_failure_actions(as_bytes(std::string_view(bytes).substr(0, 19))));
}

TEST(ServiceDescription, WideAndNarrow) {
  const std::string wide = from_hex("04000000") + std::string("H\0i\0\0\0", 6);
  EXPECT_EQ(parse_service_description(as_bytes(std::string_view(wide)))->value("description"),
            "Hi");
  const std::string narrow = from_hex("04000000") + "Hi";
  EXPECT_EQ(
      parse_service_description(as_bytes(std::string_view(narrow)), false)->value("description"),
      "Hi");
  EXPECT_FALSE(parse_service_description({}));
  EXPECT_FALSE(parse_service_description(as_bytes(std::string_view("\xff\xff\0\0", 4))));
}

TEST(Attributes, ByTheMessagesOwnTable) {
  // 1.2.840.113556.1.4 under index 7: what DCSync tools send.
  const std::string prefix = from_hex("2a864886f7140104");
  const PrefixTable table{{7, as_bytes(std::string_view(prefix))}};
  EXPECT_EQ(attribute_name(0x0007005A, table), "unicodePwd");
  EXPECT_EQ(attribute_name(0x0007005E, table), "ntPwdHistory");
  EXPECT_EQ(attribute_name(0x0007007D, table), "supplementalCredentials");
  EXPECT_EQ(attribute_oid(0x00070092, table), "1.2.840.113556.1.4.146");
  EXPECT_EQ(attribute_name(0x00070092, table), "objectSid");
  EXPECT_EQ(attribute_oid(0x00070918, table), "1.2.840.113556.1.4.2328");
}

TEST(Attributes, ByTheKnownTable) {
  EXPECT_EQ(attribute_name(0x0009005A, {}), "unicodePwd");
  EXPECT_EQ(attribute_name(0x00090092, {}), "objectSid");
  EXPECT_EQ(attribute_name(0x00000003, {}), "cn");
  EXPECT_EQ(attribute_name(0x00020119, {}), "nTSecurityDescriptor");
  EXPECT_EQ(attribute_name(0x0009ABCD, {}), "1.2.840.113556.1.4.11213") << "no name: its number";
  EXPECT_EQ(attribute_name(0x7FFF0001, {}), "0x7fff0001");
}

TEST(Attributes, Secrets) {
  EXPECT_TRUE(is_secret_attribute("unicodePwd"));
  EXPECT_TRUE(is_secret_attribute("trustAuthOutgoing"));
  EXPECT_FALSE(is_secret_attribute("cn"));
  EXPECT_FALSE(is_secret_attribute(""));
}

TEST(Attributes, HostilePrefixes) {
  const std::string endless(64, '\xff'), large(2000, '\x01'), empty;
  for (const std::string& prefix : {endless, large, empty}) {
    const PrefixTable table{{500, as_bytes(std::string_view(prefix))}};
    EXPECT_EQ(attribute_name(500u << 16 | 5, table), "0x01f40005");
  }
}

}  // namespace
}  // namespace rpcmarshal::blobs
