#include "security/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "security/builders.h"
#include "security/keytab.h"
#include "security/learned_keys.h"
#include "security/protected.h"

namespace rpcmarshal {
namespace {
using namespace rpcmarshal::testing;
using ::testing::HasSubstr;
using ::testing::Not;

std::string be16(unsigned v) { return {static_cast<char>(v >> 8), static_cast<char>(v)}; }
std::string be32(std::uint32_t v) { return be16(v >> 16) + be16(v & 0xffff); }
std::string counted(const std::string& text) {
  return be16(static_cast<unsigned>(text.size())) + text;
}

std::string entry(const std::vector<std::string>& components, const std::string& realm,
                  unsigned kvno, unsigned etype, const std::string& key, bool long_kvno = false) {
  std::string out = be16(static_cast<unsigned>(components.size())) + counted(realm);
  for (const std::string& component : components) out += counted(component);
  out += be32(1) + be32(0) + static_cast<char>(kvno) + be16(etype) + counted(key);
  if (long_kvno) out += be32(kvno);
  return be32(static_cast<std::uint32_t>(out.size())) + out;
}

TEST(Keytab, ReadsEntriesAndPassesOverHoles) {
  std::string file =
      "\5\2" + entry({"cifs", "fs1.lab.test"}, "LAB.TEST", 3, 18, "0123456789abcdef");
  file += be32(static_cast<std::uint32_t>(-6)) + "hole!!";
  file += entry({"FS1$"}, "LAB.TEST", 4, 23, "fedcba9876543210", true);
  std::vector<KeytabEntry> seen;
  EXPECT_EQ(read_keytab(as_bytes(file), [&](const KeytabEntry& e) { seen.push_back(e); }), "");
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].principal, "cifs/fs1.lab.test");
  EXPECT_EQ(seen[0].realm, "LAB.TEST");
  EXPECT_EQ(seen[0].kvno, 3u);
  EXPECT_EQ(seen[0].etype, 18);
  EXPECT_EQ(seen[1].kvno, 4u);
}

TEST(Keytab, Damaged) {
  const std::string good = "\5\2" + entry({"a"}, "R", 1, 18, "k");
  for (std::size_t size = 6; size < good.size(); ++size) {
    EXPECT_THAT(read_keytab(as_bytes(good).first(size), [](const KeytabEntry&) {}),
                HasSubstr("offset 2"));
  }
  EXPECT_THAT(read_keytab(as_bytes("hello"), [](const KeytabEntry&) {}), HasSubstr("no keytab"));
  EXPECT_THAT(read_keytab(as_bytes(std::string("\5\1", 2)), [](const KeytabEntry&) {}),
              HasSubstr("ktutil"));
  EXPECT_EQ(read_keytab(as_bytes("\5\2" + be32(0x80000000)), [](const KeytabEntry&) {}),
            "offset 2: the entry goes beyond the end of the file");
}

std::string error_of(const std::string& text) {
  Secrets secrets;
  try {
    secrets.add_text(text, "my.secrets");
  } catch (const SecretsError& error) {
    return error.what();
  }
  return {};
}

TEST(SecretsFile, Lines) {
  Secrets secrets;
  secrets.add_text(
      "# comment\n\n  nt-hash LAB\\alice a4f49c406510bdcab6824ee7c30fd852\r\n"
      "password \"odd name@LAB.TEST\"  Password\n"
      "nt-hash bob aad3b435b51404eeaad3b435b51404ee:A4F49C406510BDCAB6824EE7C30FD852\n"
      "password carol \" with blanks \"",
      "my.secrets");
  EXPECT_EQ(secrets.accounts(), 4u);
  const auto same_as_alice = [&](const char* user) {
    const KeyMatch match = secrets.nt_hashes(user, "LAB");
    return match.count == 1 &&
           std::ranges::equal(match.keys[0].bytes(),
                              as_bytes(from_hex("a4f49c406510bdcab6824ee7c30fd852")));
  };
  EXPECT_TRUE(same_as_alice("ALICE"));
  EXPECT_TRUE(same_as_alice("Odd Name"));
  EXPECT_TRUE(same_as_alice("bob"));
  EXPECT_FALSE(same_as_alice("carol"));
}

