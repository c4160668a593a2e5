// The presentation contexts of one connection: what each p_cont_id means, as binds and
// alter_contexts define it and their answers settle it ([C706] 12.6.3.1, [MS-RPCE] 3.3.1.5.3).
#pragma once

#include <unordered_map>
#include <vector>

#include "dcerpc/call.h"
#include "dcerpc/pdu.h"

namespace rpcmarshal {

struct PresentationContext {
  enum class State : std::uint8_t {
    kUnknown,  ///< only the answer was seen: the transfer syntax is known, the interface is not
    kOffered,  ///< not answered (yet)
    kAccepted,
    kRejected
  } state = State::kUnknown;
  SyntaxId interface;
  SyntaxId transfer;         ///< nil when several were offered and the answer was not seen
  std::uint32_t reason = 0;  ///< of the rejection
};

class ContextTable {
 public:
  explicit ContextTable(std::uint64_t connection) : connection_(connection) {}

  /// A bind or alter_context from the side that sends `direction`.
  void offer(Direction direction, const PduHeader& header, Timestamp time, const BindBody& body,
             DceStatistics& statistics, const BindHandler& binds);
  /// Its answer, which travels against it.
  void answer(Direction direction, const PduHeader& header, const BindAckBody& body,
              const BindHandler& binds);
  /// A bind_nak or a fault in its stead. False when no offer with this call id waits.
  bool refuse(Direction direction, const PduHeader& header, Bind::Answer how, std::uint32_t reason,
              const BindHandler& binds);
  /// The connection ended: hands over the binds that were never answered.
  void end(const BindHandler& binds);

  /// The context with this id, or nullptr. The pointer lives until the next offer() or answer().
  const PresentationContext* find(std::uint16_t id) const;

  const std::string& secondary_address() const { return secondary_address_; }
  std::uint32_t association() const { return association_; }
  std::size_t memory() const;

 private:
  struct Pending {
    std::uint32_t call_id = 0;
    Direction direction{};
    bool alter = false;
    Timestamp time = 0;
    std::vector<ContextOffer> offers;
  };
  /// Takes the newest offer with this call id out of pending_; false when there is none.
  bool take(Direction direction, std::uint32_t call_id, Pending& out);
  void report(const Pending& pending, Bind::Answer answer, std::uint32_t reason,
              const std::vector<ContextAnswer>& answers, const BindHandler& binds) const;
  void settle(const ContextOffer& offer, bool accepted, const SyntaxId& transfer,
              std::uint32_t reason);

  // Ids have 16 bits, and each costs the sender 44 bytes of bind: bounded by the protocol.
  std::unordered_map<std::uint16_t, PresentationContext> contexts_;
  std::vector<Pending> pending_;
  std::string secondary_address_;
  std::uint32_t association_ = 0;
  std::uint64_t connection_;
};

}  // namespace rpcmarshal
