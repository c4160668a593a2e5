#include "sensor/loss_account.h"

#include <utility>

namespace rpcmarshal {
namespace {

class LossAccount final : public StreamConsumer {
 public:
  LossAccount(std::unique_ptr<StreamConsumer> inner, StreamKind kind,
              const ConnectionInfo& connection, const SmbStatistics& smb, const DceStatistics& dce,
              const LossHandler& handler)
      : inner_(std::move(inner)), smb_(smb), dce_(dce), handler_(handler) {
    losses_.connection = connection;
    losses_.kind = kind;
  }

  void on_data(Direction direction, Timestamp time, Bytes data) override {
    const std::uint64_t limits = limits_now(), malformed = malformed_now();
    const std::uint64_t unopened = smb_.unopened, forged = forged_now();
    inner_->on_data(direction, time, data);
    losses_.limits += limits_now() - limits;
    losses_.malformed += malformed_now() - malformed;
    losses_.forged += forged_now() - forged;
    if (smb_.unopened != unopened) {
      losses_.unopened += smb_.unopened - unopened;
      losses_.unopened_reason = smb_.unopened_reason;
    }
  }
  void on_gap(Direction direction, Timestamp time, std::uint64_t missing) override {
    ++losses_.gaps;
    losses_.missing_bytes += missing;
    inner_->on_gap(direction, time, missing);
  }
  void on_reassembly(const ReassemblyFindings& findings) override {
    losses_.conflicts += findings.conflicts;
    losses_.limits += findings.limits;
    inner_->on_reassembly(findings);
  }
  void on_end(Timestamp time) override {
    inner_->on_end(time);
    losses_.end = time;
    if (handler_ && losses_.any()) handler_(losses_);
  }
  bool interested() const override { return inner_->interested(); }
  std::size_t memory() const override { return sizeof *this + inner_->memory(); }

 private:
  std::uint64_t limits_now() const { return smb_.limits + dce_.limits; }
  std::uint64_t forged_now() const { return smb_.bad_tags + smb_.bad_signatures; }
  std::uint64_t malformed_now() const { return smb_.malformed + dce_.malformed; }

  std::unique_ptr<StreamConsumer> inner_;
  const SmbStatistics& smb_;
  const DceStatistics& dce_;
  const LossHandler& handler_;
  ConnectionLosses losses_;
};

}  // namespace

std::unique_ptr<StreamConsumer> with_loss_account(std::unique_ptr<StreamConsumer> inner,
                                                  StreamKind kind, const ConnectionInfo& connection,
                                                  const SmbStatistics& smb,
                                                  const DceStatistics& dce,
                                                  const LossHandler& handler) {
  return std::make_unique<LossAccount>(std::move(inner), kind, connection, smb, dce, handler);
}

}  // namespace rpcmarshal
