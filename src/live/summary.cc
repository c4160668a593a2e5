#include "live/summary.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "sensor/statistics.h"
#include "sink/json_writer.h"
#include "sink/sink.h"

namespace rpcmarshal {
namespace {

const char* kind_name(StreamKind kind) { return kind == StreamKind::kSmb ? "smb" : "rpc"; }

}  // namespace

void Summary::count(const Event& event) {
  if (event.is_bind) return;  // counted by the sensor
  ++calls_;
  if (event.interface_id) {
    if (interfaces_.size() < kMaxInterfaces) interfaces_.insert(event.interface_id->uuid);
  } else if (!event.never_offered) {
    ++unbound_;
  }
  switch (event.decode()) {
    case DecodeStatus::kComplete:
    case DecodeStatus::kFault:
    case DecodeStatus::kAbsent:
      ++complete_;
      break;
    case DecodeStatus::kPartial:
    case DecodeStatus::kTruncated:
      ++partial_;
      break;
    case DecodeStatus::kSealed:
      ++sealed_;
      break;
    case DecodeStatus::kUnknownInterface:
    case DecodeStatus::kUnknownOperation:
    case DecodeStatus::kUntyped:
      ++unknown_;
      break;
  }
  switch (event.outcome) {
    case Outcome::kFault:
    case Outcome::kDenied:
      ++faults_;
      break;
    case Outcome::kNoResponse:
    case Outcome::kCancelled:
      ++unanswered_;
      break;
    case Outcome::kRejected:
      ++rejected_;
      break;
    default:
      break;
  }
}

void Summary::add(const ConnectionLosses& losses) {
  ++connections_with_losses_;
  if (losses_.size() < kMaxConnections) losses_.push_back(losses);
}

void Summary::merge(const Summary& other) {
  calls_ += other.calls_;
  complete_ += other.complete_;
  partial_ += other.partial_;
  sealed_ += other.sealed_;
  unknown_ += other.unknown_;
  faults_ += other.faults_;
  unanswered_ += other.unanswered_;
  rejected_ += other.rejected_;
  unbound_ += other.unbound_;
  interfaces_.insert(other.interfaces_.begin(), other.interfaces_.end());
  const std::size_t room = kMaxConnections - losses_.size();
  losses_.insert(
      losses_.end(), other.losses_.begin(),
      other.losses_.begin() + static_cast<std::ptrdiff_t>(std::min(room, other.losses_.size())));
  connections_with_losses_ += other.connections_with_losses_;
}

void Summary::print(std::FILE* to, const SensorStatistics& s) const {
  const auto number = [](std::uint64_t n) { return std::to_string(n); };
  std::string line =
      number(calls_) + (calls_ == 1 ? " call on " : " calls on ") + number(interfaces_.size()) +
      (interfaces_.size() == 1 ? " interface: " : " interfaces: ") + number(complete_) +
      " decoded completely, " + number(partial_) + " partly, " + number(sealed_) + " sealed, " +
      number(unknown_) + " of unknown interface or operation\n";
  std::string more;
  const auto add = [&](std::uint64_t n, const char* what) {
    if (n != 0) more += (more.empty() ? "" : ", ") + number(n) + ' ' + what;
  };
  add(faults_, "faults");
  add(unanswered_, "without a captured response");
  add(rejected_, "rejected");
  add(unbound_, "whose bind was not seen");
  add(s.tcp.gaps, "gaps in TCP streams");
  add(s.tcp.missing_bytes, "bytes missing");
  add(s.tcp.conflicts, "overlapping retransmissions with different content");
  add(s.smb.decrypted, "encrypted SMB messages opened");
  add(s.smb.unopened, "encrypted SMB messages not opened");
  add(s.smb.bad_tags + s.smb.bad_signatures, "SMB messages with a wrong signature");
  add(s.dce.unsealed, "protected RPC PDUs opened or verified with keys");
  add(s.dce.bad_signatures, "wrong signatures of RPC PDUs");
  add(s.dce.lost_streams, "sealed RPC PDUs whose key stream is lost");
  add(std::accumulate(std::begin(s.dce.no_key), std::end(s.dce.no_key), std::uint64_t{0}),
      "protected RPC PDUs without a key that fits");
  add(s.dce.malformed, "malformed RPC PDUs");
  add(s.smb.malformed, "malformed SMB messages");
  add(s.decap.malformed, "malformed packets");
  add(s.dce.limits + s.smb.limits + s.tcp.pending_limit, "limits reached");
  add(s.tcp.evicted_flows + s.tcp.evicted_memory, "connections forgotten for want of room");
  add(s.drops.kernel, "packets dropped by the kernel");
  add(s.drops.interface, "packets dropped by the interface");
  add(s.drops.queue, "packets dropped here");
  if (!more.empty()) line += more + '\n';
  std::fputs(line.c_str(), to);
}

void Summary::print_statistics(std::FILE* to, const SensorStatistics& s) const {
  std::string last;
  for_each_counter(s,
                   [&](const char* group, const char* name, std::uint64_t value, const char* what) {
                     if (value == 0) return;
                     const bool fresh = last != group;
                     last = group;
                     std::fprintf(to, "%-8s %-18s %14llu  %s\n", fresh ? group : "", name,
                                  static_cast<unsigned long long>(value), what);
                   });
  if (connections_with_losses_ == 0) {
    std::fputs("no connection that carried RPC lost anything\n", to);
    return;
  }
  std::fprintf(to, "connections that are not whole: %llu\n",
               static_cast<unsigned long long>(connections_with_losses_));
  for (const ConnectionLosses& l : losses_) {
    std::string line = "  " + l.connection.initiator.to_string() + " to " +
                       l.connection.responder.to_string() + " (" + kind_name(l.kind) + "):";
    const auto add = [&](std::uint64_t n, const char* what) {
      if (n != 0) line += ' ' + std::to_string(n) + what;
    };
    add(l.gaps, " gaps");
    add(l.missing_bytes, " bytes missing");
    add(l.conflicts, " conflicting retransmissions");
    add(l.limits, " limits reached");
    add(l.malformed, " malformed messages");
    add(l.forged, " SMB messages with a wrong signature");
    add(l.unopened, " encrypted SMB messages not opened");
    if (!l.unopened_reason.empty()) line += " (" + l.unopened_reason + ')';
    std::fprintf(to, "%s\n", line.c_str());
  }
  if (connections_with_losses_ > losses_.size()) {
    std::fprintf(to, "  and %llu more\n",
                 static_cast<unsigned long long>(connections_with_losses_ - losses_.size()));
  }
}

void Summary::append_json(std::string& out, const SensorStatistics& s) const {
  JsonWriter json(out);
  json.begin_object();
  json.key("calls");
  json.begin_object();
  json.member_number("all", calls_);
  json.member_number("complete", complete_);
  json.member_number("partial", partial_);
  json.member_number("sealed", sealed_);
  json.member_number("unknown", unknown_);
  json.member_number("faults", faults_);
  json.member_number("unanswered", unanswered_);
  json.member_number("rejected", rejected_);
  json.member_number("bind_not_seen", unbound_);
  json.member_number("interfaces", interfaces_.size());
  json.end_object();
  std::string open;
  for_each_counter(s, [&](const char* group, const char* name, std::uint64_t value, const char*) {
    if (open != group) {
      if (!open.empty()) json.end_object();
      open = group;
      json.key(group);
      json.begin_object();
    }
    json.member_number(name, value);
  });
  if (!open.empty()) json.end_object();
  json.member_number("connections_not_whole", connections_with_losses_);
  json.key("connections");
  json.begin_array();
  for (const ConnectionLosses& l : losses_) {
    json.begin_object();
    std::string time;
    append_time(time, l.connection.start);
    json.member("start", time);
    time.clear();
    append_time(time, l.end);
    json.member("end", time);
    json.member("initiator", l.connection.initiator.to_string());
    json.member("responder", l.connection.responder.to_string());
    json.member("carries", kind_name(l.kind));
    json.member_number("gaps", l.gaps);
    json.member_number("missing_bytes", l.missing_bytes);
    json.member_number("conflicts", l.conflicts);
    json.member_number("limits", l.limits);
    json.member_number("malformed", l.malformed);
    if (l.forged > 0) json.member_number("forged", l.forged);
    if (l.unopened > 0) json.member_number("unopened", l.unopened);
    if (!l.unopened_reason.empty()) json.member("unopened_reason", l.unopened_reason);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

}  // namespace rpcmarshal
