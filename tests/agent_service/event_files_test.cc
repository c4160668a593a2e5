#include "agent/service/event_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

namespace rpcmarshal::agent {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class EventFilesTest : public testing::Test {
 protected:
  EventFilesTest() {
    folder_ =
        fs::temp_directory_path() / ("rpcmarshal-events-" + std::to_string(std::random_device{}()));
    fs::create_directories(folder_);
  }
  ~EventFilesTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  std::string path() const { return (folder_ / "events.jsonl").string(); }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder_))
      all.push_back(entry.path().filename().string());
    std::sort(all.begin(), all.end());
    return all;
  }
  std::string content(const std::string& name) const {
    std::ifstream in(folder_ / name, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  fs::path folder_;
};

constexpr std::int64_t kNow = 1795280000;  // 2026-11-21T16:53:20Z

TEST_F(EventFilesTest, RotatesBySizeAndKeepsSome) {
  EventFiles files({.path = path(), .rotate_bytes = 15, .keep = 2});
  for (int i = 0; i < 5; ++i)
    files.write("{\"n\":" + std::to_string(i) + ",\"x\":123456}\n", kNow + i);
  EXPECT_EQ(files.rotations(), 5u);  // every line is longer than 15 bytes
  files.write("{\"last\":1}\n", kNow + 9);
  EXPECT_EQ(files.lines_written(), 6u);
  EXPECT_EQ(files.lines_lost(), 0u);
  EXPECT_THAT(names(), ElementsAre("events-20261121T165323Z.jsonl", "events-20261121T165324Z.jsonl",
                                   "events.jsonl"));
  EXPECT_EQ(content("events-20261121T165324Z.jsonl"), "{\"n\":4,\"x\":123456}\n");
  EXPECT_EQ(content("events.jsonl"), "{\"last\":1}\n");
}

TEST_F(EventFilesTest, NamesCarryTheTimeAndDoNotCollide) {
  EventFiles files({.path = path(), .rotate_bytes = 1});
  files.write("a\n", kNow);
  files.write("b\n", kNow);
  files.write("c\n", 0);
  EXPECT_THAT(names(),
              ElementsAre("events-19700101T000000Z.jsonl", "events-20261121T165320Z-0001.jsonl",
                          "events-20261121T165320Z.jsonl"));
  EXPECT_EQ(content("events-20261121T165320Z.jsonl"), "a\n");
  EXPECT_EQ(content("events-20261121T165320Z-0001.jsonl"), "b\n");
}

TEST_F(EventFilesTest, RotatesByTime) {
  EventFiles files({.path = path(), .rotate_seconds = 3600});
  files.write("a\n", kNow);
  files.tick(kNow + 60);
  EXPECT_EQ(files.rotations(), 0u);
  files.tick(kNow + 3600);
  EXPECT_EQ(files.rotations(), 1u);
  files.tick(kNow + 7200);  // an empty file is not rotated
  EXPECT_EQ(files.rotations(), 1u);
  files.write("b\n", kNow + 7200);
  files.write("c\n", kNow + 11000);  // without a tick between them
  EXPECT_EQ(files.rotations(), 2u);
  EXPECT_EQ(content("events.jsonl"), "c\n");
}

TEST_F(EventFilesTest, GoesOnWithAnOldFile) {
  std::ofstream(folder_ / "events.jsonl", std::ios::binary) << "old\n";
  EventFiles files({.path = path(), .rotate_bytes = 1000});
  files.write("new\n", kNow);
  EXPECT_EQ(content("events.jsonl"), "old\nnew\n");
}

TEST_F(EventFilesTest, CountsWhatCannotBeWrittenAndRecovers) {
  const fs::path inner = folder_ / "later";
  EventFiles files({.path = (inner / "events.jsonl").string()});
  files.write("a\nb\n", kNow);
  EXPECT_EQ(files.lines_lost(), 2u);
  EXPECT_THAT(files.error(), HasSubstr("cannot write"));
  fs::create_directories(inner);
  files.write("c\n", kNow);
  EXPECT_EQ(files.lines_written(), 1u);
  EXPECT_EQ(files.lines_lost(), 2u);
}

}  // namespace
}  // namespace rpcmarshal::agent
