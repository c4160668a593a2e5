// Feeds an SMB parser and records what every pipe got: "C:" the client's bytes, "S:" the server's,
// gaps as "[n]", the end as "$".
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "smb/messages.h"
#include "smb/pipe.h"

namespace rpcmarshal::test {

struct PipeRecord {
  PipeInfo info;
  std::string client, server;
  bool ended = false;
};

class Harness {
 public:
  explicit Harness(bool initiator_known = true, const Secrets* secrets = nullptr,
                   std::shared_ptr<SmbChannels> channels = nullptr,
                   SmbFileActions told = SmbFileActions::all()) {
    ConnectionInfo info;
    info.initiator.port = next_port++;
    info.responder.port = 445;
    info.initiator_known = initiator_known;
    parser = make_smb_parser(
        info,
        [this](const PipeInfo& pipe) {
          pipes.emplace_back();
          pipes.back().info = pipe;
          return std::make_unique<Pipe>(pipes.back());
        },
        {[this](const SmbFileEvent& e) {
           events.push_back(
               {e.action, e.on_pipes, std::string(e.tree), std::string(e.path), e.size, e.status});
         },
         told},
        statistics, std::move(channels), secrets);
  }
  void client(std::string_view message) { send(Direction::kForward, framed(message)); }
  void server(std::string_view message) { send(Direction::kBackward, framed(message)); }
  /// In pieces of `step` bytes.
  void send(Direction d, std::string_view bytes) {
    std::size_t size = step ? step : bytes.size();
    for (std::size_t at = 0; at < bytes.size(); at += size) {
      std::string piece(bytes.substr(at, size));  // its own allocation, for the sanitizer
      parser->on_data(d, ++now, as_bytes(piece));
    }
  }
  /// Session, IPC$ tree and an open pipe, in SMB2.
  void open_pipe(std::string_view name = "svcctl", std::uint64_t id = 1) {
    client(smb2({1, 1, false, 0, 0, 0}, session_setup_request("token")));
    server(smb2({1, 1, true}, session_setup_response(0, "")));
    client(smb2({3, 2}, tree_connect_request("\\\\FS1\\IPC$")));
    server(smb2({3, 2, true, 0, 7}, tree_connect_response(2)));
    client(smb2({5, 3, false, 0, 7}, create_request(name)));
    server(smb2({5, 3, true, 0, 7}, create_response(file_id(id))));
  }

  struct Pipe : StreamConsumer {
    explicit Pipe(PipeRecord& r) : record(r) {}
    void on_data(Direction d, Timestamp, Bytes data) override { of(d) += as_text(data); }
    void on_gap(Direction d, Timestamp, std::uint64_t n) override {
      of(d) += "[" + std::to_string(n) + "]";
    }
    void on_end(Timestamp) override { record.ended = true; }
    std::string& of(Direction d) {
      return d == Direction::kForward ? record.client : record.server;
    }
    PipeRecord& record;
  };

  static inline std::uint16_t next_port = 50000;
  std::size_t step = 0;
  Timestamp now = 0;
  std::deque<PipeRecord> pipes;
  struct FileEvent {
    SmbFileEvent::Action action;
    bool on_pipes;
    std::string tree, path;
    std::uint64_t size;
    std::uint32_t status;
  };
  std::vector<FileEvent> events;
  SmbStatistics statistics;
  std::unique_ptr<StreamConsumer> parser;
};

}  // namespace rpcmarshal::test
