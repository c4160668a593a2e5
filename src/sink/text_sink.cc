// Events for people:
//
//   2020-09-20 12:16:08.123  10.0.0.5:49777 → FS1 (10.0.0.6:445)  SHIRE\pgustavo ntlm/privacy
//   ncacn_np \pipe\svcctl
//     svcctl.RCreateServiceW(hSCManager=<SCM \\FS1>, lpServiceName="Updater", ...)
//       = ERROR_SUCCESS  lpServiceHandle=<service Updater>  120 µs
//
// Long values are cut here (the JSON has them whole), and control characters from the wire are
// escaped: a capture must not be able to drive the terminal.
#include <algorithm>
#include <cmath>

#include "base/unicode.h"
#include "interface/status.h"
#include "sink/object_text.h"
#include "sink/sink.h"
#include "sink/terminal_text.h"

namespace rpcmarshal {
namespace {

constexpr std::size_t kMaxTextBytes = 24;  // bytes of one binary argument
constexpr std::size_t kMaxTextElements = 16;
constexpr std::size_t kMaxDetails = 4;

class TextFormat final : public EventFormat {
 public:
  explicit TextFormat(const SinkOptions& options)
      : options_(options), presenter_(options.present) {}

  using EventFormat::append;
  void append(std::string& out, const Event& event, const EventFindings& findings) override {
    buffer_.clear();
    heading(event);
    call(event);
    for (const Alert& alert : findings.alerts) {
      buffer_ += "    ▲ ";
      append_alert_title(buffer_, alert, options_.colour);
      buffer_ += '\n';
    }
    notes(event, !findings.alerts.empty());
    out += buffer_;
  }
  void append_alert(std::string& out, const Alert& alert) override {
    out += "▲ ";
    append_alert_text(out, alert, options_.colour);
    out += '\n';
  }

 private:
  enum class Ink {
    kDim,
    kInterface,
    kOperation,
    kName,
    kString,
    kSymbol,
    kHandle,
    kGood,
    kBad,
    kWarn
  };

  void ink(Ink ink, std::string_view text) {
    if (!options_.colour) {
      buffer_ += text;
      return;
    }
    static constexpr const char* kCodes[] = {"\x1b[2m",  "\x1b[36m", "\x1b[1;36m", "\x1b[2m",
                                             "\x1b[32m", "\x1b[35m", "\x1b[33m",   "\x1b[32m",
                                             "\x1b[31m", "\x1b[33m"};
    buffer_ += kCodes[static_cast<int>(ink)];
    buffer_ += text;
    buffer_ += "\x1b[0m";
  }

  using EventFormat::header;  // of a file, beside that of an event
  void heading(const Event& e) {
    std::string time;
    append_time(time, e.time);
    time[10] = ' ';
    time.resize(23);
    ink(Ink::kDim, time);
    buffer_ += "  " + e.client.to_string() + " → ";
    if (e.server_host.empty()) {
      buffer_ += e.server.to_string();
    } else {
      buffer_ += safe(e.server_host) + " (" + e.server.to_string() + ')';
    }
    buffer_ += "  ";
    std::string who;
    if (e.user) {
      const Identity& u = *e.user;
      if (u.anonymous) who = "anonymous";
      if (!u.user.empty()) who = (u.domain.empty() ? "" : u.domain + '\\') + u.user;
      if (who.empty() && !u.service.empty()) who = "(ticket for " + u.service + ')';
      if (u.guest) who += " (guest)";
    }
    buffer_ += who.empty() ? "(user not seen)" : safe(who);
    buffer_ += ' ';
    const AuthService service =
        e.user && e.user->mechanism != AuthService::kNone ? e.user->mechanism : e.auth_service;
    ink(Ink::kDim,
        std::string(auth_service_name(service)) + '/' + std::string(auth_level_name(e.auth_level)));
    buffer_ += "  ";
    ink(Ink::kDim, protocol_sequence(e.transport.protocol));
    if (!e.transport.pipe.empty()) buffer_ += ' ' + safe(e.transport.pipe);
    buffer_ += '\n';
  }

