#include "sink/sink.h"

#include <ctime>

namespace rpcmarshal {
namespace {

Timestamp now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<Timestamp>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

class StreamSink final : public EventSink {
 public:
  StreamSink(std::FILE* out, std::unique_ptr<EventFormat> format, std::size_t block)
      : out_(out), format_(std::move(format)), block_(block), buffer_(format_->header(now())) {}

  void write(const Event& event, const EventFindings& findings) override {
    format_->append(buffer_, event, findings);
    if (buffer_.size() >= block_) drain();
  }
  void write(const Alert& alert) override {
    format_->append_alert(buffer_, alert);
    if (buffer_.size() >= block_) drain();
  }
  bool flush() override {
    drain();
    return ok_ && std::fflush(out_) == 0;
  }
  bool finish() override {
    buffer_ += format_->trailer(now());
    return flush();
  }

 private:
  void drain() {
    if (ok_ && !buffer_.empty())
      ok_ = std::fwrite(buffer_.data(), 1, buffer_.size(), out_) == buffer_.size();
    buffer_.clear();
  }

  std::FILE* out_;
  std::unique_ptr<EventFormat> format_;
  std::size_t block_;
  std::string buffer_;
  bool ok_ = true;
};

}  // namespace

std::unique_ptr<EventFormat> make_format(std::string_view name, const SinkOptions& options) {
  if (name == "json") return make_json_format(options);
  if (name == "text") return make_text_format(options);
  if (name == "zeek") return make_zeek_format(false, options);
  if (name == "zeek-json") return make_zeek_format(true, options);
  return nullptr;
}

std::unique_ptr<EventSink> make_sink(std::FILE* out, std::unique_ptr<EventFormat> format,
                                     std::size_t block) {
  return std::make_unique<StreamSink>(out, std::move(format), block);
}

}  // namespace rpcmarshal
