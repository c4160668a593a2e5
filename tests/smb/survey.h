// Runs a capture through capture/ and smb/ and counts what came out: pipes, bytes, DCE/RPC PDUs.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "capture/capture_file.h"
#include "capture/tcp.h"
#include "smb/pipe.h"

namespace rpcmarshal::test {

struct Survey {
  std::string error;
  std::uint64_t smb_connections = 0, other_connections = 0;
  std::uint64_t pipes = 0, pipes_ended = 0, pipe_bytes[2] = {0, 0}, pipe_gaps = 0;
  std::uint64_t pdus = 0, broken_streams = 0;
  std::map<std::string, std::uint64_t> pipe_names;
  std::map<int, std::uint64_t> pdu_types;
  std::set<std::string> users;
  std::uint64_t file_events[16] = {};
  SmbStatistics smb;
  TcpStatistics tcp;
  DecapStatistics decap;
};

// Counts whole PDUs of one pipe by their fragment length.
class PduCounter : public StreamConsumer {
 public:
  explicit PduCounter(Survey& survey) : survey_(survey) {}
  void on_data(Direction d, Timestamp, Bytes data) override {
    int side = d == Direction::kForward ? 0 : 1;
    survey_.pipe_bytes[side] += data.size();
    std::vector<std::byte>& b = buffer_[side];
    b.insert(b.end(), data.begin(), data.end());
    std::size_t at = 0;
    while (b.size() - at >= 16 && !broken_[side]) {
      const std::byte* p = b.data() + at;
      auto order = (p[4] & std::byte{0xf0}) != std::byte{0} ? ByteOrder::kLittle : ByteOrder::kBig;
      std::size_t length = load<std::uint16_t>(p + 8, order);
      if (p[0] != std::byte{5} || length < 16) {
        broken_[side] = true;
        ++survey_.broken_streams;
        break;
      }
      if (b.size() - at < length) break;
      ++survey_.pdus;
      ++survey_.pdu_types[std::to_integer<int>(p[2])];
      at += length;
    }
    b.erase(b.begin(), b.begin() + static_cast<std::ptrdiff_t>(at));
    if (broken_[side]) b.clear();
  }
  void on_gap(Direction d, Timestamp, std::uint64_t) override {
    ++survey_.pipe_gaps;
    buffer_[d == Direction::kForward ? 0 : 1].clear();
  }
  void on_end(Timestamp) override { ++survey_.pipes_ended; }
  std::size_t memory() const override { return buffer_[0].size() + buffer_[1].size(); }

 private:
  Survey& survey_;
  std::vector<std::byte> buffer_[2];
  bool broken_[2] = {false, false};
};

// Decides by the first bytes (or by port, in mid-stream) whether a connection is SMB.
class Sniffer : public StreamConsumer {
 public:
  Sniffer(const ConnectionInfo& info, Survey& survey) : info_(info), survey_(survey) {}
  void on_data(Direction d, Timestamp t, Bytes data) override {
    if (!smb_ && !dropped_) {
      bool port = info_.responder.port == 445 || info_.responder.port == 139;
      if (port || looks_like_smb(data) == 1) {
        ++survey_.smb_connections;
        smb_ = make_smb_parser(
            info_,
            [this](const PipeInfo& pipe) {
              ++survey_.pipes;
              ++survey_.pipe_names[pipe.name];
              sessions_.push_back(pipe.session);
              return std::make_unique<PduCounter>(survey_);
            },
            [this](const SmbFileEvent& event) {
              ++survey_.file_events[static_cast<int>(event.action)];
            },
            survey_.smb);
      } else {
        ++survey_.other_connections;
        dropped_ = true;
      }
    }
    if (smb_) smb_->on_data(d, t, data);
  }
  void on_gap(Direction d, Timestamp t, std::uint64_t n) override {
    if (smb_) smb_->on_gap(d, t, n);
  }
  void on_end(Timestamp t) override {
    if (smb_) smb_->on_end(t);
    for (const auto& session : sessions_) {
      if (!session || !session->auth) continue;
      const Identity& id = session->auth->identity();
      survey_.users.insert(id.domain + "\\" + id.user + (id.anonymous ? " (anonymous)" : ""));
    }
  }
  bool interested() const override { return !dropped_; }
  std::size_t memory() const override { return smb_ ? smb_->memory() : 0; }

 private:
  ConnectionInfo info_;
  Survey& survey_;
  bool dropped_ = false;
  std::unique_ptr<StreamConsumer> smb_;
  std::vector<std::shared_ptr<const SmbSession>> sessions_;
};

inline Survey survey(const std::string& path) {
  Survey result;
  auto opened = CaptureFile::open(path);
  if (!opened.file) {
    result.error = opened.error;
    return result;
  }
  PacketPipeline pipeline(
      [&](const ConnectionInfo& info) { return std::make_unique<Sniffer>(info, result); }, nullptr);
  RawPacket packet;
  while (opened.file->next(packet)) pipeline.packet(packet);
  pipeline.finish();
  result.error = opened.file->error();
  result.tcp = pipeline.statistics();
  result.decap = pipeline.decap_statistics();
  return result;
}

}  // namespace rpcmarshal::test
