// Whole events of every recorded capture, compared with tests/baselines/NAME.jsonl. To record them
// anew on purpose: tests/record. A capture without a baseline fails, so that none is forgotten.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "builtin/builtin.h"
#include "capture/capture_file.h"
#include "sensor/sensor.h"
#include "sink/sink.h"

namespace rpcmarshal {
namespace {

const LoadedCatalogue& catalogue() {
  static const LoadedCatalogue loaded = load_catalogue();
  return loaded;
}

std::vector<std::string> events_of(const std::filesystem::path& capture) {
  std::vector<std::string> lines;
  EventJson json;
  SensorOptions options;
  options.connection_numbers = std::make_shared<std::atomic<std::uint64_t>>(1);
  Sensor sensor(catalogue().catalogue, options, [&](const Event& event) { json.append(lines.emplace_back(), event); });
  auto opened = CaptureFile::open(capture.string());
  EXPECT_TRUE(opened.file) << opened.error;
  if (!opened.file) return lines;
  RawPacket packet;
  while (opened.file->next(packet)) sensor.packet(packet);
  sensor.finish();
  return lines;
}

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::vector<std::string> lines;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class Baseline : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Baseline, EventsAreAsRecorded) {
  const std::filesystem::path capture = GetParam();
  const auto events = events_of(capture);
  const auto file = std::filesystem::path(RPCM_SOURCE_DIR) / "tests/baselines" / (capture.filename().string() + ".jsonl");
  if (std::getenv("RPCM_RECORD")) {
    std::ofstream out(file);
    for (const std::string& event : events) out << event << '\n';
    GTEST_SKIP() << "recorded " << events.size() << " events in " << file.filename();
  }
  ASSERT_TRUE(std::filesystem::exists(file)) << "no baseline: look at the events, then record with tests/record";
  const auto expected = lines_of(file);
  for (std::size_t i = 0; i < std::min(events.size(), expected.size()); ++i) {
    ASSERT_EQ(events[i], expected[i]) << "event " << i + 1 << " of " << capture.filename();
  }
  EXPECT_EQ(events.size(), expected.size());
}

std::vector<std::filesystem::path> captures() {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(RPCM_SOURCE_DIR) / "tests/captures")) {
    if (entry.path().filename().string().find(".pcap") != std::string::npos) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

INSTANTIATE_TEST_SUITE_P(Captures, Baseline, testing::ValuesIn(captures()), [](const auto& capture) {
  std::string name = capture.param.filename().string();
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
});

TEST(Builtin, EveryInterfaceParsesWithoutFindings) {
  for (const auto& diagnostic : catalogue().diagnostics) ADD_FAILURE() << diagnostic.to_string();
  EXPECT_GE(catalogue().catalogue.all().size(), 9u);
}

}  // namespace
}  // namespace rpcmarshal
