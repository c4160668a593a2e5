#include "sigma/field_texts.h"

#include <algorithm>

namespace rpcmarshal::sigma {

void FieldTexts::add_copy(FieldId field, std::string_view text) {
  if (full(field)) return;
  all_.push_back({field, static_cast<std::uint32_t>(text.size()), nullptr, text_.size()});
  text_ += text;
}

void FieldTexts::add(FieldId field, const EventValue& value) {
  if (value.kind == EventValue::Kind::kNull || value.kind == EventValue::Kind::kObject) return;
  if (full(field)) return;
  if (value.kind == EventValue::Kind::kText && value.text.data() != nullptr) {
    const auto size = static_cast<std::uint32_t>(value.text.size());
    all_.push_back({field, size, value.text.data(), 0});
    return;
  }
  const std::size_t at = text_.size();
  append_text(text_, value);
  all_.push_back({field, static_cast<std::uint32_t>(text_.size() - at), nullptr, at});
}

void FieldTexts::keep() {
  for (One& one : all_) {
    if (one.text == nullptr) continue;
    one.at = text_.size();
    text_.append(one.text, one.size);
    one.text = nullptr;
  }
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
    if (one.field == field) out.push_back(text_of(one));
  }
}

}  // namespace rpcmarshal::sigma
