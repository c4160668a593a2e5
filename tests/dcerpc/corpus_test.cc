// Real captures through capture/, smb/ and this room, counted against what tshark finds in them
// (corpus_counts.tsv, recorded by corpus_counts.sh). Skipped where the captures are not.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "capture/capture_file.h"
#include "capture/tcp.h"
#include "dcerpc/call.h"
#include "smb/pipe.h"

namespace rpcmarshal {
namespace {

using Counts = std::map<std::pair<char, unsigned>, std::uint64_t>;

/// What one capture gives.
struct Reading {
  DceStatistics dce;
  SmbStatistics smb;
  std::uint64_t calls = 0, request_fragments = 0;
  std::map<unsigned, std::uint64_t> requests;  ///< request PDUs by opnum
  std::map<Outcome, std::uint64_t> outcomes;
  std::uint64_t incomplete = 0, unnamed = 0, with_identity = 0, sealed = 0;
};

/// Decides by the first bytes of either direction what a connection carries.
class Recognizer final : public StreamConsumer {
 public:
  Recognizer(const ConnectionInfo& info, Reading& reading) : info_(info), reading_(reading) {}

  void on_data(Direction direction, Timestamp time, Bytes data) override {
    if (inner_) return inner_->on_data(direction, time, data);
    if (given_up_) return;
    held_.push_back({direction, time, {data.begin(), data.end()}, 0});
    std::vector<std::byte> start;
    for (const Held& piece : held_) {
      if (piece.direction == direction)
        start.insert(start.end(), piece.bytes.begin(), piece.bytes.end());
    }
    int dce = looks_like_dce(start), smb = looks_like_smb(start);
    if (dce == 1) {
      inner_ = make_dce({});
    } else if (smb == 1) {
      inner_ = make_smb_parser(
          info_,
          [this](const PipeInfo& pipe) {
            return make_dce({pipe.name, {}});
          },
          {}, reading_.smb);
    } else if (dce < 0 && smb < 0) {
      given_up_ = ++refused_ > 4;
    }
    if (!inner_) return;
    for (const Held& piece : held_) {
      if (piece.missing)
        inner_->on_gap(piece.direction, piece.time, piece.missing);
      else
        inner_->on_data(piece.direction, piece.time, piece.bytes);
    }
    held_.clear();
  }
  void on_gap(Direction direction, Timestamp time, std::uint64_t missing) override {
    if (inner_) return inner_->on_gap(direction, time, missing);
    held_.push_back({direction, time, {}, missing});
  }
  void on_end(Timestamp time) override {
    if (inner_) inner_->on_end(time);
  }

 private:
  struct Held {
    Direction direction;
    Timestamp time;
    std::vector<std::byte> bytes;
    std::uint64_t missing;
  };
  std::unique_ptr<StreamConsumer> make_dce(DceTransport transport) {
    return make_dce_connection(
        std::move(transport), {}, [this](const Call& call) { take(call); }, reading_.dce);
  }
  void take(const Call& call) {
    ++reading_.calls;
    ++reading_.outcomes[call.outcome];
    if (call.request.present) reading_.requests[call.opnum] += call.request.fragments;
    if (!call.request.complete) ++reading_.incomplete;
    if (!call.interface) ++reading_.unnamed;
    if (call.identity && call.identity->known()) ++reading_.with_identity;
    if (call.request.sealed) ++reading_.sealed;
  }

