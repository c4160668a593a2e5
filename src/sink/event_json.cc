// Event to JSON: what it holds is in event_tree.h.
#include <algorithm>
#include <chrono>

#include "sink/event_tree.h"
#include "sink/json_writer.h"
#include "sink/sink.h"

namespace rpcmarshal {
namespace {

void put_digits(char* to, std::uint32_t value, int width) {
  for (int i = width; i-- > 0; value /= 10) to[i] = static_cast<char>('0' + value % 10);
}

}  // namespace

void append_time(std::string& out, Timestamp time) {
  namespace chrono = std::chrono;
  // Whole days before the first nanosecond there is are not counted in nanoseconds.
  const auto at = chrono::floor<chrono::microseconds>(
      chrono::sys_time<chrono::nanoseconds>(chrono::nanoseconds(time)));
  const auto day = chrono::floor<chrono::days>(at);
  const chrono::year_month_day date(day);
  const auto micros = static_cast<std::uint64_t>((at - day).count());
  const auto seconds = static_cast<std::uint32_t>(micros / 1'000'000);
  char text[] = "0000-00-00T00:00:00.000000Z";
  put_digits(text, static_cast<std::uint32_t>(static_cast<int>(date.year())), 4);
  put_digits(text + 5, static_cast<unsigned>(date.month()), 2);
  put_digits(text + 8, static_cast<unsigned>(date.day()), 2);
  put_digits(text + 11, seconds / 3600, 2);
  put_digits(text + 14, seconds / 60 % 60, 2);
  put_digits(text + 17, seconds % 60, 2);
  put_digits(text + 20, static_cast<std::uint32_t>(micros % 1'000'000), 6);
  out.append(text, sizeof text - 1);
}

void append_action(std::string& out, const EventAction& action) {
  JsonWriter json(out);
  tree::action(json, action);
}

void EventJson::append(std::string& out, const Event& e) {
  JsonWriter json(out);
  tree::ValueTree values(json, presenter_, walker_, options_, e);
  tree::event(json, e, values);
}

void EventJson::append_arguments(std::string& out, const Event& e, bool response) {
  const EventHalf& half = response ? e.response : e.request;
  const EventHalf& other = response ? e.request : e.response;
  JsonWriter json(out);
  tree::ValueTree(json, presenter_, walker_, options_, e)
      .record(half.values, other.has_values ? other.values : ndr::Value());
}

void EventJson::append_result(std::string& out, const Event& e) {
  if (!e.response.has_values) return;
  const ndr::Value result = e.response.values.find("return");
  if (result.is_missing()) return;
  const Presented shown = presenter_.present(
      result, e.response.values, e.request.has_values ? e.request.values : ndr::Value());
  char hex[16];
  switch (shown.form) {
    case Presented::Form::kStatus:
      if (!shown.text.empty()) {
        out += shown.text;
      } else {
        std::snprintf(hex, sizeof hex, "0x%08x", static_cast<unsigned>(shown.number));
        out += hex;
      }
      break;
    case Presented::Form::kSymbol:
      out += shown.text;
      break;
    case Presented::Form::kBool:
      out += shown.number != 0 ? "true" : "false";
      break;
    case Presented::Form::kSigned:
    case Presented::Form::kUnsigned:
      out += std::to_string(shown.number);
      break;
    default:
      break;  // operations return numbers
  }
}

namespace {

class JsonFormat final : public EventFormat {
 public:
  explicit JsonFormat(const SinkOptions& options) : json_(options) {}
  using EventFormat::append;
  void append(std::string& out, const Event& event, const EventFindings& findings) override {
    if (findings.json.empty()) {
      json_.append(out, event);
    } else {
      out += findings.json;
    }
    if (!findings.alerts.empty()) {
      out.back() = ',';  // the event's closing brace
      out += "\"alerts\":";
      JsonWriter json(out);
      append_event_alerts(json, findings.alerts);
      out += '}';
    }
    out += '\n';
  }
  void append_alert(std::string& out, const Alert& alert) override {
    append_alert_json(out, alert, true);
  }

 private:
  EventJson json_;
};

}  // namespace

std::unique_ptr<EventFormat> make_json_format(const SinkOptions& options) {
  return std::make_unique<JsonFormat>(options);
}

}  // namespace rpcmarshal
