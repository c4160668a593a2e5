#include "agent/common/protocol.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>

namespace rpcmarshal::agent {
namespace {

std::unique_ptr<ControlBlock> block_for(std::uint32_t pid, std::uint64_t started) {
  auto block = std::make_unique<ControlBlock>();
  block->size = sizeof(ControlBlock);
  block->target_count = 1;
  block->targets[0] = {pid, 0, started};
  return block;
}

TEST(Control, TargetsAreComparedByPidAndStart) {
  const auto block = block_for(17, 1000);
  EXPECT_TRUE(read_control(block.get(), sizeof *block, 17, 1000)->target);
  EXPECT_FALSE(read_control(block.get(), sizeof *block, 17, 1001)->target);
  EXPECT_FALSE(read_control(block.get(), sizeof *block, 18, 1000)->target);
  block->targets[0].started = 0;
  EXPECT_TRUE(read_control(block.get(), sizeof *block, 17, 1001)->target);
}

TEST(Control, AForeignOrShortSectionIsRefused) {
  auto block = block_for(17, 0);
  EXPECT_FALSE(read_control(block.get(), sizeof *block - 1, 17, 0));
  EXPECT_FALSE(read_control(nullptr, 0, 17, 0));
  block->version = kProtocolVersion + 1;
  EXPECT_FALSE(read_control(block.get(), sizeof *block, 17, 0));
  block = block_for(17, 0);
  block->magic = 0;
  EXPECT_FALSE(read_control(block.get(), sizeof *block, 17, 0));
  block = block_for(17, 0);
  block->sequence = 1;  // a writer that died
  EXPECT_FALSE(read_control(block.get(), sizeof *block, 17, 0));
}

TEST(Control, WrongNumbersAreBroughtIntoBounds) {
  const auto block = block_for(17, 0);
  block->target_count = 0xFFFFFFFF;
  block->policy_size = 0xFFFFFFFF;
  block->queue_bytes = 0;
  block->max_stub = 0xFFFFFFFF;
  const auto view = read_control(block.get(), sizeof *block, 17, 0);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->policy.size(), kMaxPolicy);
  EXPECT_EQ(view->queue_bytes, 1u << 16);
  EXPECT_EQ(view->max_stub, 16u << 20);
}

TEST(Control, AReaderNeverSeesHalfAChange) {
  const auto block = block_for(17, 0);
  block->policy_size = 4096;
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      {
        ControlWriter change(*block);
        block->policy_revision = static_cast<std::uint32_t>(i & 0xFF);
        std::memset(block->policy, i & 0xFF, 4096);
      }
      std::this_thread::yield();
    }
  });
  int seen = 0;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (seen < 200 && std::chrono::steady_clock::now() < until) {
    const auto view = read_control(block.get(), sizeof *block, 17, 0);
    if (!view) {  // the writer was interrupted in the midst of it
      std::this_thread::yield();
      continue;
    }
    ++seen;
    for (const std::byte b : view->policy)
      ASSERT_EQ(std::to_integer<std::uint32_t>(b), view->policy_revision);
  }
  stop = true;
  writer.join();
  EXPECT_GT(seen, 0);
}

TEST(Messages, AreCutFromAnyPieces) {
  std::string stream;
  HookStatus status;
  status.pid = 7;
  status.calls = 3;
  ASSERT_TRUE(append_message(stream, MessageType::kHello, status));
  ASSERT_TRUE(append_message(stream, MessageType::kEvent, "{\"id\":1}"));
  ASSERT_TRUE(append_message(stream, MessageType::kNote, ""));
  for (const std::size_t piece : {1u, 3u, 16u, 1000u}) {
    MessageReader reader;
    std::vector<std::string> events;
    int messages = 0;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.feed(as_bytes(std::string_view(stream).substr(at, piece)));
      while (const auto message = reader.next()) {
        ++messages;
        if (message->type == MessageType::kHello) {
          ASSERT_TRUE(message->status());
          EXPECT_EQ(message->status()->pid, 7u);
          EXPECT_EQ(message->status()->calls, 3u);
        }
        if (message->type == MessageType::kEvent) events.emplace_back(message->payload);
      }
    }
    EXPECT_FALSE(reader.failed());
    EXPECT_EQ(messages, 3);
    EXPECT_EQ(events, std::vector<std::string>{"{\"id\":1}"});
  }
}

TEST(Messages, NonsenseEndsTheStream) {
  MessageReader reader;
  reader.feed(as_bytes("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.failed());

  MessageHeader header;
  header.size = kMaxMessage + 1;
  MessageReader large;
  large.feed(as_bytes(std::string_view(reinterpret_cast<const char*>(&header), sizeof header)));
  EXPECT_FALSE(large.next());
  EXPECT_TRUE(large.failed());
  std::string out;
  EXPECT_FALSE(append_message(out, MessageType::kEvent, std::string(kMaxMessage + 1, 'x')));
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace rpcmarshal::agent
