// Zeek's dce_rpc.log: its ten columns with its names and conventions, so that rules and dashboards
// made for it work, and ours after them. docs/zeek.md says what each column holds and where a line
// differs from Zeek's.
#include <array>
#include <cstdio>
#include <ctime>

#include "interface/status.h"
#include "sink/json_writer.h"
#include "sink/sink.h"
#include "sink/zeek.h"

namespace rpcmarshal {
namespace {

struct Column {
  std::string_view name, type;
};
constexpr Column kColumns[] = {
    {"ts", "time"},
    {"uid", "string"},
    {"id.orig_h", "addr"},
    {"id.orig_p", "port"},
    {"id.resp_h", "addr"},
    {"id.resp_p", "port"},
    {"rtt", "interval"},
    {"named_pipe", "string"},
    {"endpoint", "string"},
    {"operation", "string"},
    // Ours.
    {"uuid", "string"},
    {"version", "string"},
    {"opnum", "count"},
    {"outcome", "string"},
    {"fault", "string"},
    {"result", "string"},
    {"user", "string"},
    {"authentication", "string"},
    {"level", "string"},
    {"decode", "string"},
    {"arguments", "string"},
    {"response", "string"},
    {"handles", "set[string]"},
    {"unc_hosts", "set[string]"},
    {"attack", "set[string]"},
};

/// One line of Zeek's tab-separated format.
class TsvLine {
 public:
  explicit TsvLine(std::string& out) : out_(out) {}
  void time(std::string_view, Timestamp value) {
    next();
    zeek::append_seconds(out_, value);
  }
  void unset(std::string_view) {
    next();
    out_ += '-';
  }
  void text(std::string_view, std::string_view value) {
    next();
    zeek::append_value(out_, value);
  }
  void number(std::string_view, std::uint64_t value) {
    next();
    out_ += std::to_string(value);
  }
  void json(std::string_view name, std::string_view value) { text(name, value); }
  template <typename List>
  void set(std::string_view name, const List& values) {
    if (values.empty()) return unset(name);
    next();
    const char* comma = "";
    for (const auto& value : values) {
      out_ += comma;
      comma = ",";
      zeek::append_value(out_, value, ',');
    }
  }
  void end() { out_ += '\n'; }

 private:
  void next() {
    if (!first_) out_ += '\t';
    first_ = false;
  }
  std::string& out_;
  bool first_ = true;
};

/// One line as Zeek writes it with JSON logs: a missing value is left out.
class JsonLine {
 public:
  explicit JsonLine(std::string& out) : out_(out), json_(out) { json_.begin_object(); }
  void time(std::string_view name, Timestamp value) {
    seconds_.clear();
    zeek::append_seconds(seconds_, value);
    json_.key(name);
    json_.raw(seconds_);
  }
  void unset(std::string_view) {}
  void text(std::string_view name, std::string_view value) { json_.member(name, value); }
  void number(std::string_view name, std::uint64_t value) { json_.member_number(name, value); }
  void json(std::string_view name, std::string_view value) {
    json_.key(name);
    json_.raw(value);
  }
  template <typename List>
  void set(std::string_view name, const List& values) {
    if (values.empty()) return;
    json_.key(name);
    json_.begin_array();
    for (const auto& value : values) json_.string(value);
    json_.end_array();
  }
  void end() {
    json_.end_object();
    out_ += '\n';
  }

 private:
  std::string& out_;
  JsonWriter json_;
  std::string seconds_;
};

class ZeekFormat final : public EventFormat {
 public:
  ZeekFormat(bool json, const SinkOptions& options) : json_(json), arguments_(options) {}

  using EventFormat::append;
  void append(std::string& out, const Event& event, const EventFindings&) override {
    if (event.is_bind) return;  // dce_rpc.log has a line per call
    if (json_) {
      line(JsonLine(out), event);
    } else {
      line(TsvLine(out), event);
    }
  }
  std::string header(Timestamp now) const override {
    if (json_) return {};
    std::string out =
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
        "#path\tdce_rpc\n#open\t" +
        clock(now) + "\n#fields";
    for (const Column& column : kColumns) (out += '\t') += column.name;
    out += "\n#types";
    for (const Column& column : kColumns) (out += '\t') += column.type;
    return out + '\n';
  }
  std::string trailer(Timestamp now) const override {
    return json_ ? std::string() : "#close\t" + clock(now) + '\n';
  }

