#include "sigma/field_texts.h"

#include <algorithm>

namespace rpcmarshal::sigma {

void FieldTexts::add(FieldId field, std::string_view text) {
  if (full(field)) return;
  all_.push_back(
      {field, static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(text.size())});
  text_ += text;
}

void FieldTexts::add(FieldId field, const EventValue& value) {
  if (value.kind == EventValue::Kind::kText) return add(field, value.text);
  if (value.kind == EventValue::Kind::kNull || value.kind == EventValue::Kind::kObject) return;
  if (full(field)) return;
  const std::size_t at = text_.size();
  append_text(text_, value);
  all_.push_back(
      {field, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(text_.size() - at)});
}

void FieldTexts::take(const EventFields& event, std::span<const FieldId> fields) {
  if (fields.empty()) return;
  for (const EventFields::Link& link : event.links()) {
    if (std::ranges::find(fields, link.field) != fields.end())
      add(link.field, event.values()[link.value]);
  }
}

bool FieldTexts::full(FieldId field) const {
  if (all_.size() < kMost) return false;
  return static_cast<std::size_t>(std::ranges::count(all_, field, &One::field)) >= kMost;
}

void FieldTexts::of(FieldId field, std::vector<std::string_view>& out) const {
  for (const One& one : all_) {
    if (one.field == field) out.push_back(std::string_view(text_).substr(one.at, one.size));
  }
}

}  // namespace rpcmarshal::sigma