  void call(const Event& e) {
    buffer_ += "  ";
    column_ = 2;
    object_line_ = object_line(e, [&](const ndr::Value& value) {
      return leaf(e, value, e.request.values, ndr::Value(), false);
    });
    if (object_line_) {
      ink(Ink::kInterface, object_line_->place);
      buffer_ += ' ';
      ink(Ink::kOperation, object_line_->subject);
      column_ += columns(object_line_->place) + columns(object_line_->subject) + 2;
      const std::size_t at = buffer_.size();
      buffer_ += '(';
      pieces(object_line_->arguments);
      buffer_ += ')';
      ++column_;
      // Call and result on one line, when they fit.
      if (buffer_.find('\n', at) == std::string::npos && outcome_beside(e)) return;
      buffer_ += '\n';
      outcome_below(e);
      return;
    }
    std::string interface = e.interface      ? e.interface->name
                            : e.interface_id ? e.interface_id->uuid.to_string() + " v" +
                                                   std::to_string(e.interface_id->major) + '.' +
                                                   std::to_string(e.interface_id->minor)
                                             : "(interface not seen)";
    ink(Ink::kInterface, interface);
    buffer_ += '.';
    const std::string operation = !e.operation().empty() ? std::string(e.operation())
                                  : e.is_bind            ? "(bind)"
                                  : e.opnum              ? "opnum " + std::to_string(*e.opnum)
                                                         : "opnum not seen";
    ink(Ink::kOperation, operation);
    column_ += interface.size() + operation.size() + 2;
    if (e.is_bind) {
      buffer_ += '\n';
      return outcome_below(e);
    }
    buffer_ += '(';
    if (e.request.has_values) {
      arguments(e, e.request.values, e.response.has_values ? e.response.values : ndr::Value(),
                false);
    } else {
      unread(e.request);
    }
    buffer_ += ")\n";
    outcome_below(e);
  }

  void unread(const EventHalf& half) {
    switch (half.status) {
      case DecodeStatus::kAbsent:
        ink(Ink::kWarn, "request not captured");
        break;
      case DecodeStatus::kSealed:
        ink(Ink::kWarn, "sealed, " + std::to_string(half.size) + " bytes" +
                            (half.seal_reason.empty() ? "" : ": " + safe(half.seal_reason)));
        break;
      default: {
        std::string hex;
        append_hex(hex, half.stub.first(std::min(half.stub.size(), kMaxTextBytes)));
        ink(Ink::kDim, std::to_string(half.size) + " bytes" + (hex.empty() ? "" : ": " + hex) +
                           (half.stub.size() > kMaxTextBytes ? "…" : ""));
      }
    }
  }

  void outcome_below(const Event& e) {
    buffer_ += "    ";
    column_ = 4;
    outcome(e);
  }
  /// Behind the call; false, and nothing written, when that is too wide.
  bool outcome_beside(const Event& e) {
    const std::size_t at = buffer_.size(), column = column_++;
    buffer_ += ' ';
    outcome(e);
    const std::string_view written = std::string_view(buffer_).substr(at);
    if (written.find('\n') + 1 == written.size() &&
        column + columns(strip(written)) <= options_.width)
      return true;
    buffer_.resize(at);
    return false;
  }

  void outcome(const Event& e) {
    switch (e.outcome) {
      case Outcome::kReturned:
      case Outcome::kResponseOnly:
        returned(e);
        break;
      case Outcome::kFault:
      case Outcome::kDenied: {
        const auto name = fault_name(e.fault_status);
        ink(Ink::kBad, std::string("✗ ") +
                           (e.outcome == Outcome::kDenied ? "denied: " : "fault: ") +
                           (name.empty() ? hex32(e.fault_status) : std::string(name)));
        break;
      }
      case Outcome::kRejected:
        ink(Ink::kBad, "✗ the server refused this interface" +
                           (e.refusal.empty() ? "" : ": " + std::string(e.refusal)));
        break;
      default:
        ink(Ink::kWarn, "no response captured");
        break;
    }
    if (e.duration) {
      buffer_ += "  ";
      ink(Ink::kDim, duration(*e.duration));
    }
    buffer_ += '\n';
  }

