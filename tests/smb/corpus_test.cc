// Real captures: as many DCE/RPC PDUs in pipes as tshark 4.0.17 sees there
// (tshark -Y "dcerpc && (smb || smb2)" -T fields -e dcerpc.pkt_type, values counted).
#include <gtest/gtest.h>

#include <filesystem>

#include "smb/survey.h"

namespace rpcmarshal {
namespace {

TEST(Corpus, AsManyPdusAsTshark) {
  std::filesystem::path corpus = std::filesystem::path(RPCM_SHARED_DIR) / "corpus";
  if (!std::filesystem::exists(corpus)) GTEST_SKIP() << "no corpus at " << corpus;
  struct {
    const char* file;
    std::uint64_t pdus, pipes;
    const char* user;
  } expected[] = {
      {"lab/tort_fs1_srvsvc.pcap.gz", 5680, 2, "LAB\\root"},
      {"lab/tort_smb1_fs1_spoolss.pcap.gz", 4648, 12, "LAB\\root"},
      {"lab/tort_npseal_fs1_winreg.pcap.gz", 3146, 1, "LAB\\root"},
      // tshark counts 5: it takes the request echoed in an IOCTL answer for another.
      {"zeek-btest/smb2.pcap", 4, 1, "CONTOSO\\Administrator"},
  };
  for (const auto& e : expected) {
    test::Survey s = test::survey((corpus / e.file).string());
    EXPECT_EQ(s.error, "");
    EXPECT_EQ(s.pdus, e.pdus) << e.file;
    EXPECT_EQ(s.pipes, e.pipes) << e.file;
    EXPECT_EQ(s.pipes_ended, e.pipes) << e.file;
    EXPECT_EQ(s.broken_streams, 0u) << e.file;
    EXPECT_EQ(s.smb.malformed, 0u) << e.file;
    EXPECT_TRUE(s.users.contains(e.user)) << e.file;
  }
}

}  // namespace
}  // namespace rpcmarshal
