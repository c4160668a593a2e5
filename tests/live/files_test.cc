// Files of events, the metrics file, the capture filter.
#include <gtest/gtest.h>
#include <pcap/pcap.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "live/live_capture.h"
#include "live/metrics.h"
#include "live/rotating_file.h"

namespace rpcmarshal {
namespace {

namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/rpcm-files-XXXXXX";
    ASSERT_TRUE(mkdtemp(name));
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const char* name) const { return (folder_ / name).string(); }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_))
      out.push_back(entry.path().filename().string());
    std::ranges::sort(out);
    return out;
  }
  static std::string content(const fs::path& file) {
    gzFile in = gzopen(file.c_str(), "rb");  // reads plain files too
    std::string out(1u << 20, '\0');
    const int got = gzread(in, out.data(), static_cast<unsigned>(out.size()));
    gzclose(in);
    out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return out;
  }
  std::string all() const {
    std::string out;
    for (const std::string& name : names()) out += content(folder_ / name);
    return out;
  }
  static std::string none() { return {}; }

  fs::path folder_;
};

TEST_F(Files, BeginAnewWhenLargeAndPackWhatIsDone) {
  {
    RotatingFile file(
        path("events.log"), {.max_bytes = 1000}, [] { return "#open\n"; },
        [] { return "#close\n"; });
    for (int i = 0; i < 100; ++i)
      file.write("line " + std::to_string(i) + std::string(50, '.') + '\n');
    EXPECT_GE(file.rotations(), 4u);
    file.close();
  }
  std::set<std::string> lines;
  std::size_t opened = 0, closed = 0;
  for (const std::string& name : names()) {
    EXPECT_TRUE(name == "events.log" || (name.starts_with("events-2") && name.ends_with(".log.gz")))
        << name;
    std::istringstream in(content(folder_ / name));
    std::string line, last;
    std::getline(in, line);
    EXPECT_EQ(line, "#open");
    ++opened;
    while (std::getline(in, line)) {
      last = line;
      if (line.starts_with("line")) {
        EXPECT_TRUE(lines.insert(line).second);
      }
      if (line == "#close") ++closed;
    }
    EXPECT_EQ(last, "#close");
  }
  EXPECT_EQ(lines.size(), 100u) << "nothing lost, nothing twice";
  EXPECT_EQ(opened, closed);
  EXPECT_GE(opened, 5u);
}

TEST_F(Files, KeepOnlySoMany) {
  {
    RotatingFile file(path("e.jsonl"), {.max_bytes = 10, .gzip = true, .keep = 3}, none, none);
    for (int i = 0; i < 20; ++i) file.write("0123456789" + std::to_string(i) + '\n');
  }
  EXPECT_EQ(names().size(), 4u) << "three and the one being written";
  EXPECT_NE(all().find("012345678919\n"), std::string::npos) << "the newest are kept";
}

TEST_F(Files, KeepTheNewestThoughOthersOfTheSecondAreGone) {
  {
    RotatingFile file(path("e.jsonl"), {.max_bytes = 10, .gzip = false, .keep = 2}, none, none);
    for (int i = 0; i < 40; ++i) {
      file.write("0123456789" + std::to_string(i) + '\n');
      std::this_thread::sleep_for(std::chrono::milliseconds(3));  // time to delete
    }
  }
  EXPECT_EQ(names().size(), 3u);
  EXPECT_NE(all().find("012345678938\n"), std::string::npos);
  EXPECT_NE(all().find("012345678939\n"), std::string::npos);
}

