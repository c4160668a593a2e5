#include "agent/hook/quick_fields.h"

#include <algorithm>

#include "base/unicode.h"
#include "event/event.h"

namespace rpcmarshal::agent {
namespace {

using match::Value;

constexpr policy::FieldValues kUnknown{{}, true};
constexpr std::string_view kRequest = "request.";

/// Of what a call tells by itself. What is not listed may depend on the calls before.
bool of_this_call(std::string_view field) {
  static constexpr std::string_view kOwn[] = {"interface.", "transport.", "client.", "server.",
                                              "user.",      "syntax.",    "decode."};
  if (field == "operation" || field == "opnum" || field == "sensor" || field == "unc_hosts" ||
      field == "ts")
    return true;
  // The name of a handle is what it was opened on.
  if (field.starts_with(kRequest)) return !field.ends_with(".name");
  return std::ranges::any_of(kOwn, [&](std::string_view own) { return field.starts_with(own); });
}

/// Text that is the same in every encoding; of the rest the event's writer knows best.
bool ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0; });
}

bool narrow(Bytes utf16, ByteOrder order, std::string& out) {
  out.resize(utf16.size() / 2);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto unit = load<std::uint16_t>(utf16.data() + i * 2, order);
    if (unit == 0 || unit >= 0x80) return false;
    out[i] = static_cast<char>(unit);
  }
  return true;
}

}  // namespace

QuickFields::QuickFields(const policy::Policy& policy, const Catalogue& catalogue)
    : policy_(policy), catalogue_(catalogue), codec_(catalogue) {
  values_.resize(policy.field_count());
  texts_.resize(policy.field_count());
  for (std::size_t i = 0; i < policy.field_count(); ++i) {
    const std::string_view name = policy.field_name(i);
    const bool argument =
        name.starts_with(kRequest) && name.find('.', kRequest.size()) == std::string_view::npos;
    fields_.push_back(name == "interface.uuid"       ? Field::kInterfaceUuid
                      : name == "interface.name"     ? Field::kInterfaceName
                      : name == "operation"          ? Field::kOperation
                      : name == "opnum"              ? Field::kOpnum
                      : name == "transport.protocol" ? Field::kProtocol
                      : name == "client.address"     ? Field::kClientAddress
                      : argument                     ? Field::kArgument
                                                     : Field::kOther);
    needs_history_ |= !of_this_call(name);
  }
}

void QuickFields::start(const CallRecord& record) {
  record_ = &record;
  if (record.interface != interface_id_) {
    interface_id_ = record.interface;
    interface_ = catalogue_.find(record.interface.uuid, record.interface.major);
  }
  procedure_ = interface_ ? interface_->find(record.opnum) : nullptr;
  if (procedure_ && procedure_->name.empty()) procedure_ = nullptr;
  decoded_ = Decoded::kNotYet;
}

policy::FieldValues QuickFields::one(policy::FieldId field, const Value& value) {
  values_[field] = value;
  return {{&values_[field], 1}, false};
}

policy::FieldValues QuickFields::text(policy::FieldId field, const std::string& text) {
  texts_[field] = text;
  return one(field, Value::of(texts_[field]));
}

policy::FieldValues QuickFields::lookup(policy::FieldId field) {
  switch (fields_[field]) {
    case Field::kInterfaceUuid:
      return text(field, record_->interface.uuid.to_string());
    case Field::kInterfaceName:
      return interface_ ? one(field, Value::of(interface_->name)) : policy::FieldValues{};
    case Field::kOperation:
      return procedure_ ? one(field, Value::of(procedure_->name)) : policy::FieldValues{};
    case Field::kOpnum:
      return one(field, Value::of(std::int64_t{record_->opnum}));
    case Field::kProtocol:
      return one(field, Value::of(protocol_sequence(record_->caller.protocol)));
    case Field::kClientAddress:
      if (record_->caller.client.address == IpAddress{}) return {};
      return text(field, record_->caller.client.address.to_string());
    case Field::kArgument: {
      if (!decode()) return kUnknown;
      const std::string_view name = policy_.field_name(field).substr(kRequest.size());
      ndr::Value found;
      std::size_t count = 0;
      for (const ndr::Value argument : tape_.root()) {
        if (argument.name() != name) continue;
        found = argument;
        ++count;
      }
      if (count == 0) return {};
      Value value;
      return count == 1 && leaf(found, value, texts_[field]) ? one(field, value) : kUnknown;
    }
    case Field::kOther:
      break;
  }
  return kUnknown;
}

bool QuickFields::decode() {
  if (decoded_ != Decoded::kNotYet) return decoded_ == Decoded::kYes;
  decoded_ = Decoded::kNo;
  const bool wide = record_->syntax.uuid == kNdr64Syntax;
  const std::uint32_t label = record_->data_representation;
  if (!interface_ || !record_->request.whole() || (!wide && record_->syntax.uuid != kNdr20Syntax) ||
      (label & 0xFFFF) != 0x10)  // little-endian, ASCII, IEEE; others are rare
    return false;
  const ndr::Program* program = codec_.program(*interface_, record_->opnum, ndr::Half::kRequest,
                                               wide ? ndr::Syntax::kNdr64 : ndr::Syntax::kNdr20);
  if (!program || !ndr::decode(*program, {.stub = record_->request.bytes()}, tape_).complete())
    return false;
  decoded_ = Decoded::kYes;
  return true;
}

bool QuickFields::leaf(const ndr::Value& argument, Value& value, std::string& text) {
  switch (argument.kind()) {
    case ndr::ValueKind::kNull:
    case ndr::ValueKind::kBool:
    case ndr::ValueKind::kInt:
    case ndr::ValueKind::kUInt:
    case ndr::ValueKind::kText:
      break;
    default:
      return false;
  }
  if (presenter_.withheld(argument)) return false;
  const Presented shown = presenter_.present(argument, tape_.root(), ndr::Value());
  switch (shown.form) {
    case Presented::Form::kNull:
      value = Value::null();
      return true;
    case Presented::Form::kBool:
      value = Value::of_bool(shown.number != 0);
      return true;
    case Presented::Form::kUnsigned:
      if (shown.number < 0) return false;  // more than fits
      [[fallthrough]];
    case Presented::Form::kSigned:
      value = Value::of(shown.number);
      return true;
    case Presented::Form::kUtf16:
      if (!narrow(shown.bytes, shown.order, text)) return false;
      value = Value::of(text);
      return true;
    case Presented::Form::kText:
    case Presented::Form::kSymbol:
    case Presented::Form::kNotation:
      if (!ascii(shown.text)) return false;
      text = shown.text;
      value = Value::of(text);
      return true;
    default:
      return false;
  }
}

bool QuickFields::makes_history() {
  if (!interface_ || !procedure_) return true;
  if (procedure_->object || interface_->document == "MS-DCOM") return true;
  const ndr::Program* program = codec_.program(
      *interface_, record_->opnum, ndr::Half::kResponse,
      record_->syntax.uuid == kNdr64Syntax ? ndr::Syntax::kNdr64 : ndr::Syntax::kNdr20);
  return !program || std::ranges::any_of(program->nodes, [](const ndr::Node& node) {
    return node.kind == ndr::ValueKind::kHandle || node.kind == ndr::ValueKind::kInterface;
  });
}

}  // namespace rpcmarshal::agent