  ConnectionInfo info_;
  Reading& reading_;
  std::unique_ptr<StreamConsumer> inner_;
  std::vector<Held> held_;
  int refused_ = 0;
  bool given_up_ = false;
};

Reading read(const std::string& path) {
  Reading out;
  auto opened = CaptureFile::open(path);
  EXPECT_TRUE(opened.file) << opened.error;
  if (!opened.file) return out;
  PacketPipeline pipeline(
      [&](const ConnectionInfo& info) { return std::make_unique<Recognizer>(info, out); }, {});
  RawPacket packet;
  while (opened.file->next(packet)) pipeline.packet(packet);
  pipeline.finish();
  return out;
}

/// tshark shows the request that a server repeats in the input part of its FSCTL_PIPE_TRANSCEIVE
/// response as a second request.
const std::set<std::string> kEchoedRequest = {"suricata-verify/smb2.pcap",
                                              "suricata-verify/tests_smb2-ntlmssp-order_smb2.pcap",
                                              "zeek-btest/smb2.pcap"};
/// Captures in which we find more than tshark, and why.
const std::map<std::string, std::string> kMoreThanTshark = {
    {"arkime/dcerpc_synthetic.pcap", "connections of one PDU that its heuristic does not take"},
    {"lab/tcp_ntlm_connect_fs1_rpcclient.pcap.gz", "a client port that it takes for IRC"},
    {"suricata-verify/20171220_smb_psexec_add_user.pcap", "pipes whose opening it does not follow"},
    {"suricata-verify/smb-length-5770.pcap", "SMB on port 4445, which it does not look for"},
    {"suricata-verify/zerologon.pcap", "a request of which only the retransmission was captured"},
    {"zeek-btest/mapi.pcap", "connections that began before the capture"}};

TEST(Corpus, WhatTsharkCountsAndMore) {
  std::filesystem::path root = std::string(RPCM_SHARED_DIR) + "/corpus";
  std::ifstream table(std::string(RPCM_SOURCE_DIR) + "/tests/dcerpc/corpus_counts.tsv");
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "no captures at " << root;
  ASSERT_TRUE(table) << "corpus_counts.tsv is missing";
  std::map<std::string, Counts> expected;
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string file, kind;
    unsigned number = 0;
    std::uint64_t count = 0;
    std::getline(fields, file, '\t');
    fields >> kind >> number >> count;
    if (fields) expected[file][{kind[0], number}] = count;
  }
  ASSERT_GT(expected.size(), 100u);
  std::uint64_t theirs = 0, ours = 0;
  Reading sum;
  for (const auto& [file, counts] : expected) {
    Reading reading = read((root / file).string());
    for (auto [key, count] : counts) {
      auto [kind, number] = key;
      std::uint64_t mine = kind == 'o'   ? reading.requests[number]
                           : number < 20 ? reading.dce.pdus[number]
                                         : 0;
      if (kind == 't') {
        theirs += count;
        ours += mine;
      }
      if (kind == 't' && number == 0 && kEchoedRequest.count(file)) --count;
      if (kMoreThanTshark.count(file) ? mine >= count : mine == count) continue;
      ADD_FAILURE() << "ours " << mine << ", tshark " << count << ": " << file
                    << (kind == 'o' ? " requests of opnum " : " PDUs of type ") << number;
    }
    if (std::getenv("RPCM_CORPUS_VERBOSE")) {
      std::map<unsigned, std::uint64_t> more;
      for (unsigned t = 0; t < 20; ++t) {
        auto entry = counts.find({'t', t});
        std::uint64_t count = entry == counts.end() ? 0 : entry->second;
        if (reading.dce.pdus[t] != count) {
          std::printf("%s: type %u: %lu, tshark %lu\n", file.c_str(), t, reading.dce.pdus[t],
                      count);
        }
      }
      if (reading.dce.malformed || reading.dce.resynchronised || reading.dce.limits ||
          reading.dce.orphan_responses) {
        std::printf("%s: malformed %lu resynchronised %lu limits %lu orphans %lu gaps %lu\n",
                    file.c_str(), reading.dce.malformed, reading.dce.resynchronised,
                    reading.dce.limits, reading.dce.orphan_responses, reading.dce.gaps);
      }
    }
    sum.calls += reading.calls;
    sum.incomplete += reading.incomplete;
    sum.unnamed += reading.unnamed;
    sum.sealed += reading.sealed;
    sum.with_identity += reading.with_identity;
    for (auto [outcome, count] : reading.outcomes) sum.outcomes[outcome] += count;
  }
  std::printf(
      "PDUs: %lu, tshark %lu; calls %lu: incomplete requests %lu, no interface %lu, sealed %lu, "
      "identity %lu\n",
      ours, theirs, sum.calls, sum.incomplete, sum.unnamed, sum.sealed, sum.with_identity);
  for (auto [outcome, count] : sum.outcomes)
    std::printf("  outcome %d: %lu\n", static_cast<int>(outcome), count);
}

}  // namespace
}  // namespace rpcmarshal