 private:
  static std::string clock(Timestamp now) {
    const auto seconds = static_cast<std::time_t>(now / 1'000'000'000);
    std::tm parts{};
    localtime_r(&seconds, &parts);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d-%H-%M-%S", &parts)};
  }

  template <typename Line>
  void line(Line out, const Event& e) {
    std::size_t column = 0;
    const auto name = [&] { return kColumns[column++].name; };
    const auto optional = [&](std::string_view text) {
      if (text.empty()) {
        out.unset(name());
      } else {
        out.text(name(), text);
      }
    };
    out.time(name(), e.time);
    text_.clear();
    zeek::append_uid(text_, e);
    out.text(name(), text_);
    out.text(name(), e.client.address.to_string());
    out.number(name(), e.client.port);
    out.text(name(), e.server.address.to_string());
    out.number(name(), e.server.port);
    if (e.duration) {
      out.time(name(), *e.duration);
    } else {
      out.unset(name());
    }
    // As the server's bind answer names it; the name the client opened when that was not captured.
    optional(e.secondary_address.empty() ? e.transport.pipe : e.secondary_address);
    optional(zeek::endpoint(e));
    optional(zeek::operation(e));

    if (e.interface_id) {
      out.text(name(), e.interface_id->uuid.to_string());
      out.text(name(),
               std::to_string(e.interface_id->major) + '.' + std::to_string(e.interface_id->minor));
    } else {
      out.unset(name());
      out.unset(name());
    }
    if (e.opnum) {
      out.number(name(), *e.opnum);
    } else {
      out.unset(name());
    }
    out.text(name(), outcome_name(e.outcome));
    optional(fault(e));
    text_.clear();
    arguments_.append_result(text_, e);
    optional(text_);
    optional(user(e));
    out.text(name(), auth_service_name(e.auth_service));
    out.text(name(), auth_level_name(e.auth_level));
    out.text(name(), decode_status_name(e.decode()));
    for (const bool response : {false, true}) {
      if (!(response ? e.response : e.request).has_values) {
        out.unset(name());
        continue;
      }
      text_.clear();
      arguments_.append_arguments(text_, e, response);
      out.json(name(), text_);
    }
    labels_.clear();
    for (const HandleUse& use : e.handles) {
      if (!use.label.empty()) labels_.push_back(use.label);
    }
    out.set(name(), labels_);
    out.set(name(), e.unc_hosts);
    const Annotation* attack = e.procedure ? e.procedure->annotations.find("attack") : nullptr;
    static const std::vector<std::string> kNone;
    out.set(name(), attack ? attack->arguments : kNone);
    out.end();
  }

  static std::string fault(const Event& e) {
    const bool is_fault = e.outcome == Outcome::kFault || e.outcome == Outcome::kDenied;
    if (!is_fault && (e.outcome != Outcome::kRejected || e.fault_status == 0)) return {};
    const auto known = is_fault ? fault_name(e.fault_status) : std::string_view();
    if (!known.empty()) return std::string(known);
    char text[16];
    std::snprintf(text, sizeof text, "0x%08x", static_cast<unsigned>(e.fault_status));
    return text;
  }
  static std::string user(const Event& e) {
    if (!e.user) return {};
    if (e.user->user.empty()) return e.user->anonymous ? "ANONYMOUS" : "";
    return e.user->domain.empty() ? e.user->user : e.user->domain + '\\' + e.user->user;
  }

  bool json_;
  EventJson arguments_;
  std::string text_;
  std::vector<std::string> labels_;
};

}  // namespace

std::unique_ptr<EventFormat> make_zeek_format(bool json, const SinkOptions& options) {
  return std::make_unique<ZeekFormat>(json, options);
}

}  // namespace rpcmarshal
