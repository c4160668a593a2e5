// The fields of a call that cost little: what is called, by which way, from where, and the
// request's own arguments where they are text or numbers. Everything else is unknown here, so a
// decision that came out without being undecided is the one that the whole event would have led to
// (tests/agent_hook/quick_fields_test.cc compares them), and most calls are decided so: no rule of
// a usual policy speaks about their operation.
#pragma once

#include <string>
#include <vector>

#include "agent/hook/record.h"
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
  bool decode();
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
  SyntaxId interface_id_;                 ///< of interface_
  const Interface* interface_ = nullptr;  ///< null: not known
  const Procedure* procedure_ = nullptr;  ///< null: not known
  enum class Decoded : std::uint8_t { kNotYet, kYes, kNo } decoded_ = Decoded::kNotYet;
  std::vector<match::Value> values_;  ///< what lookup() gave out, by FieldId
  std::vector<std::string> texts_;    ///< what values_ refer to
};

}  // namespace rpcmarshal::agent
