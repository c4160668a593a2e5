#include "agent/hook/quick_fields.h"

#include <algorithm>
#include <cstring>

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

/// Little-endian UTF-16 of ASCII without NUL; four units at a time.
bool narrow(Bytes utf16, std::string& out) {
  out.resize(utf16.size() / 2);
  const std::byte* from = utf16.data();
  char* to = out.data();
  std::size_t left = out.size();
  for (; left >= 4; left -= 4, from += 8, to += 4) {
    auto units = load<std::uint64_t>(from, ByteOrder::kLittle);
    if (units & 0xFF80FF80FF80FF80) return false;
    if ((units - 0x0001000100010001) & 0x8000800080008000) return false;  // one of them is NUL
    units = (units | units >> 8) & 0x0000FFFF0000FFFF;
    const auto four = static_cast<std::uint32_t>(units | units >> 16);
    std::memcpy(to, &four, 4);
  }
  for (; left != 0; --left, from += 2) {
    const auto unit = load<std::uint16_t>(from, ByteOrder::kLittle);
    if (unit == 0 || unit >= 0x80) return false;
    *to++ = static_cast<char>(unit);
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
  alike_only_ = false;
  decoded_ = Decoded::kNotYet;
  const OperationId id{record.interface, record.opnum};
  operation_ = operations_.find(id);
  if (operation_) return;
  Operation found;
  found.interface = catalogue_.find(record.interface.uuid, record.interface.major);
  found.procedure = found.interface ? found.interface->find(record.opnum) : nullptr;
  if (found.procedure && found.procedure->name.empty()) found.procedure = nullptr;
  operation_ = &operations_.put(id, std::move(found));
}

const policy::Narrowed& QuickFields::rules(policy::Evaluator& evaluator) {
  if (!operation_->narrowed) {
    alike_only_ = true;
    operation_->rules = evaluator.narrow(*this);
    alike_only_ = false;
    operation_->narrowed = true;
  }
  return operation_->rules;
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
      return operation_->interface ? one(field, Value::of(operation_->interface->name))
                                   : policy::FieldValues{};
    case Field::kOperation:
      return operation_->procedure ? one(field, Value::of(operation_->procedure->name))
                                   : policy::FieldValues{};
    case Field::kOpnum:
      return one(field, Value::of(std::int64_t{record_->opnum}));
    default:
      return alike_only_ ? kUnknown : of_call(field);
  }
}

policy::FieldValues QuickFields::of_call(policy::FieldId field) {
  switch (fields_[field]) {
    case Field::kProtocol:
      return one(field, Value::of(protocol_sequence(record_->caller.protocol)));
    case Field::kClientAddress:
      // Not of every call does the runtime say where it is from.
      if (record_->caller.client.address == IpAddress{})
        return {{}, record_->caller.protocol != EventTransport::Protocol::kLocal};
      return text(field, record_->caller.client.address.to_string());
    case Field::kArgument: {
      if (!decode()) return kUnknown;
      const std::uint16_t place = request_->places[field];
      if (place == kNowhere) return {};
      Value value;
      return place != kManyPlaces && leaf(tape_.root().at(place), value, texts_[field])
                 ? one(field, value)
                 : kUnknown;
    }
    default:
      return kUnknown;
  }
}

bool QuickFields::decode() {
  if (decoded_ != Decoded::kNotYet) return decoded_ == Decoded::kYes;
  decoded_ = Decoded::kNo;
  const bool wide = record_->syntax.uuid == kNdr64Syntax;
  const std::uint32_t label = record_->data_representation;
  if (!operation_->interface || !record_->request.whole() ||
      (!wide && record_->syntax.uuid != kNdr20Syntax) ||
      (label & 0xFFFF) != 0x10)  // little-endian, ASCII, IEEE; others are rare
    return false;
  Request& request = wide ? operation_->wide : operation_->narrow;
  if (!request.program)
    request.program = codec_.program(*operation_->interface, record_->opnum, ndr::Half::kRequest,
                                     wide ? ndr::Syntax::kNdr64 : ndr::Syntax::kNdr20);
  if (!request.program ||
      !ndr::decode(*request.program, {.stub = record_->request.bytes()}, tape_).complete())
    return false;
  if (request.places.empty()) find_places(request);
  request_ = &request;
  decoded_ = Decoded::kYes;
  return true;
}

void QuickFields::find_places(Request& request) {
  std::vector<std::uint16_t> places(fields_.size(), kNowhere);
  const ndr::Value root = tape_.root();
  for (std::size_t field = 0; field < fields_.size(); ++field) {
    if (fields_[field] != Field::kArgument) continue;
    const std::string_view name = policy_.field_name(field).substr(kRequest.size());
    for (std::size_t i = 0; i < root.size(); ++i) {
      if (root.at(i).name() != name) continue;
      const bool one = places[field] == kNowhere && i < kManyPlaces;
      places[field] = one ? static_cast<std::uint16_t>(i) : kManyPlaces;
    }
  }
  request.places = std::move(places);
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
      if (shown.order != ByteOrder::kLittle || !narrow(shown.bytes, text)) return false;
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
  const Interface* const interface = operation_->interface;
  if (!interface || !operation_->procedure) return true;
  if (operation_->procedure->object || interface->document == "MS-DCOM") return true;
  const ndr::Program* program = codec_.program(
      *interface, record_->opnum, ndr::Half::kResponse,
      record_->syntax.uuid == kNdr64Syntax ? ndr::Syntax::kNdr64 : ndr::Syntax::kNdr20);
  return !program || std::ranges::any_of(program->nodes, [](const ndr::Node& node) {
    return node.kind == ndr::ValueKind::kHandle || node.kind == ndr::ValueKind::kInterface;
  });
}

}  // namespace rpcmarshal::agent
