#include "event/event.h"

#include <algorithm>

namespace rpcmarshal {

std::string_view protocol_sequence(EventTransport::Protocol protocol) {
  switch (protocol) {
    case EventTransport::Protocol::kTcp:
      return "ncacn_ip_tcp";
    case EventTransport::Protocol::kNamedPipe:
      return "ncacn_np";
    case EventTransport::Protocol::kHttp:
      return "ncacn_http";
    case EventTransport::Protocol::kUdp:
      return "ncadg_ip_udp";
    case EventTransport::Protocol::kLocal:
      return "ncalrpc";
  }
  return "unknown";
}

std::string_view decode_status_name(DecodeStatus status) {
  switch (status) {
    case DecodeStatus::kAbsent:
      return "absent";
    case DecodeStatus::kComplete:
      return "complete";
    case DecodeStatus::kPartial:
      return "partial";
    case DecodeStatus::kSealed:
      return "sealed";
    case DecodeStatus::kTruncated:
      return "truncated";
    case DecodeStatus::kUnknownInterface:
      return "unknown_interface";
    case DecodeStatus::kUnknownOperation:
      return "unknown_operation";
    case DecodeStatus::kUntyped:
      return "untyped";
    case DecodeStatus::kFault:
      return "fault";
  }
  return "unknown";
}

DecodeStatus Event::decode() const {
  const auto rank = [](DecodeStatus status) {
    switch (status) {
      case DecodeStatus::kAbsent:
        return 0;
      case DecodeStatus::kFault:
        return 1;
      case DecodeStatus::kComplete:
        return 2;
      case DecodeStatus::kPartial:
        return 3;
      case DecodeStatus::kTruncated:
        return 4;
      case DecodeStatus::kUntyped:
        return 5;
      case DecodeStatus::kUnknownOperation:
        return 6;
      case DecodeStatus::kUnknownInterface:
        return 7;
      case DecodeStatus::kSealed:
        return 8;
    }
    return 9;
  };
  return std::max(request.status, response.status,
                  [&](DecodeStatus a, DecodeStatus b) { return rank(a) < rank(b); });
}

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kReturned:
      return "returned";
    case Outcome::kFault:
      return "fault";
    case Outcome::kDenied:
      return "denied";
    case Outcome::kNoResponse:
      return "no_response";
    case Outcome::kMaybe:
      return "maybe";
    case Outcome::kCancelled:
      return "cancelled";
    case Outcome::kRejected:
      return "rejected";
    case Outcome::kResponseOnly:
      return "response_only";
  }
  return "unknown";
}

std::string_view auth_service_name(AuthService service) {
  switch (service) {
    case AuthService::kNone:
      return "none";
    case AuthService::kSpnego:
      return "spnego";
    case AuthService::kNtlm:
      return "ntlm";
    case AuthService::kSchannel:
      return "schannel";
    case AuthService::kKerberos:
      return "kerberos";
    case AuthService::kNetlogon:
      return "netlogon";
    case AuthService::kDefault:
      return "default";
  }
  return "unknown";
}

std::string_view auth_level_name(AuthLevel level) {
  switch (level) {
    case AuthLevel::kDefault:
      return "default";
    case AuthLevel::kNone:
      return "none";
    case AuthLevel::kConnect:
      return "connect";
    case AuthLevel::kCall:
      return "call";
    case AuthLevel::kPacket:
      return "packet";
    case AuthLevel::kIntegrity:
      return "integrity";
    case AuthLevel::kPrivacy:
      return "privacy";
  }
  return "unknown";
}

}  // namespace rpcmarshal
