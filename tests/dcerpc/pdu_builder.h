// Builds DCE/RPC v5 PDUs byte by byte, independently of the parser, and records what a connection
// makes of them.
#pragma once

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/unicode.h"
#include "dcerpc/call.h"

namespace rpcmarshal::testing {

inline std::string integer(std::uint64_t value, int size, ByteOrder order = ByteOrder::kLittle) {
  std::string out;
  for (int i = 0; i < size; ++i) {
    int shift = 8 * (order == ByteOrder::kLittle ? i : size - 1 - i);
    out += static_cast<char>(value >> shift & 0xff);
  }
  return out;
}
inline std::string guid_bytes(const Guid& guid, ByteOrder order = ByteOrder::kLittle) {
  std::string out =
      integer(guid.data1, 4, order) + integer(guid.data2, 2, order) + integer(guid.data3, 2, order);
  for (std::uint8_t b : guid.data4) out += static_cast<char>(b);
  return out;
}
inline std::string syntax_bytes(const SyntaxId& id, ByteOrder order = ByteOrder::kLittle) {
  return guid_bytes(id.uuid, order) + integer(id.major, 2, order) + integer(id.minor, 2, order);
}
/// In the big-endian form the version is one 32-bit integer: the minor half comes first.
inline std::string syntax_bytes_big(const SyntaxId& id) {
  return guid_bytes(id.uuid, ByteOrder::kBig) + integer(id.minor, 2, ByteOrder::kBig) +
         integer(id.major, 2, ByteOrder::kBig);
}

inline const SyntaxId kSvcctl{*Guid::parse("367abb81-9844-35f1-ad32-98f038001003"), 2, 0};
inline const SyntaxId kWinreg{*Guid::parse("338cd001-2244-31f1-aaaa-900038001003"), 1, 0};
inline const SyntaxId kNdr20{kNdr20Syntax, 2, 0};
inline const SyntaxId kNdr64{kNdr64Syntax, 1, 0};

struct PduOptions {
  unsigned flags = 3;  // first and last
  ByteOrder order = ByteOrder::kLittle;
  int auth_type = -1;  // none
  int auth_level = 0;
  unsigned auth_pad = 0;
  std::uint32_t auth_context = 0;
  std::string token;
};

inline std::string pdu(unsigned type, std::uint32_t call_id, const std::string& body,
                       const PduOptions& options = {}) {
  std::string rest = body;
  unsigned auth_length = 0;
  if (options.auth_type >= 0) {
    rest += std::string(options.auth_pad, '\xaa');
    rest += static_cast<char>(options.auth_type);
    rest += static_cast<char>(options.auth_level);
    rest += static_cast<char>(options.auth_pad);
    rest += '\0';
    rest += integer(options.auth_context, 4, options.order) + options.token;
    auth_length = static_cast<unsigned>(options.token.size());
  }
  std::string out = {5, 0, static_cast<char>(type), static_cast<char>(options.flags)};
  out += options.order == ByteOrder::kLittle ? '\x10' : '\0';
  out += std::string(3, '\0');
  out += integer(16 + rest.size(), 2, options.order) + integer(auth_length, 2, options.order);
  return out + integer(call_id, 4, options.order) + rest;
}

inline std::string request(std::uint32_t call_id, unsigned context, unsigned opnum,
                           const std::string& stub, const PduOptions& options = {},
                           const Guid* object = nullptr) {
  std::string body = integer(stub.size(), 4, options.order) + integer(context, 2, options.order) +
                     integer(opnum, 2, options.order);
  if (object) body += guid_bytes(*object, options.order);
  return pdu(0, call_id, body + stub, options);
}
inline std::string response(std::uint32_t call_id, unsigned context, const std::string& stub,
                            const PduOptions& options = {}) {
  return pdu(2, call_id,
             integer(stub.size(), 4, options.order) + integer(context, 2, options.order) +
                 std::string(2, '\0') + stub,
             options);
}
inline std::string fault(std::uint32_t call_id, unsigned context, std::uint32_t status,
                         const PduOptions& options = {}) {
  return pdu(3, call_id,
             integer(0, 4, options.order) + integer(context, 2, options.order) +
                 std::string(2, '\0') + integer(status, 4, options.order) + integer(0, 4),
             options);
}

struct Offer {
  unsigned id;
  SyntaxId interface;
  std::vector<SyntaxId> transfers;
};
inline std::string bind(std::uint32_t call_id, const std::vector<Offer>& offers,
                        const PduOptions& options = {}, bool alter = false) {
  auto order = options.order;
  auto syntax = [&](const SyntaxId& id) {
    return order == ByteOrder::kLittle ? syntax_bytes(id) : syntax_bytes_big(id);
  };
  std::string body = integer(4280, 2, order) + integer(4280, 2, order) + integer(0, 4, order);
  body += static_cast<char>(offers.size());
  body += std::string(3, '\0');
  for (const Offer& offer : offers) {
    body += integer(offer.id, 2, order);
    body += static_cast<char>(offer.transfers.size());
    body += '\0';
    body += syntax(offer.interface);
    for (const SyntaxId& transfer : offer.transfers) body += syntax(transfer);
  }
  return pdu(alter ? 14 : 11, call_id, body, options);
}
struct Result {
  unsigned result;
  unsigned reason;
  SyntaxId transfer;
};
inline std::string bind_ack(std::uint32_t call_id, const std::vector<Result>& results,
                            const PduOptions& options = {},
                            const std::string& address = "\\PIPE\\svcctl", bool alter = false) {
  auto order = options.order;
  std::string body = integer(4280, 2, order) + integer(4280, 2, order) + integer(0x1234, 4, order);
  std::string name = address.empty() ? address : address + '\0';
  body += integer(name.size(), 2, order) + name;
  body += std::string((4 - body.size() % 4) % 4, '\0');
  body += static_cast<char>(results.size());
  body += std::string(3, '\0');
  for (const Result& result : results) {
    body += integer(result.result, 2, order) + integer(result.reason, 2, order);
    body += order == ByteOrder::kLittle ? syntax_bytes(result.transfer)
                                        : syntax_bytes_big(result.transfer);
  }
  return pdu(alter ? 15 : 12, call_id, body, options);
}
inline std::string bind_nak(std::uint32_t call_id, unsigned reason) {
  return pdu(13, call_id, integer(reason, 2) + std::string("\1\5\0", 3) + std::string(3, '\0'));
}

/// A Call that outlives the callback.
struct SeenCall : Call {
  std::string request_stub, response_stub, address;
  std::optional<Identity> who;
  explicit SeenCall(const Call& call)
      : Call(call),
        request_stub(as_text(call.request.stub)),
        response_stub(as_text(call.response.stub)),
        address(call.secondary_address) {
    request.stub = response.stub = {};
    if (call.identity) who = *call.identity;
    identity = nullptr;
    secondary_address = {};
  }
  /// Everything that must not depend on how the stream was cut.
  std::string summary() const {
    auto half = [](const CallHalf& h, const std::string& stub) {
      std::string out = h.present ? (h.complete ? "complete" : "partial") : "absent";
      if (h.sealed) out += " sealed";
      out += " " + std::to_string(h.stub_size) + "/" + std::to_string(h.fragments) + " ";
      append_hex(out, as_bytes(stub));
      return out;
    };
    return std::to_string(call_id) + " ctx " + std::to_string(context_id) + " op " +
           std::to_string(opnum) + " " + (interface ? interface->uuid.to_string() : "-") + " " +
           transfer_syntax.uuid.to_string() + " outcome " +
           std::to_string(static_cast<int>(outcome)) + " status " + std::to_string(fault_status) +
           " [" + half(request, request_stub) + "] [" + half(response, response_stub) + "]" +
           (inferred.empty() ? "" : " " + inferred);
  }
};

struct SeenBind : Bind {
  std::vector<Context> list;
  explicit SeenBind(const Bind& bind)
      : Bind(bind), list(bind.contexts.begin(), bind.contexts.end()) {
    contexts = {};
    secondary_address = {};
  }
};

/// A connection under test. c() is what the client sends, s() the server.
class Wire {
 public:
  explicit Wire(DceTransport transport = {}, const DceLimits& limits = {})
      : connection_(make_dce_connection(
            std::move(transport), limits, [this](const Call& call) { calls.emplace_back(call); },
            statistics, [this](const Bind& bind) { binds.emplace_back(bind); })) {}

