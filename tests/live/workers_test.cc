#include "live/workers.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>

#include "detect/live_rules.h"
#include "live/host_pair.h"
#include "live/packet_queue.h"
#include "run.h"

namespace rpcmarshal {
namespace {

using test::builtin_catalogue;
using test::capture_path;

const std::vector<std::string>& captures() {
  static const std::vector<std::string> names = {"demo.pcap",        "svcctl_smb1.pcap",
                                                 "large_tcp.pcap",   "epmapper_samba.pcap",
                                                 "srvsvc_ipv6.pcap", "demo_qinq.pcap"};
  return names;
}

// Events without what depends on the order of workers.
std::multiset<std::string> plain(const std::string& lines, std::set<std::uint64_t>* ids = nullptr) {
  std::multiset<std::string> out;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    auto event = nlohmann::json::parse(line);
    if (ids) {
      EXPECT_TRUE(ids->insert(event["id"].get<std::uint64_t>()).second) << "an id twice";
    }
    event.erase("id");
    event["transport"].erase("connection");
    out.insert(event.dump());
  }
  return out;
}

TEST(Workers, SeeTheSameEventsAsOneSensor) {
  std::string alone;
  const auto format = make_json_format();
  Sensor sensor(builtin_catalogue(), {}, [&](const Event& e) { format->append(alone, e); });
  for (const std::string& name : captures())
    test::for_each_packet(capture_path(name), [&](const RawPacket& p) { sensor.packet(p); });
  sensor.finish();
  const auto expected = plain(alone);
  ASSERT_GT(expected.size(), 100u);
  for (const int workers : {1, 2, 5}) {
    std::string together;
    WorkerOptions options;
    options.workers = workers;
    options.wait = true;
    options.output_block = 1000;
    Workers pool(builtin_catalogue(), options, [&](std::string_view lines) {
      ASSERT_TRUE(lines.ends_with('\n'));
      together += lines;
    });
    for (const std::string& name : captures())
      test::for_each_packet(capture_path(name), [&](const RawPacket& p) { pool.packet(p); });
    pool.finish();
    std::set<std::uint64_t> ids;
    EXPECT_EQ(plain(together, &ids), expected) << workers;
    EXPECT_EQ(*ids.rbegin(), expected.size()) << "numbered from 1 without holes";
    EXPECT_EQ(pool.statistics().calls, expected.size());
    EXPECT_EQ(pool.summary().calls(), expected.size());
    EXPECT_EQ(pool.statistics().drops.queue, 0u);
  }
}

TEST(Workers, DropAndCountWhenTheyAreBehind) {
  std::mutex gate;
  gate.lock();  // the output stands still, so the worker does
  WorkerOptions options;
  options.queue_bytes = 2 * PacketBlock::kBytes;
  options.output_block = 1;
  std::atomic<std::uint64_t> written{0};
  Workers pool(builtin_catalogue(), options, [&](std::string_view) {
    const std::lock_guard wait(gate);
    ++written;
  });
  std::uint64_t given = 0, refused = 0;
  const auto feed = [&] {
    test::for_each_packet(capture_path("demo.pcap"), [&](const RawPacket& p) {
      ++given;
      if (!pool.packet(p)) ++refused;
    });
  };
  for (int i = 0; i < 200; ++i) feed();
  EXPECT_GT(refused, 0u) << "never waits";
  EXPECT_EQ(pool.statistics().drops.queue, refused);
  gate.unlock();
  pool.finish();
  EXPECT_EQ(pool.statistics().decap.packets, given - refused);
  EXPECT_EQ(pool.statistics().drops.queue, refused);
}

TEST(Workers, HandOverWhatFillsNoBlockWhenAsked) {
  for (const int workers : {1, 2}) {
    for (const bool with_rules : {false, true}) {
      WorkerOptions options;
      options.workers = workers;
      options.flush_milliseconds = 10;
      detect::RuleOptions rules;
      rules.rules = {std::string(RPCM_SOURCE_DIR) + "/rules/zeek/execution_service.yml"};
      detect::LiveRules live(
          std::make_shared<detect::LoadedRules>(rules, builtin_catalogue(), workers));
      if (with_rules) options.rules = &live;
      std::atomic<bool> seen{false};
      Workers pool(builtin_catalogue(), options, [&](std::string_view) { seen = true; });
      test::for_each_packet(capture_path("demo.pcap"), [&](const RawPacket& p) { pool.packet(p); });
      pool.flush();
      for (int i = 0; i < 500 && !seen; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      EXPECT_TRUE(seen) << "before finish(), " << workers << " workers, rules: " << with_rules;
      pool.finish();
    }
  }
}

TEST(PacketBlock, KeepsPacketsAndTakesOneThatIsLarger) {
  PacketBlock block;
  const std::string small = "abc", large(PacketBlock::kBytes * 3, 'x');
  EXPECT_TRUE(
      block.add({.time = 7, .data = as_bytes(small), .original_length = 9, .link_type = 12}, 3));
  EXPECT_FALSE(block.add({.data = as_bytes(large)}, 4));
  block.for_each([&](const RawPacket& p, std::uint64_t place) {
    EXPECT_EQ(place, 3u);
    EXPECT_EQ(as_text(p.data), small);
    EXPECT_EQ(p.time, 7);
    EXPECT_EQ(p.original_length, 9u);
    EXPECT_EQ(p.link_type, 12);
  });
  block.clear();
  EXPECT_TRUE(block.add({.data = as_bytes(large)}, 4));
  EXPECT_EQ(block.size(), 1u);
}

TEST(HostPair, IsTheSameInBothDirectionsAndForAllLinks) {
  std::set<std::uint64_t> hashes;
  for (const char* name : {"demo.pcap", "demo_vlan.pcap", "demo_qinq.pcap", "demo_raw.pcap",
                           "demo_cooked.pcap", "demo_pcapng.pcapng"}) {
    test::for_each_packet(capture_path(name),
                          [&](const RawPacket& p) { hashes.insert(host_pair_hash(p)); });
  }
  EXPECT_EQ(hashes.size(), 1u) << "one client and one server in all of them";
  std::set<std::uint64_t> v6;
  test::for_each_packet(capture_path("srvsvc_ipv6.pcap"),
                        [&](const RawPacket& p) { v6.insert(host_pair_hash(p)); });
  EXPECT_EQ(v6.size(), 1u);
  EXPECT_FALSE(hashes.contains(*v6.begin()));
}

TEST(HostPair, LooksThroughTunnels) {
  std::vector<std::string> frames;
  test::for_each_packet(capture_path("demo.pcap"), [&](const RawPacket& p) {
    if (frames.size() < 1) frames.emplace_back(as_text(p.data));
  });
  const std::string inner = frames.at(0);
  const auto hash = [](const std::string& f) { return host_pair_hash({.data = as_bytes(f)}); };
  const auto ip = [](char protocol, const std::string& payload) {
    std::string f(12, '\1');
    f += std::string("\x08\0\x45\0\0\0\0\0\0\0\x40", 11) + protocol + std::string("\0\0", 2);
    return f + std::string("\x01\x02\x03\x04\x05\x06\x07\x08", 8) + payload;
  };
  const std::uint64_t plain = hash(inner);
  EXPECT_EQ(hash(ip(47, std::string("\0\0\x65\x58", 4) + inner)), plain) << "GRE";
  EXPECT_EQ(hash(ip(47, std::string("\x10\0\x88\xbe\0\0\0\1", 8) + std::string(8, '\0') + inner)),
            plain)
      << "ERSPAN II";
  EXPECT_EQ(hash(ip(17, std::string("\x30\x39\x12\xb5\0\0\0\0\x08\0\0\0\0\0\1\0", 16) + inner)),
            plain)
      << "VXLAN";
  EXPECT_EQ(hash(ip(4, inner.substr(14))), plain) << "IP in IP";
  EXPECT_NE(hash(ip(6, inner)), plain);
  for (std::size_t size = 0; size < 120; ++size)  // never beyond the end
    hash(ip(47, std::string("\0\0\x65\x58", 4) + inner).substr(0, size));
}

// Many connections, many of them never finished: the tables keep to their limits, what goes is
// counted, and the calls of living connections are still seen.
TEST(Workers, MemoryStaysBoundedOverManyConnections) {
  SensorOptions options;
  options.tcp.max_flows = 2000;
  options.tcp.max_memory = 8u << 20;
  std::uint64_t calls = 0;
  Sensor sensor(builtin_catalogue(), options, [&](const Event&) { ++calls; });
  std::vector<std::string> frames;
  std::vector<Timestamp> times;
  test::for_each_packet(capture_path("svcctl_tcp_connect.pcap"), [&](const RawPacket& p) {
    frames.emplace_back(as_text(p.data));
    times.push_back(p.time);
  });
  std::uint64_t peak_flows = 0, peak_memory = 0;
  constexpr std::uint32_t kConnections = 20'000;
  for (std::uint32_t n = 0; n < kConnections; ++n) {
    // Every second connection breaks off in the middle; every tenth is one SYN only.
    const std::size_t packets = n % 10 == 9 ? 1 : n % 2 == 1 ? frames.size() / 2 : frames.size();
    for (std::size_t i = 0; i < packets; ++i) {
      std::string f = frames[i];
      for (const std::size_t at : {26u, 30u}) {
        if (f.substr(at, 4) == std::string("\x0a\x4d\0\x02", 4)) {  // the client, 10.77.0.2
          f[at + 1] = static_cast<char>(n >> 16);
          f[at + 2] = static_cast<char>(n >> 8);
          f[at + 3] = static_cast<char>(n);
        }
      }
      sensor.packet({.time = times[i] + Timestamp{n} * 1'000'000,
                     .data = as_bytes(f),
                     .original_length = static_cast<std::uint32_t>(f.size())});
    }
    if (n % 100 == 0) {
      const auto now = sensor.statistics();
      peak_flows = std::max(peak_flows, now.flows);
      peak_memory = std::max(peak_memory, now.memory);
    }
  }
  const auto end = sensor.statistics();
  EXPECT_LE(peak_flows, options.tcp.max_flows);
  EXPECT_LE(peak_memory, options.tcp.max_memory + (1u << 20));
  EXPECT_GT(end.tcp.evicted_flows + end.tcp.evicted_memory, 0u);
  EXPECT_GE(end.tcp.connections, kConnections);
  sensor.finish();
  const auto finished = sensor.statistics();
  EXPECT_EQ(finished.flows, 0u);
  // Half of the connections are whole: all their calls were seen.
  std::uint64_t one = 0;
  test::run(capture_path("svcctl_tcp_connect.pcap"), [&](const Event&) { ++one; });
  EXPECT_GE(calls, one * (kConnections / 2));
}

}  // namespace
}  // namespace rpcmarshal
