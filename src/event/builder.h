// Turns a call from the wire into an Event: finds the definition, decodes both stubs, names the
// handles, lifts out UNC hosts, and works out who the user is.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "blobs/reader.h"
#include "dcerpc/call.h"
#include "event/context.h"
#include "event/event.h"
#include "event/handles.h"
#include "ndr/decode.h"
#include "security/ticket_names.h"

namespace rpcmarshal {

class EventBuilder {
 public:
  /// `catalogue` outlives the builder and does not change.
  /// `ids` counts the events of several builders together; without it each counts its own.
  explicit EventBuilder(const Catalogue& catalogue, std::atomic<std::uint64_t>* ids = nullptr)
      : catalogue_(catalogue), ids_(ids), codec_(catalogue), objects_(catalogue, codec_) {}
  /// Where the clients of Kerberos tickets are found; outlives the builder.
  void set_tickets(const TicketNames* tickets) { tickets_ = tickets; }

  /// The event of `call`. It refers to `call`, `context` and the builder: it lives until the next
  /// build() or until the caller's call ends, whichever is first.
  const Event& build(const Call& call, const CallContext& context);
  /// The interface of a call on an object that an earlier answer gave out; nil otherwise.
  Guid object_interface(const Call& call, const CallContext& context);
  /// The event of an interface, one of `bind.contexts`, that the server refused.
  const Event& refused(const Bind& bind, const Bind::Context& offer, const CallContext& context);

 private:
  void name_user(const SmbSession* session);
  void describe(const Call& call, const CallContext& context);
  /// How badly arguments read: the less, the better.
  struct Misfit {
    int stopped = 0;
    std::uint64_t mismatches = 0, trailing = 0;
    auto operator<=>(const Misfit&) const = default;
    void add(const EventHalf& half);
  };
  void decode_halves(const Call& call);
  Misfit decode_halves(const Call& call, ndr::Syntax syntax);
  void decode_half(const CallHalf& from, ndr::Half half, ndr::Syntax syntax, ndr::Tape& tape,
                   const ndr::Tape* request, EventHalf& to);
  /// A program for the return value alone, and whether there is more in the response.
  struct ResultProgram {
    Procedure procedure;
    std::unique_ptr<ndr::Program> program;
    bool alone = true;
  };
  const ResultProgram& result_program(ndr::Syntax syntax);
  void decode_result(const CallHalf& from, ndr::Syntax syntax, EventHalf& to);
  void note_handles();
  void note_objects();
  std::string expand_label(std::string_view pattern) const;
  void note_values(const EventHalf& half, const EventHalf& other);
  void forget_own_hosts();
  const Interface* definition(const SyntaxId& id);

  const Catalogue& catalogue_;
  std::atomic<std::uint64_t>* ids_;
  ndr::Codec codec_;
  blobs::Reader blobs_{catalogue_};
  const TicketNames* tickets_ = nullptr;
  Identity user_;  ///< Event::user where more is known than the exchange itself told
  ndr::Tape request_tape_, response_tape_;
  ndr::Walker walker_;
  HandleTable handles_;
  dcom::ObjectTracker objects_;
  std::unordered_map<Guid, std::pair<std::uint16_t, const Interface*>>
      recent_;  ///< catalogue look-ups
  std::map<std::pair<const Procedure*, ndr::Syntax>, ResultProgram> result_programs_;
  Event event_;
  std::string scratch_;
  std::uint64_t count_ = 0;
};

}  // namespace rpcmarshal
