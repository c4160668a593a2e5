#include "sink/sink.h"

namespace rpcmarshal {
namespace {

class JsonSink final : public EventSink {
 public:
  JsonSink(std::FILE* out, const SinkOptions& options) : out_(out), json_(options) {}

  void write(const Event& event) override {
    json_.append(buffer_, event);
    buffer_ += '\n';
    if (buffer_.size() >= kBlock) drain();
  }
  bool flush() override {
    drain();
    return ok_ && std::fflush(out_) == 0;
  }

 private:
  static constexpr std::size_t kBlock = 1u << 18;

  void drain() {
    if (ok_ && !buffer_.empty())
      ok_ = std::fwrite(buffer_.data(), 1, buffer_.size(), out_) == buffer_.size();
    buffer_.clear();
  }

  std::FILE* out_;
  EventJson json_;
  std::string buffer_;
  bool ok_ = true;
};

}  // namespace

std::unique_ptr<EventSink> make_json_sink(std::FILE* out, const SinkOptions& options) {
  return std::make_unique<JsonSink>(out, options);
}

}  // namespace rpcmarshal
