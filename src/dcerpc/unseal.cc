#include "dcerpc/unseal.h"

#include <array>

namespace rpcmarshal {
namespace {

/// The context's protection, ready for this message; null without a key.
SecurityContext* ready(AuthContext& context, bool from_client, std::uint32_t losses) {
  const AuthExchange& exchange = *context.exchange;
  if (exchange.key_status().code != KeyStatus::Code::kReady) {
    context.missed[from_client] = true;
    return nullptr;
  }
  if (!context.security || context.key_generation != exchange.key_generation()) {
    context.security = exchange.make_security_context();
    context.key_generation = exchange.key_generation();
    if (!context.security) return nullptr;
    for (const bool client : {false, true}) {
      if (context.missed[client]) context.security->lost(client);
      context.missed[client] = false;
    }
    context.losses[from_client] = losses;
  }
  if (context.losses[from_client] != losses) {
    context.losses[from_client] = losses;
    context.security->lost(from_client);
  }
  return context.security.get();
}

}  // namespace

Protection unseal(AuthContext* context, bool from_client, std::uint32_t losses,
                  const PduHeader& header, Bytes pdu, std::size_t body_at, PduParts& parts,
                  DceStatistics& statistics) {
  Protection out;
  if (!context) {
    ++statistics.no_key[static_cast<std::size_t>(KeyStatus::Code::kMidStream)];
    out.reason = "the bind was not seen";
    return out;
  }
  SecurityContext* security = ready(*context, from_client, losses);
  if (!security) {
    ++statistics.no_key[static_cast<std::size_t>(context->exchange->key_status().code)];
    return out;
  }
  // frag_length has 16 bits. One buffer a thread: no PDU is opened while another is in use.
  thread_local std::array<std::byte, 65536> buffer;
  const std::size_t token_size = parts.auth->token.size();
  ProtectedPdu message;
  message.pdu = std::span(buffer).first(pdu.size());
  std::copy(pdu.begin(), pdu.end(), message.pdu.begin());
  message.verifier_at = header.length - token_size - 8;  // checked by read_pdu_header
  message.body_at = body_at;                             // and by split_pdu
  message.sealed = parts.auth->level == AuthLevel::kPrivacy;
  switch (security->open(from_client, message)) {
    case OpenResult::kGood:
      ++statistics.unsealed;
      out.signature = CallHalf::Signature::kGood;
      out.opened = message.sealed;
      if (out.opened) parts = split_pdu(header, message.pdu, body_at);
      return out;
    case OpenResult::kBadSignature:
      ++statistics.bad_signatures;
      out.signature = CallHalf::Signature::kBad;
      out.reason = "the signature is wrong";
      return out;
    case OpenResult::kMalformed:
      ++statistics.bad_signatures;
      out.signature = CallHalf::Signature::kBad;
      out.reason = "the signature is malformed";
      return out;
    case OpenResult::kLost:
      ++statistics.lost_streams;
      out.reason = "earlier messages are missing from the capture, and with them the key stream";
      return out;
    case OpenResult::kNoSubkey:
      ++statistics.no_key[static_cast<std::size_t>(KeyStatus::Code::kMidStream)];
      out.reason = "the server's part of the authentication (AP-REP) was not seen";
      return out;
    case OpenResult::kUnsupported:
      ++statistics.no_key[static_cast<std::size_t>(KeyStatus::Code::kUnsupported)];
      out.reason = "sealed in a way that cannot be opened";
      return out;
  }
  return out;
}

}  // namespace rpcmarshal
