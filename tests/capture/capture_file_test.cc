#include "capture/capture_file.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "capture/frames.h"

namespace rpcmarshal {
namespace {

using namespace test;

std::string pcap_header(std::uint32_t magic = 0xa1b2c3d4, unsigned link_type = 1) {
  return le32(magic) + le16(2) + le16(4) + le32(0) + le32(0) + le32(262144) + le32(link_type);
}
std::string record(std::uint32_t seconds, std::uint32_t fraction, std::string_view data) {
  return le32(seconds) + le32(fraction) + le32(data.size()) + le32(data.size()) + std::string(data);
}
std::string gzip(std::string_view data) {
  z_stream z{};
  deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(data.size() + 1024, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  z.avail_in = static_cast<uInt>(data.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  return out;
}
std::string block(std::uint32_t type, std::string body) {
  body.resize((body.size() + 3) / 4 * 4);
  std::string size = le32(12 + body.size());
  return le32(type) + size + body + size;
}

class CaptureFileTest : public ::testing::Test {
 protected:
  std::string write(std::string_view content) {
    path = (std::filesystem::temp_directory_path() /
            ("rpcm_capture_" + std::to_string(::getpid()) + ".pcap"))
               .string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  // Every packet's time and bytes, then the error.
  std::string read_all(std::string_view content) {
    auto opened = CaptureFile::open(write(content));
    if (!opened.file) return "cannot open: " + opened.error.substr(path.size());
    std::string out;
    RawPacket packet;
    while (opened.file->next(packet))
      out += std::to_string(packet.time) + "=" + std::string(as_text(packet.data)) + " ";
    EXPECT_EQ(opened.file->progress().size, static_cast<std::int64_t>(content.size()));
    if (opened.file->error().empty()) {
      EXPECT_EQ(opened.file->progress().read, content.size());
      return out;
    }
    return out + "| " + opened.file->error().substr(path.size());
  }
  void TearDown() override { std::filesystem::remove(path); }
  std::string path;
};

const std::string kTwo = pcap_header() + record(1, 5, "abc") + record(2, 6, "defg");

TEST_F(CaptureFileTest, PcapMicroAndNanoseconds) {
  EXPECT_EQ(read_all(kTwo), "1000005000=abc 2000006000=defg ");
  EXPECT_EQ(read_all(pcap_header(0xa1b23c4d) + record(1, 5, "abc")), "1000000005=abc ");
}

TEST_F(CaptureFileTest, Gzip) {
  EXPECT_EQ(read_all(gzip(kTwo)), "1000005000=abc 2000006000=defg ");
  // Two members after each other, as appending to a .gz makes them.
  EXPECT_EQ(read_all(gzip(kTwo.substr(0, 30)) + gzip(kTwo.substr(30))),
            "1000005000=abc 2000006000=defg ");
}

TEST_F(CaptureFileTest, PcapngWithTwoInterfaces) {
  std::string file =
      block(0x0a0d0d0a, le32(0x1a2b3c4d) + le16(1) + le16(0) + le32(~0u) + le32(~0u));
  std::string nano = le16(9) + le16(1) + std::string("\x09\0\0\0", 4) + le32(0);
  file += block(1, le16(1) + le16(0) + le32(0));
  file += block(1, le16(1) + le16(0) + le32(0) + nano);
  file += block(6, le32(0) + le32(0) + le32(1'000'005) + le32(3) + le32(3) + "abc");
  file += block(6, le32(1) + le32(0) + le32(2'000'000'006) + le32(4) + le32(4) + "defg");
  EXPECT_EQ(read_all(file), "1000005000=abc 2000000006=defg ");
}

/// A section header, and an interface of a link type and snap length.
const std::string kSectionHeader =
    block(0x0a0d0d0a, le32(0x1a2b3c4d) + le16(1) + le16(0) + le32(~0u) + le32(~0u));
std::string interface_of(unsigned link_type, std::uint32_t snap, const std::string& options = {}) {
  return block(1, le16(link_type) + le16(0) + le32(snap) + options);
}
std::string packet_of(unsigned interface, std::uint32_t time, std::string_view data) {
  return block(6, le32(interface) + le32(0) + le32(time) + le32(data.size()) + le32(data.size()) +
                      std::string(data));
}

TEST_F(CaptureFileTest, PcapngWithInterfacesOfDifferentKinds) {
  const std::string file = kSectionHeader + interface_of(1, 65535) + packet_of(0, 1, "eth") +
                           interface_of(101, 262144) + packet_of(1, 2, "raw") +
                           packet_of(0, 3, "more") + block(0x0bad, "a block that nobody knows") +
                           // A second section, whose interfaces are its own.
                           kSectionHeader + interface_of(113, 0) + packet_of(0, 4, "sll") +
                           block(3, le32(3) + "spb");
  EXPECT_EQ(read_all(file), "1000=eth 2000=raw 3000=more 4000=sll 0=spb ");
  auto opened = CaptureFile::open(path);
  RawPacket packet;
  std::vector<int> types;
  while (opened.file->next(packet)) types.push_back(packet.link_type);
  EXPECT_EQ(types, (std::vector<int>{1, 101, 1, 113, 113}));
}

TEST_F(CaptureFileTest, PcapngPacketsOfAnUnsupportedLinkTypeArePassedOver) {
  const std::string file = kSectionHeader + interface_of(1, 0) + interface_of(105, 0) +
                           packet_of(1, 1, "wifi") + packet_of(0, 2, "eth") +
                           packet_of(1, 3, "wifi");
  EXPECT_EQ(read_all(file),
            "2000=eth | : 2 packets of link type IEEE802_11 passed over, which is not supported: "
            "all others were read (1 packets)");
}

TEST_F(CaptureFileTest, PcapngTimes) {
  const auto resolution = [](char r) {
    return le16(9) + le16(1) + std::string{r, '\0', '\0', '\0'};
  };
  const std::string offset = le16(14) + le16(8) + le32(100) + le32(0);
  EXPECT_EQ(read_all(kSectionHeader + interface_of(1, 0, resolution(0)) + packet_of(0, 7, "a") +
                     interface_of(1, 0, resolution(12)) + packet_of(1, 5000, "b") +
                     interface_of(1, 0, resolution('\x81')) + packet_of(2, 3, "c") +
                     interface_of(1, 0, resolution(3) + offset) + packet_of(3, 1, "d") +
                     interface_of(1, 0, resolution('\xff')) + packet_of(4, 1, "e") +
                     interface_of(1, 0, resolution('\x7f')) + packet_of(5, 1, "f")),
            "7000000000=a 5=b 1500000000=c 100001000000=d 0=e 0=f ");
}

TEST_F(CaptureFileTest, PcapngTellsWhatItsWriterLost) {
  const auto option = [](unsigned code, std::uint32_t value) {
    return le16(code) + le16(8) + le32(value) + le32(0);
  };
  const auto statistics = [&](unsigned interface, const std::string& options) {
    return block(5, le32(interface) + le32(0) + le32(9) + options);
  };
  const std::string noted = block(6, le32(1) + le32(0) + le32(2) + le32(3) + le32(3) +
                                         std::string("abc\0", 4) + option(4, 30) + le32(0));
  const auto drops = [&](const std::string& file) {
    auto opened = CaptureFile::open(write(file));
    RawPacket packet;
    while (opened.file->next(packet)) {
    }
    EXPECT_EQ(opened.file->error(), "");
    const CaptureDrops d = opened.file->drops();
    return std::to_string(d.received) + " " + std::to_string(d.kernel) + " " +
           std::to_string(d.interface);
  };
  const std::string two = kSectionHeader + interface_of(1, 0) + interface_of(1, 0);
  EXPECT_EQ(drops(two + packet_of(0, 1, "abc")), "0 0 0");
  // The later block of an interface counts from the start as well.
  EXPECT_EQ(drops(two + statistics(0, option(4, 10) + option(7, 1)) +
                  statistics(0, option(4, 100) + option(5, 5) + option(7, 2)) +
                  statistics(1, option(4, 1000) + option(5, 7))),
            "1100 2 12");
  // Packets may note what was lost before them, beside the statistics or without.
  EXPECT_EQ(drops(two + noted + noted), "0 60 0");
  EXPECT_EQ(drops(two + noted + statistics(1, option(7, 31))), "0 31 0");
  const std::string old =
      block(2, le16(0) + le16(8) + le32(0) + le32(1) + le32(3) + le32(3) + "abc");
  const std::string unknown =
      block(2, le16(0) + le16(0xffff) + le32(0) + le32(1) + le32(3) + le32(3) + "abc");
  EXPECT_EQ(drops(two + old + unknown), "0 8 0");
  // Another section, with interfaces of its own.
  EXPECT_EQ(drops(two + statistics(0, option(7, 2)) + two + statistics(0, option(7, 3))), "0 5 0");
  // Statistics of nobody, short ones, and options that do not fit, cost no packets.
  EXPECT_EQ(drops(two + statistics(2, option(7, 2)) + block(5, "short") +
                  statistics(0, option(4, 1) + le16(7) + le16(800)) + packet_of(0, 1, "abc")),
            "1 0 0");
}

TEST_F(CaptureFileTest, DamagedPcapng) {
  const std::string good = kSectionHeader + interface_of(1, 0) + packet_of(0, 1, "abc");
  const std::string at = "1000=abc | : damaged at byte " + std::to_string(good.size()) + ": ";
  const std::string more = packet_of(0, 2, "defg");
  for (std::size_t cut = 1; cut < more.size(); ++cut)
    EXPECT_EQ(read_all(good + more.substr(0, cut)).substr(0, at.size()), at) << cut;
  std::string lengths = more, of_nobody = packet_of(1, 2, "defg"), too_long = more,
              short_one = more;
  lengths[lengths.size() - 1] = 1;
  too_long[20] = 5;
  short_one[4] = 8;
  for (const std::string& bad :
       {lengths, of_nobody, too_long, short_one, block(1, "shor"), block(6, "short"),
        block(0x0a0d0d0a, le32(0x1a2b3c4d)), le32(6) + le32(0x7ffffffc)}) {
    const std::string text = read_all(good + bad);
    EXPECT_EQ(text.substr(0, at.size()), at) << text;
    EXPECT_NE(text.find("everything before it was read"), text.npos) << text;
  }
}

TEST_F(CaptureFileTest, ATruncatedFileYieldsWhatIsBeforeTheDamage) {
  std::string cut = kTwo.substr(0, kTwo.size() - 2);
  std::string text = read_all(cut);
  EXPECT_EQ(text.substr(0, 39), "1000005000=abc | : damaged at byte 43: ") << text;
  EXPECT_NE(text.find("everything before it was read"), text.npos);
  EXPECT_EQ(read_all(kTwo.substr(0, 24 + 19 + 7)).substr(0, 39),
            "1000005000=abc | : damaged at byte 43: ");
}

TEST_F(CaptureFileTest, ACorruptRecordLengthIsDamage) {
  std::string bad = kTwo;
  bad[24 + 19 + 8 + 3] = '\x7f';
  EXPECT_EQ(read_all(bad).substr(0, 39), "1000005000=abc | : damaged at byte 43: ");
}

TEST_F(CaptureFileTest, DamagedGzip) {
  std::string random;
  std::uint32_t state = 1;
  for (int i = 0; i < 100000; ++i)
    random += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  std::string packed = gzip(pcap_header() + record(1, 5, "abc") + record(2, 6, random));
  std::string text = read_all(packed.substr(0, packed.size() / 2));
  EXPECT_EQ(text.substr(0, 39), "1000005000=abc | : damaged at byte 43: ") << text;
  EXPECT_NE(text.find("the gzip data ends too early"), text.npos) << text;
}

TEST_F(CaptureFileTest, AGzipWithoutItsEndIsDamageEvenOnARecordBoundary) {
  std::string packed = gzip(kTwo);
  std::string text = read_all(packed.substr(0, packed.size() - 8));
  EXPECT_NE(text.find("the gzip data ends too early"), text.npos) << text;
}

TEST_F(CaptureFileTest, NotACapture) {
  EXPECT_EQ(read_all("hello, this is a text file, not a capture at all"),
            "cannot open: : not a capture: it is neither pcap nor pcapng");
  EXPECT_EQ(read_all(""), "cannot open: : not a capture: the file is empty");
  EXPECT_EQ(read_all("abc"), "cannot open: : not a capture: it is neither pcap nor pcapng");
  EXPECT_EQ(read_all("ElfFile" + std::string(100, '\0')),
            "cannot open: : not a capture: it is a Windows event log, not a packet capture");
  auto opened = CaptureFile::open("/nonexistent/x.pcap");
  EXPECT_EQ(opened.file, nullptr);
  EXPECT_EQ(opened.error, "/nonexistent/x.pcap: cannot be opened: No such file or directory");
  EXPECT_EQ(CaptureFile::open("/tmp").error, "/tmp: is a folder, not a capture");
}

TEST_F(CaptureFileTest, AnUnsupportedLinkTypeIsNamed) {
  EXPECT_EQ(read_all(pcap_header(0xa1b2c3d4, 105) + record(1, 5, "abc")),
            "cannot open: : link type IEEE802_11 is not supported");
}

}  // namespace
}  // namespace rpcmarshal
