// The fields of a call that cost little: what is called, by which way, from where, and the
// request's own arguments where they are text or numbers. Everything else is unknown here, so a
// decision that came out without being undecided is the one that the whole event would have led to
// (tests/agent_hook/quick_fields_test.cc compares them), and most calls are decided so: no rule of
// a usual policy speaks about their operation.
#pragma once

#include <string>
#include <vector>

#include "agent/hook/record.h"
#include "base/recent_map.h"
#include "event/present.h"
#include "interface/model.h"
#include "ndr/decode.h"
#include "policy/evaluator.h"

namespace rpcmarshal::agent {

class QuickFields final : public policy::FieldSource {
 public:
  /// Both outlive it.
  QuickFields(const policy::Policy& policy, const Catalogue& catalogue);

  /// A call that is to be decided; the record must stay.
  void start(const CallRecord& record);
  policy::FieldValues lookup(policy::FieldId field) override;
  /// What is left of the policy for calls of the started one's operation; until the next start().
  const policy::Narrowed& rules(policy::Evaluator& evaluator);

  /// Whether the policy asks for what only earlier calls tell: what handles and objects were opened
  /// on.
  bool needs_history() const { return needs_history_; }
  /// Whether the answer to the started call may say such a thing.
  bool makes_history();

 private:
  enum class Field : std::uint8_t {
    kOther,
    kInterfaceUuid,
    kInterfaceName,
    kOperation,
    kOpnum,
    kProtocol,
    kClientAddress,
    kArgument
  };
  /// A request's arguments in one transfer syntax.
  struct Request {
    const ndr::Program* program = nullptr;  ///< null: not asked yet, or there is none
    std::vector<std::uint16_t> places;      ///< of the argument a field names, by FieldId
  };
  static constexpr std::uint16_t kNowhere = 0xFFFF, kManyPlaces = 0xFFFE;
  /// What calls of one operation have in common. Servers have a few hundred at most, and one that
  /// is forgotten is found again.
  struct Operation {
    const Interface* interface = nullptr;  ///< null: not known
    const Procedure* procedure = nullptr;  ///< null: not known
    Request narrow, wide;
    policy::Narrowed rules;
    bool narrowed = false;
  };
  struct OperationId {
    SyntaxId interface;
    std::uint16_t opnum;
    bool operator==(const OperationId&) const = default;
  };
  struct OperationHash {
    std::size_t operator()(const OperationId& id) const {
      return std::hash<Guid>()(id.interface.uuid) * 31 + id.interface.major * 4096u + id.opnum;
    }
  };
  static constexpr std::size_t kMaxOperationsKept = 2048;

  policy::FieldValues of_call(policy::FieldId field);
  bool decode();
  void find_places(Request& request);
  /// False: only the event's writer knows how it is shown.
  bool leaf(const ndr::Value& argument, match::Value& value, std::string& text);
  policy::FieldValues one(policy::FieldId field, const match::Value& value);
  policy::FieldValues text(policy::FieldId field, const std::string& text);

  const policy::Policy& policy_;
  const Catalogue& catalogue_;
  ndr::Codec codec_;
  ndr::Tape tape_;
  Presenter presenter_;
  std::vector<Field> fields_;  ///< by FieldId
  bool needs_history_ = false;

  const CallRecord* record_ = nullptr;
  RecentMap<OperationId, Operation, OperationHash> operations_{kMaxOperationsKept};
  Operation* operation_ = nullptr;  ///< of the started call
  bool alike_only_ = false;         ///< say only what all calls of the operation have in common
  enum class Decoded : std::uint8_t { kNotYet, kYes, kNo } decoded_ = Decoded::kNotYet;
  const Request* request_ = nullptr;  ///< whose arguments the tape holds
  std::vector<match::Value> values_;  ///< what lookup() gave out, by FieldId
  std::vector<std::string> texts_;    ///< what values_ refer to
};

}  // namespace rpcmarshal::agent
