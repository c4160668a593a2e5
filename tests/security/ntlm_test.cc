#include "security/ntlm.h"

#include <gtest/gtest.h>

#include "security/builders.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;

TEST(Ntlm, AuthenticateInUnicode) {
  NtlmNames names{utf16("LAB"), utf16("alice"), utf16("WS1")};
  names.key = std::string(16, 'K');
  std::string token = ntlm_authenticate(names, kNtlmUnicode | kNtlmKeyExchange);
  auto message = parse_ntlm_authenticate(as_bytes(token));
  ASSERT_TRUE(message);
  EXPECT_EQ(ntlm_text(message->domain, message->flags), "LAB");
  EXPECT_EQ(ntlm_text(message->user, message->flags), "alice");
  EXPECT_EQ(ntlm_text(message->workstation, message->flags), "WS1");
  EXPECT_EQ(as_text(message->encrypted_session_key), std::string(16, 'K'));
  EXPECT_EQ(as_text(message->mic), std::string(16, '\x4d'));
  EXPECT_EQ(message->nt_response.size(), 24u);
  EXPECT_TRUE(message->client_target_info.empty());
}

TEST(Ntlm, ClientTargetInfoOfAnNtlmV2Response) {
  NtlmNames names{utf16("LAB"), utf16("alice"), utf16("WS1")};
  std::string spn = utf16("cifs/fs1");
  names.nt =
      std::string(16 + 28, 'p') + le16(9) + le16(static_cast<unsigned>(spn.size())) + spn + le32(0);
  std::string token = ntlm_authenticate(names, kNtlmUnicode);
  auto message = parse_ntlm_authenticate(as_bytes(token));
  ASSERT_TRUE(message);
  Bytes target = find_ntlm_av(message->client_target_info, NtlmAv::kTargetName);
  EXPECT_EQ(ntlm_text(target, kNtlmUnicode), "cifs/fs1");
}

TEST(Ntlm, OldAuthenticateWithoutFlags) {
  std::string token("NTLMSSP\0", 8);
  token += le32(3);
  token += le16(0) + le16(0) + le32(52);
  token += le16(0) + le16(0) + le32(52);
  token += le16(3) + le16(3) + le32(52);
  token += le16(3) + le16(3) + le32(55);
  token += le16(2) + le16(2) + le32(58);
  token += "DOMbobPC";
  auto message = parse_ntlm_authenticate(as_bytes(token));
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->has_flags);
  EXPECT_EQ(as_text(message->user), "bob");
}

TEST(Ntlm, Challenge) {
  std::string token = ntlm_challenge(kNtlmUnicode, "FS1", "fs1.lab.test");
  auto message = parse_ntlm_challenge(as_bytes(token));
  ASSERT_TRUE(message);
  EXPECT_EQ(as_text(message->server_challenge), "chalCHAL");
  EXPECT_EQ(ntlm_text(find_ntlm_av(message->target_info, NtlmAv::kDnsComputer), kNtlmUnicode),
            "fs1.lab.test");
  EXPECT_TRUE(find_ntlm_av(message->target_info, NtlmAv::kTargetName).empty());
}

TEST(Ntlm, NegotiateWithAndWithoutNames) {
  EXPECT_TRUE(parse_ntlm_negotiate(as_bytes(ntlm_negotiate())));
  std::string bare = std::string("NTLMSSP\0", 8) + le32(1) + le32(7);
  auto message = parse_ntlm_negotiate(as_bytes(bare));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->flags, 7u);
}

TEST(Ntlm, EveryTruncationIsRefusedOrBounded) {
  std::string token = ntlm_authenticate({utf16("LAB"), utf16("alice"), utf16("WS1")}, kNtlmUnicode);
  for (std::size_t size = 0; size < token.size(); ++size) {
    std::string cut =
        token.substr(0, size);  // its own allocation, so that a sanitizer sees a step outside
    EXPECT_FALSE(parse_ntlm_authenticate(as_bytes(cut))) << size;
  }
}

TEST(Ntlm, FieldOutsideTheTokenIsMalformed) {
  std::string token = ntlm_authenticate({utf16("LAB"), utf16("alice"), utf16("WS1")}, kNtlmUnicode);
  token.replace(12 + 3 * 8 + 4, 4, le32(0xfffffff0));  // UserNameBufferOffset
  EXPECT_FALSE(parse_ntlm_authenticate(as_bytes(token)));
}

TEST(Ntlm, TargetInfoThatRunsOutIsEmpty) {
  std::string info = le16(1) + le16(500) + "short";
  EXPECT_TRUE(find_ntlm_av(as_bytes(info), NtlmAv::kNetbiosComputer).empty());
}

}  // namespace
}  // namespace rpcmarshal
