#include "cli/summary.h"

#include <string>

namespace rpcmarshal::cli {

void Summary::count(const Event& event) {
  ++calls_;
  if (event.interface_id) {
    interfaces_.insert(event.interface_id->uuid);
  } else {
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
  add(s.smb.encrypted, "encrypted SMB messages");
  add(s.dce.malformed, "malformed RPC PDUs");
  add(s.smb.malformed, "malformed SMB messages");
  add(s.decap.malformed, "malformed packets");
  add(s.dce.limits + s.smb.limits, "limits reached");
  if (!more.empty()) line += more + '\n';
  std::fputs(line.c_str(), to);
}

}  // namespace rpcmarshal::cli