TEST_F(Files, BeginAnewWhenTheTimeHasCome) {
  RotatingFile file(path("e.jsonl"), {.every_seconds = 1, .gzip = false}, none, none);
  file.write("one\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  file.tick();
  file.write("two\n");
  EXPECT_EQ(file.rotations(), 1u);
  EXPECT_EQ(content(path("e.jsonl")), "two\n");
  EXPECT_EQ(names().size(), 2u);
}

TEST_F(Files, ReopenForThoseWhoMoveFilesThemselves) {
  RotatingFile file(path("e.jsonl"), {}, none, none);
  file.write("one\n");
  fs::rename(path("e.jsonl"), path("moved"));
  file.write("two\n");
  file.reopen();
  file.write("three\n");
  EXPECT_EQ(content(path("moved")), "one\ntwo\n");
  EXPECT_EQ(content(path("e.jsonl")), "three\n");
}

TEST_F(Files, ContinueAnExistingFile) {
  std::ofstream(path("e.jsonl")) << "before\n";
  RotatingFile(path("e.jsonl"), {}, none, none).write("after\n");
  EXPECT_EQ(content(path("e.jsonl")), "before\nafter\n");
}

TEST_F(Files, SayWhatCannotBeWritten) {
  EXPECT_THROW(RotatingFile(path("no/such/folder"), {}, none, none), std::runtime_error);
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  RotatingFile full("/dev/full", {}, none, none);
  full.write("lost\n");
  EXPECT_EQ(full.lost_bytes(), 5u);
  EXPECT_FALSE(full.error().empty());
}

TEST_F(Files, MetricsAreReplacedWhole) {
  SensorStatistics statistics;
  statistics.drops.kernel = 7;
  statistics.tcp.gaps = 3;
  statistics.flows = 42;
  const std::string text = metrics_text(statistics, {}, {.output_rotations = 2, .start_time = 9});
  ASSERT_TRUE(replace_file(path("m.prom"), "old"));
  ASSERT_TRUE(replace_file(path("m.prom"), text));
  EXPECT_EQ(names().size(), 1u);
  EXPECT_EQ(content(path("m.prom")), text);
  for (const char* line :
       {"rpcmarshal_drops_kernel_total 7\n", "rpcmarshal_tcp_gaps_total 3\n",
        "# TYPE rpcmarshal_state_flows gauge\nrpcmarshal_state_flows 42\n",
        "rpcmarshal_calls_total{decode=\"sealed\"} 0\n", "rpcmarshal_output_rotations_total 2\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line;
  // Each name is described once, and before its first value.
  std::set<std::string> described;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(described.insert(line.substr(7, line.find(' ', 7) - 7)).second) << line;
    } else if (!line.starts_with('#')) {
      EXPECT_TRUE(described.contains(line.substr(0, line.find_first_of(" {")))) << line;
    }
  }
  EXPECT_GT(described.size(), 60u);
}

/// Whether `filter` lets an Ethernet frame through.
bool passes(const std::string& filter, const std::string& frame) {
  pcap_t* pcap = pcap_open_dead(DLT_EN10MB, 65535);
  bpf_program program{};
  EXPECT_EQ(pcap_compile(pcap, &program, filter.c_str(), 1, PCAP_NETMASK_UNKNOWN), 0)
      << pcap_geterr(pcap);
  pcap_pkthdr header{};
  header.caplen = header.len = static_cast<bpf_u_int32>(frame.size());
  const int result =
      pcap_offline_filter(&program, &header, reinterpret_cast<const unsigned char*>(frame.data()));
  pcap_freecode(&program);
  pcap_close(pcap);
  return result != 0;
}

std::string ipv4(char protocol, int port, int fragment = 0, const std::string& tags = {}) {
  std::string f(12, '\1');
  f += tags + std::string("\x08\0\x45\0\0\x28\0\0", 8);
  f += static_cast<char>(fragment >> 8);
  f += static_cast<char>(fragment);
  f += std::string("\x40", 1) + protocol + std::string("\0\0\1\2\3\4\5\6\7\x08", 10);
  f += std::string("\xc0\0", 2) + static_cast<char>(port >> 8) + static_cast<char>(port);
  return f + std::string(16, '\0');
}

TEST(CaptureFilter, TakesEveryPortUnlessToldOtherwise) {
  const std::string tag("\x81\0\0\5", 4), outer("\x88\xa8\0\6", 4);
  const std::string all = capture_filter("");
  for (const std::string& tags : {std::string(), tag, outer + tag}) {
    EXPECT_TRUE(passes(all, ipv4(6, 135, 0, tags)));
    EXPECT_TRUE(passes(all, ipv4(6, 50123, 0, tags)));
    EXPECT_TRUE(passes(all, ipv4(17, 88, 0, tags)));
    EXPECT_TRUE(passes(all, ipv4(47, 0, 0, tags))) << "GRE";
    EXPECT_FALSE(passes(all, ipv4(1, 0, 0, tags))) << "ICMP";
  }
  EXPECT_TRUE(passes(all, ipv4(6, 0, 100))) << "a later fragment";
}

TEST(CaptureFilter, TakesThePortsItIsGiven) {
  const std::string some = capture_filter("135,49152-65535");
  EXPECT_TRUE(passes(some, ipv4(6, 135)));
  EXPECT_TRUE(passes(some, ipv4(6, 50123)));
  // The other side's port counts too: ipv4() has 49152 as source. So ask for what excludes it.
  const std::string few = capture_filter("135,445-446");
  EXPECT_TRUE(passes(few, ipv4(6, 446)));
  EXPECT_FALSE(passes(few, ipv4(6, 447)));
  EXPECT_TRUE(passes(few, ipv4(6, 447, 100))) << "a fragment has no port to see";
  EXPECT_TRUE(passes(few, ipv4(17, 4789))) << "VXLAN";
  for (const char* wrong : {"x", "1-", "-1", "70000", "5-4", "1,,2", "135,"})
    EXPECT_THROW(capture_filter(wrong), std::invalid_argument) << wrong;
}

}  // namespace
}  // namespace rpcmarshal
