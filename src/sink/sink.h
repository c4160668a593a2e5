// Where events go. A format turns each event into text; a sink writes that text to a stream as it
// comes. They are apart so that several workers can make text at the same time for one file.
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "event/event.h"
#include "event/present.h"
#include "sink/alert.h"

namespace rpcmarshal {

/// What rules found in an event. Views are valid during the call they are given to.
struct EventFindings {
  std::span<const Alert> alerts;
  /// The event as make_json_format() would write it, when someone has it already: no line end.
  std::string_view json;
};

/// One way to write events. Not for use from two threads at once.
class EventFormat {
 public:
  virtual ~EventFormat() = default;
  /// Appends the event, whole lines.
  virtual void append(std::string& out, const Event& event, const EventFindings& findings) = 0;
  void append(std::string& out, const Event& event) { append(out, event, {}); }
  /// Appends an alert that is not about one event, whole lines. Zeek's format has none.
  virtual void append_alert(std::string& /*out*/, const Alert& /*alert*/) {}
  /// What every file starts and ends with; `now` in the host's time. Usually nothing.
  virtual std::string header(Timestamp /*now*/) const { return {}; }
  virtual std::string trailer(Timestamp /*now*/) const { return {}; }
};

class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void write(const Event& event, const EventFindings& findings = {}) = 0;
  /// An alert that is not about one event.
  virtual void write(const Alert& alert) = 0;
  /// Hands everything to the operating system. False when the stream has failed (disk full, closed
  /// pipe): nothing more will arrive.
  virtual bool flush() = 0;
  /// Writes the format's trailer, and flushes. Last call.
  virtual bool finish() = 0;
};

struct SinkOptions {
  PresentOptions present;
  std::size_t max_bytes =
      1024;  ///< of binary data or a raw stub shown; the full size is always said
  std::size_t max_elements = 4096;  ///< of one array shown; how many more there are is said
  bool colour = false;              ///< text only
  /// Text only: rules run, so "▲ high" is their alert and not the annotation of an operation.
  bool rules = false;
  std::size_t width = 100;  ///< text only: columns to wrap at
};

/// JSON lines as docs/event.md describes them.
std::unique_ptr<EventFormat> make_json_format(const SinkOptions& options = {});
/// For people, several lines per event.
std::unique_ptr<EventFormat> make_text_format(const SinkOptions& options = {});
/// Zeek's dce_rpc.log with our columns after its own, as tab-separated values with Zeek's header
/// lines, or as JSON lines. docs/zeek.md describes the columns.
std::unique_ptr<EventFormat> make_zeek_format(bool json, const SinkOptions& options = {});
/// "json", "text", "zeek", "zeek-json"; null for another name.
std::unique_ptr<EventFormat> make_format(std::string_view name, const SinkOptions& options = {});

/// Writes to `out`, which is not closed. Text of up to `block` bytes waits for the next write or
/// flush().
std::unique_ptr<EventSink> make_sink(std::FILE* out, std::unique_ptr<EventFormat> format,
                                     std::size_t block = 1u << 18);

/// One event as JSON, without a line end, appended.
class EventJson {
 public:
  explicit EventJson(const SinkOptions& options = {})
      : options_(options), presenter_(options.present) {}
  void append(std::string& out, const Event& event);
  /// The arguments of one half that was read (EventHalf::has_values), as one object.
  void append_arguments(std::string& out, const Event& event, bool response);
  /// What the operation returned, as people write it: "ERROR_SUCCESS", "0x00000005", "17". Nothing
  /// when it was not read or the operation returns nothing.
  void append_result(std::string& out, const Event& event);

 private:
  SinkOptions options_;
  Presenter presenter_;
  ndr::Walker walker_;
};

/// What a policy decided, as the value of the event's `action`.
void append_action(std::string& out, const EventAction& action);
/// The same for people: "■ block by policy rule \"x\": reason".
std::string action_text(const EventAction& action);

/// "2020-09-20T12:16:08.123456Z", microseconds.
void append_time(std::string& out, Timestamp time);

}  // namespace rpcmarshal
