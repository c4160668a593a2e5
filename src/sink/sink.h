// Where events go. A sink writes each event to a stream as it comes.
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>

#include "event/event.h"
#include "event/present.h"

namespace rpcmarshal {

class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void write(const Event& event) = 0;
  /// Hands everything to the operating system. False when the stream has failed (disk full, closed
  /// pipe): nothing more will arrive.
  virtual bool flush() = 0;
};

struct SinkOptions {
  PresentOptions present;
  std::size_t max_bytes =
      1024;  ///< of binary data or a raw stub shown; the full size is always said
  std::size_t max_elements = 4096;  ///< of one array shown; how many more there are is said
  bool colour = false;              ///< text only
  std::size_t width = 100;          ///< text only: columns to wrap at
};

/// JSON lines as docs/event.md describes them. `out` is not closed.
std::unique_ptr<EventSink> make_json_sink(std::FILE* out, const SinkOptions& options = {});
/// For people, several lines per event. `out` is not closed.
std::unique_ptr<EventSink> make_text_sink(std::FILE* out, const SinkOptions& options = {});

/// One event as JSON, without a line end, appended.
class EventJson {
 public:
  explicit EventJson(const SinkOptions& options = {})
      : options_(options), presenter_(options.present) {}
  void append(std::string& out, const Event& event);

 private:
  SinkOptions options_;
  Presenter presenter_;
  ndr::Walker walker_;
};

/// "2020-09-20T12:16:08.123456Z", microseconds.
void append_time(std::string& out, Timestamp time);

}  // namespace rpcmarshal