TEST(SecretsFile, ErrorsSayWhereAndNeverWhat) {
  EXPECT_EQ(error_of("nt-hash alice 1234"),
            "my.secrets:1:15: an NT hash has 32 hexadecimal digits");
  EXPECT_EQ(error_of("\n nt-hash alice zzf49c406510bdcab6824ee7c30fd852"),
            "my.secrets:2:16: an NT hash has hexadecimal digits only");
  EXPECT_EQ(error_of("password alice"), "my.secrets:1:15: here the password is missing");
  EXPECT_EQ(error_of("password"), "my.secrets:1:9: here the account is missing");
  EXPECT_EQ(
      error_of("Sesame42 alice"),
      "my.secrets:1:1: a line starts with nt-hash, password, keytab, smb-session or smb-ciphers");
  EXPECT_EQ(error_of("smb-session 19 00"),
            "my.secrets:1:13: a SessionId has 16 hexadecimal digits, in the order of the bytes on "
            "the wire");
  EXPECT_EQ(error_of("smb-session 2100004000340000 00"),
            "my.secrets:1:30: a session key has 32 to 64 hexadecimal digits");
  EXPECT_EQ(error_of("smb-ciphers 2100004000340000 0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
            "my.secrets:1:62: here the key from server to client is missing");
  EXPECT_EQ(error_of("smb-ciphers 2100004000340000 0f1e2d3c4b5a69788796a5b4c3d2e1f0 "
                     "0f1e2d3c4b5a69788796a5b4c3d2e1"),
            "my.secrets:1:63: a cipher key has 32 or 64 hexadecimal digits");
  EXPECT_EQ(error_of("nt-hash a a4f49c406510bdcab6824ee7c30fd852 more"),
            "my.secrets:1:44: nothing more is expected in this line");
  EXPECT_EQ(error_of("password \"alice"), "my.secrets:1:10: the quote is not closed");
}

TEST(SecretsFile, OthersMustNotReadIt) {
  char folder[] = "/tmp/rpcm_secretsXXXXXX";
  ASSERT_TRUE(mkdtemp(folder));
  const std::string path = std::string(folder) + "/s", keytab = std::string(folder) + "/k";
  std::ofstream(path) << "password alice Password\nkeytab k\n";
  std::ofstream(keytab) << "\5\2" + entry({"FS1$"}, "LAB.TEST", 4, 23, "fedcba9876543210");
  chmod(keytab.c_str(), 0600);
  for (const unsigned mode : {0644u, 0640u, 0604u, 0620u}) {
    chmod(path.c_str(), mode);
    Secrets secrets;
    try {
      secrets.add_file(path);
      ADD_FAILURE() << mode;
    } catch (const SecretsError& error) {
      EXPECT_THAT(error.what(), HasSubstr("chmod 600"));
    }
  }
  chmod(path.c_str(), 0600);
  Secrets secrets;
  secrets.add_file(path);  // the keytab's path is relative to it
  EXPECT_EQ(secrets.accounts(), 1u);
  EXPECT_EQ(secrets.keytab_entries(), 1u);
  EXPECT_THROW(Secrets().add_file(path + "x"), SecretsError);
  EXPECT_THROW(Secrets().add_keytab(path), SecretsError);
  unlink(path.c_str());
  unlink(keytab.c_str());
  rmdir(folder);
}

struct SecretsOfSeveralHosts : ::testing::Test {
  SecretsOfSeveralHosts() {
    secrets.add_key("cifs/fs1.lab.test", "LAB.TEST", 3, 18, as_bytes("exact"));
    secrets.add_key("FS1$", "LAB.TEST", 3, 18, as_bytes("machine"));
    secrets.add_key("FS2$", "LAB.TEST", 3, 18, as_bytes("other machine"));
    secrets.add_key("FS1$", "LAB.TEST", 2, 18, as_bytes("older"));
  }
  std::string first(std::string_view service, std::int32_t etype, std::uint32_t kvno) const {
    const KeyMatch match = secrets.service_keys(service, "lab.test", etype, kvno);
    return match.count ? std::string(as_text(match.keys[0].bytes())) : std::string();
  }
  Secrets secrets;
};

TEST_F(SecretsOfSeveralHosts, ServiceKeysByPrincipalHostVersionAndType) {
  EXPECT_EQ(first("CIFS/FS1.lab.test", 18, 3), "exact");
  EXPECT_EQ(first("HOST/fs1.lab.test", 18, 3), "machine");  // what was added last comes first
  EXPECT_EQ(first("HOST/fs2", 18, 3), "other machine");
  EXPECT_EQ(first("ldap/fs1.lab.test/lab.test", 18, 2), "older");
  // An alias: keys of this version and type, few of them.
  EXPECT_EQ(secrets.service_keys("cifs/files.lab.test", "LAB.TEST", 18, 3).count, 3u);
  EXPECT_EQ(secrets.service_keys("cifs/files.lab.test", "LAB.TEST", 17, 3).count, 0u);
  const KeyMatch version = secrets.service_keys("cifs/fs1.lab.test", "LAB.TEST", 18, 9);
  EXPECT_EQ(version.count, 0u);
  EXPECT_EQ(version.why, KeyMatch::Why::kNoKvno);
  EXPECT_EQ(version.kvno, 3u);
  EXPECT_EQ(secrets.service_keys("cifs/fs1.lab.test", "LAB.TEST", 17, 3).why,
            KeyMatch::Why::kNoEtype);
  EXPECT_EQ(secrets.service_keys("cifs/fs9", "OTHER", 18, 3).why, KeyMatch::Why::kNoAccount);
}

TEST_F(SecretsOfSeveralHosts, LookUpsStaySmallWithManyKeys) {
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = "H" + std::to_string(i) + '$';
    secrets.add_key(name, "LAB.TEST", 3, 18, as_bytes(name));
    secrets.add_nt_hash("LAB\\sam", as_bytes(name));
  }
  EXPECT_LE(secrets.service_keys("cifs/alias", "LAB.TEST", 18, 3).count, 4u);
  EXPECT_EQ(first("HOST/h777", 18, 3), "H777$");
  EXPECT_LE(secrets.nt_hashes("sam", "LAB").count, KeyMatch::kMaxCandidates);
}