  void returned(const Event& e) {
    if (!e.response.has_values) {
      buffer_ += "= ";
      unread(e.response);
      return;
    }
    const std::size_t start = buffer_.size(), column = column_;
    const ndr::Value result = e.response.values.find("return");
    if (result.is_missing()) {
      buffer_ += "= done";
    } else {
      buffer_ += "= ";
      const std::string shown = leaf(e, result, e.response.values, e.request.values, true);
      column_ += columns(shown) + 2;
    }
    if (object_line_ && !object_line_->results.empty()) {
      // The method's own result says more than that the call as such went through.
      if (result.as_int() == 0) {
        buffer_.resize(start);
        buffer_ += "= ";
        column_ = column + 2;
      } else {
        buffer_ += "  ";
      }
      pieces(object_line_->results);
      return;
    }
    if (e.response.values.size() > (result.is_missing() ? 0u : 1u)) buffer_ += "  ";
    arguments(e, e.response.values, e.request.has_values ? e.request.values : ndr::Value(), true);
  }

  /// "piece, piece", wrapped at the width.
  void pieces(const std::vector<std::string>& list) {
    bool first = true;
    for (const std::string& piece : list) piece_at_width(piece, std::exchange(first, false));
  }
  void piece_at_width(const std::string& piece, bool first) {
    const std::size_t width = columns(strip(piece));
    if (!first) {
      buffer_ += ',';
      ++column_;
      if (column_ + 1 + width > options_.width) {
        buffer_ += "\n      ";
        column_ = 6;
      } else {
        buffer_ += ' ';
        ++column_;
      }
    }
    buffer_ += piece;
    column_ += width;
  }

  /// The parameters of one half, "name=value, name=value", wrapped at the width.
  void arguments(const Event& e, const ndr::Value& root, const ndr::Value& other,
                 bool skip_result) {
    walker_.start(root);
    bool first = true;
    std::string pending;  // one argument of the top level
    const auto put = [&](std::string_view piece) { pending += piece; };
    const auto flush_argument = [&] {
      if (pending.empty()) return;
      piece_at_width(pending, first);
      pending.clear();
      first = false;
    };
    while (walker_.next()) {
      const ndr::Value value = walker_.value();
      const std::size_t depth = walker_.depth();
      if (depth == 0) {
        if (walker_.event() == ndr::Walker::Event::kClose) flush_argument();
        continue;
      }
      if (walker_.event() == ndr::Walker::Event::kClose) {
        // A long list is cut: people see its start and its size.
        if (value.kind() == ndr::ValueKind::kList && value.size() > kMaxTextElements) {
          put(", … " + std::to_string(value.size() - kMaxTextElements) + " more");
        }
        put(value.kind() == ndr::ValueKind::kList ? "]" : "}");
        continue;
      }
      if (depth > 1 && value.name().empty() && walker_.index() >= kMaxTextElements) {
        if (walker_.event() == ndr::Walker::Event::kOpen) walker_.skip();
        continue;
      }
      if (depth == 1) {
        flush_argument();
        if (skip_result && value.name() == "return") continue;
        // What every DCOM call carries says nothing about this one.
        if (value.name() == "orpcthis" || value.name() == "orpcthat") {
          if (walker_.event() == ndr::Walker::Event::kOpen) walker_.skip();
          continue;
        }
      } else if (walker_.index() > 0 ||
                 (!pending.empty() && pending.back() != '[' && pending.back() != '{')) {
        put(walker_.index() > 0 ? ", " : "");
      }
      const bool leaf_event = walker_.event() == ndr::Walker::Event::kLeaf;
      if (leaf_event && value.is_missing() && depth == 1) continue;
      if (!value.name().empty()) {
        put(painted(Ink::kName, safe(value.name()) + '='));
      }
      if (leaf_event) {
        put(leaf(e, value, root, other, false));
      } else if (presenter_.withheld(value)) {
        put("<redacted>");
        walker_.skip();
      } else if (value.display().semantic == "bindings") {
        put(painted(Ink::kString, bindings_text(value)));
        walker_.skip();
      } else {
        put(value.kind() == ndr::ValueKind::kList ? "[" : "{");
      }
    }
  }

