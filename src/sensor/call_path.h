// From calls to events: what the calls of all connections go through, and what is learned from them
// together. Connections and pipes are given handlers; datagrams come here themselves.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>

#include "dcerpc/answer_clock.h"
#include "dcerpc/call.h"
#include "dcerpc/datagrams.h"
#include "event/builder.h"
#include "event/context.h"
#include "event/event.h"
#include "security/kerberos.h"
#include "security/kerberos_session.h"
#include "security/ticket_names.h"
#include "sensor/endpoint_memory.h"
#include "sensor/interface_guess.h"
#include "sensor/netlogon_channels.h"

namespace rpcmarshal {

struct CallPathStatistics {
  std::uint64_t calls = 0;
  std::uint64_t dce_datagrams = 0;  ///< PDUs of connectionless RPC
  std::uint64_t refused_binds = 0;  ///< interfaces that a server refused in a bind
  std::uint64_t inferred = 0;       ///< calls whose interface was inferred
};

class CallPath {
 public:
  struct Limits {
    DceLimits connections;
    DceLimits datagrams;
    std::shared_ptr<TicketNames> tickets;    ///< null: its own
    std::shared_ptr<const Secrets> secrets;  ///< null: none
  };
  /// `catalogue`, `dce`, `numbers` and `ids` outlive it. `numbers` counts Event::connection, `ids`
  /// (when not null) Event::id.
  CallPath(const Catalogue& catalogue, const Limits& limits, EventHandler handler,
           DceStatistics& dce, std::atomic<std::uint64_t>& numbers,
           std::atomic<std::uint64_t>* ids = nullptr);
  CallPath(const CallPath&) = delete;
  CallPath& operator=(const CallPath&) = delete;

  /// A parser for the DCE/RPC byte streams of one TCP connection or pipe.
  std::unique_ptr<StreamConsumer> connection(std::shared_ptr<const CallContext> context);
  void datagram(const Endpoint& source, const Endpoint& destination, Timestamp time, Bytes data);
  /// Time passes: gives up calls that waited too long for an answer.
  void advance(Timestamp now);
  /// The capture ended.
  void finish();
  const CallPathStatistics& statistics() const { return statistics_; }
  /// A Kerberos message between a client and a KDC; `talk` is kept by the caller from message to
  /// message.
  void kerberos_message(Bytes message, KdcTalk& talk) {
    tickets_->learn(message, talk.shown);
    if (limits_.secrets) learn_kdc_keys(*limits_.secrets, message, talk);
  }
  std::uint64_t guesses_skipped() const { return guess_.skipped(); }

 private:
  void emit(const Call& call, const CallContext& context);
  void bound(const Bind& bind, const CallContext& context);
  void learn(const Event& event);
  void kerberos(const Endpoint& source, const Endpoint& destination, Bytes data);

  static constexpr std::size_t kMaxAsked = 4096;

  Limits limits_;
  EventHandler handler_;
  DceStatistics& dce_;
  std::atomic<std::uint64_t>& numbers_;
  std::shared_ptr<TicketNames> tickets_;
  std::map<Endpoint, KdcTalk> asked_;  ///< over UDP
  EventBuilder builder_;
  EndpointMemory endpoints_;
  NetlogonChannels netlogon_;
  InterfaceGuess guess_;
  ndr::Walker walker_;
  AnswerClock clock_;
  std::unique_ptr<DceDatagrams> datagrams_;
  CallPathStatistics statistics_;
};

}  // namespace rpcmarshal