TEST(Secrets, KeysOfPasswords) {
  Secrets secrets;
  secrets.add_password("raeburn@ATHENA.MIT.EDU", "password");
  // [RFC3962] appendix B: 1200 iterations there; the usual 4096 give another key, so the salt and
  // the length are what is checked here, and the RC4 key, which has no salt.
  const KeyMatch aes = secrets.client_keys("raeburn", "ATHENA.MIT.EDU", 18, {}, {});
  ASSERT_EQ(aes.count, 1u);
  EXPECT_EQ(aes.keys[0].bytes().size(), 32u);
  const KeyMatch salted =
      secrets.client_keys("raeburn", "ATHENA.MIT.EDU", 18, {}, "ATHENA.MIT.EDUraeburn");
  EXPECT_TRUE(std::ranges::equal(salted.keys[0].bytes(), aes.keys[0].bytes()));
  const KeyMatch rc4 = secrets.client_keys("raeburn", "ATHENA.MIT.EDU", 23, {}, {});
  ASSERT_EQ(rc4.count, 1u);
  EXPECT_TRUE(std::ranges::equal(rc4.keys[0].bytes(),
                                 as_bytes(from_hex("8846f7eaee8fb117ad06bdd830b7586c"))));
  EXPECT_EQ(secrets.client_keys("raeburn", "OTHER.EDU", 23, {}, {}).count, 0u);
}

TEST(Secrets, WhatWasLearnedIsBounded) {
  Secrets secrets;
  for (std::uint64_t i = 1; i <= 20'000; ++i) secrets.learned().put_ticket(i, {});
  OpenedTicket ticket;
  EXPECT_FALSE(secrets.learned().find_ticket(1, ticket));
  EXPECT_TRUE(secrets.learned().find_ticket(20'000, ticket));
  for (int i = 0; i < 10; ++i) secrets.learned().put_netlogon("WS1", {});
  EXPECT_EQ(secrets.learned().find_netlogon("WS1").size(), LearnedKeys::kMaxChannels);
}

}  // namespace
}  // namespace rpcmarshal