  std::string painted(Ink ink_kind, std::string_view text) {
    const std::size_t at = buffer_.size();
    ink(ink_kind, text);
    std::string out = buffer_.substr(at);
    buffer_.resize(at);
    return out;
  }

  /// Without colour escapes, for measuring.
  static std::string strip(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\x1b') {
        while (i < text.size() && text[i] != 'm') ++i;
      } else {
        out += text[i];
      }
    }
    return out;
  }

  /// The shown value; written to the buffer as well when `write` is set.
  std::string leaf(const Event& e, const ndr::Value& value, const ndr::Value& root,
                   const ndr::Value& other, bool write) {
    using Form = Presented::Form;
    const Presented shown = presenter_.present(value, root, other);
    std::string out;
    switch (shown.form) {
      case Form::kNull:
        out = "NULL";
        break;
      case Form::kMissing:
        out = painted(Ink::kWarn, "?");
        break;
      case Form::kBool:
        out = shown.number ? "true" : "false";
        break;
      case Form::kSigned:
        out = std::to_string(shown.number);
        break;
      case Form::kUnsigned:
        out = std::to_string(static_cast<std::uint64_t>(shown.number));
        break;
      case Form::kReal:
        out = std::to_string(shown.real);
        break;
      case Form::kUtf16: {
        std::string text;
        append_utf8(text, shown.bytes, shown.order);
        out = painted(Ink::kString, quoted(text));
        break;
      }
      case Form::kText:
        out = painted(Ink::kString, quoted(shown.text));
        break;
      case Form::kSymbol:
      case Form::kNotation:
      case Form::kRedacted:
        out = painted(Ink::kSymbol, safe(shown.text));
        break;
      case Form::kStatus: {
        const auto code = static_cast<std::uint32_t>(shown.number);
        const bool good = code == 0 || (value.display().status == ndr::StatusKind::kHResult &&
                                        code < 0x80000000u);
        out =
            painted(good ? Ink::kGood : Ink::kBad,
                    shown.text.empty() ? (code == 0 ? "0" : hex32(code)) : std::string(shown.text));
        break;
      }
      case Form::kInterface:
        out = painted(Ink::kHandle, objref_text(shown.bytes));
        break;
      case Form::kBytes: {
        out = '<' + std::to_string(shown.bytes.size()) + " bytes";
        if (!shown.bytes.empty()) out += ": ";
        append_hex(out, shown.bytes.first(std::min(shown.bytes.size(), kMaxTextBytes)));
        out += shown.bytes.size() > kMaxTextBytes ? "…>" : ">";
        break;
      }
      case Form::kList:
        out = "[";
        for (const std::string& text : *shown.list)
          out += (out.size() > 1 ? ", " : "") + quoted(text);
        out += ']';
        break;
      case Form::kHandle: {
        std::string label(shown.text.substr(0, 8));
        label += "…";
        for (const HandleUse& use : e.handles) {
          if (use.parameter == value.name() && !use.label.empty() &&
              as_text(std::as_bytes(std::span(use.handle))) == as_text(shown.bytes)) {
            label = use.label;
          }
        }
        // All zeros: a handle that was passed in is gone now; any other was never opened.
        if (value.as_guid().is_nil()) {
          label =
              std::ranges::any_of(
                  e.handles, [&](const HandleUse& use) { return use.parameter == value.name(); })
                  ? "closed"
                  : "none";
        }
        out = painted(Ink::kHandle, '<' + safe(label) + '>');
        break;
      }
      case Form::kAlias:
        out = "(as above)";
        break;
    }
    if (write) buffer_ += out;
    return out;
  }