  Wire& c(const std::string& bytes) { return send(Direction::kForward, bytes); }
  Wire& s(const std::string& bytes) { return send(Direction::kBackward, bytes); }
  Wire& send(Direction direction, const std::string& bytes) {
    // A copy of exactly this size, so that a sanitizer sees a step outside.
    std::vector<char> copy(bytes.begin(), bytes.end());
    connection_->on_data(direction, ++time, as_bytes(std::string_view(copy.data(), copy.size())));
    return *this;
  }
  Wire& gap(Direction direction, std::uint64_t missing) {
    connection_->on_gap(direction, ++time, missing);
    return *this;
  }
  Wire& end() {
    connection_->on_end(++time);
    return *this;
  }
  /// The usual start: one context 0, svcctl over NDR20, accepted.
  Wire& bound(const SyntaxId& interface = kSvcctl, unsigned context = 0) {
    return c(bind(1, {{context, interface, {kNdr20}}})).s(bind_ack(1, {{0, 0, kNdr20}}));
  }
  std::size_t memory() const { return connection_->memory(); }

  DceStatistics statistics;
  std::vector<SeenCall> calls;
  std::vector<SeenBind> binds;
  Timestamp time = 0;

 private:
  std::unique_ptr<StreamConsumer> connection_;
};

}  // namespace rpcmarshal::testing