  void notes(const Event& e, bool alerted) {
    const auto note = [&](Ink kind, const std::string& text) {
      buffer_ += "    ";
      ink(kind, text);
      buffer_ += '\n';
    };
    for (const auto& [name, half] : {std::pair{"request", &e.request}, {"response", &e.response}}) {
      if (half->status == DecodeStatus::kTruncated) {
        note(Ink::kWarn, std::string("! the ") + name + " is not complete in the capture");
      } else if (half->has_values && !half->result.complete()) {
        note(Ink::kWarn, std::string("! ") + name + ": stopped at byte " +
                             std::to_string(half->result.failed_at) + " of " +
                             std::to_string(half->size) + ": " + std::string(half->result.reason));
      }
      if (half->signature == CallHalf::Signature::kBad)
        note(Ink::kWarn, std::string("! the signature of the ") + name + " is wrong");
    }
    if (!e.inferred.empty()) note(Ink::kWarn, "! interface inferred: " + safe(e.inferred));
    if (e.object_view && e.object_view->handover) {
      const dcom::Handover& handover = *e.object_view->handover;
      note(Ink::kDim, "↩ called back on an object handed over in " + safe(handover.operation) +
                          ", event " + std::to_string(handover.event));
    }
    for (std::size_t i = 0; i < e.details.size() && i < kMaxDetails; ++i) {
      const blobs::Detail& detail = e.details[i];
      std::string text = "◆ ";
      for (const char c : detail.kind) text += c == '_' ? ' ' : c;
      text += ": " + shortened(detail.summary);
      note(Ink::kString, text);
    }
    if (e.details.size() > kMaxDetails)
      note(Ink::kDim, "◆ " + std::to_string(e.details.size() - kMaxDetails) + " more");
    if (!e.unc_hosts.empty()) {
      std::string hosts = "▲ UNC host" + std::string(e.unc_hosts.size() > 1 ? "s" : "") + ':';
      for (const std::string& host : e.unc_hosts) hosts += ' ' + safe(host);
      note(Ink::kWarn, hosts);
    }
    if (e.action)
      note(e.action->decision == "block" ? Ink::kBad : Ink::kWarn, action_text(*e.action));
    // What a rule says of this very call is worth more than what is true of the operation.
    if (e.procedure && !alerted) {
      const auto& annotations = e.procedure->annotations;
      const std::string_view severity = annotations.value("severity");
      const Annotation* attack = annotations.find("attack");
      if (severity == "high" || severity == "medium") {
        std::string text = (options_.rules ? "△ " : "▲ ") + std::string(severity);
        if (const auto why = annotations.value("why"); !why.empty())
          text += "  " + std::string(why);
        if (attack) {
          for (const std::string& id : attack->arguments) text += "  " + id;
        }
        note(severity == "high" ? Ink::kBad : Ink::kWarn, text);
      }
    }
    buffer_ += '\n';
  }

  static std::string hex32(std::uint32_t value) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%08x", value);
    return text;
  }

  static std::string duration(Timestamp ns) {
    char text[32];
    const double us = static_cast<double>(ns) / 1e3;
    if (us < 1000) {
      std::snprintf(text, sizeof text, "%.0f µs", us);
    } else if (us < 1e6) {
      std::snprintf(text, sizeof text, "%.1f ms", us / 1e3);
    } else {
      std::snprintf(text, sizeof text, "%.1f s", us / 1e6);
    }
    return text;
  }

  SinkOptions options_;
  Presenter presenter_;
  ndr::Walker walker_;
  std::optional<ObjectLine> object_line_;  ///< of the event being written
  std::string buffer_;
  std::size_t column_ = 0;
};

}  // namespace

std::string action_text(const EventAction& action) {
  std::string text = "■ " + std::string(action.decision);
  if (!action.would.empty()) text += " (learning; would " + std::string(action.would) + ")";
  text += " by " + (action.rule.empty() ? std::string("the policy's default")
                                        : "policy rule " + quoted(action.rule));
  if (!action.reason.empty()) text += ": " + shortened(action.reason);
  if (!action.unknown.empty()) text += " (" + safe(action.unknown) + " is not known)";
  if (!action.learning.empty()) text += " (learning: " + quoted(action.learning) + " matches)";
  return text;
}

std::unique_ptr<EventFormat> make_text_format(const SinkOptions& options) {
  return std::make_unique<TextFormat>(options);
}

}  // namespace rpcmarshal
