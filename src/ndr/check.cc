#include "ndr/check.h"

#include "ndr/tape.h"

namespace rpcmarshal::ndr {
namespace {

std::optional<std::int64_t> number(const Value& value) {
  switch (value.kind()) {
    case ValueKind::kBool:
    case ValueKind::kInt:
    case ValueKind::kUInt:
      return value.as_int();
    // A null pointer in `p ? *p : 0`.
    case ValueKind::kNull:
      return 0;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::int64_t> CountChecker::lookup(const Node& array, std::uint32_t slot,
                                                 std::string_view name) const {
  const std::uint32_t first_slot = slot - array.index;
  for (std::uint32_t i = 0; i < array.scope_count; ++i) {
    if (program_.nodes[array.scope + i].name == name) return number(tape_.value_at(first_slot + i));
  }
  if (array.scope == program_.first && request_ && program_.half == Half::kResponse) {
    const Value value = request_->root().find(name);
    if (!value.is_missing()) return number(value);
  }
  return std::nullopt;
}

void CountChecker::run(std::vector<Mismatch>& kept, std::uint32_t& count) const {
  for (const Tape::Scratch::Check& check : tape_.scratch_->checks) {
    const Node& n = program_.nodes[check.node];
    if (tape_.entries_[check.slot].kind == ValueKind::kMissing) continue;
    const auto compare = [&](const Expression& expression, std::uint64_t wire,
                             Mismatch::What what) {
      if (expression.empty()) return;
      const auto declared =
          expression.evaluate([&](std::string_view name) { return lookup(n, check.slot, name); });
      if (declared && static_cast<std::uint64_t>(*declared) != wire) {
        note_mismatch(kept, count, {what, check.slot, *declared, wire});
      }
    };
    const Dimension& d = n.array->dimensions.front();
    if (d.conformant) compare(d.size_is, check.maximum, Mismatch::What::kSizeIs);
    if (d.varying) compare(d.length_is, check.actual, Mismatch::What::kLengthIs);
    const Range* range = n.array->range              ? &*n.array->range
                         : n.field && n.field->range ? &*n.field->range
                                                     : nullptr;
    if (!range) continue;
    const std::uint64_t wire = n.conformant ? check.maximum : check.actual;
    const bool below = range->low > 0 && wire < static_cast<std::uint64_t>(range->low);
    const bool above = range->high >= 0 && wire > static_cast<std::uint64_t>(range->high);
    if (below || above) {
      note_mismatch(kept, count,
                    {Mismatch::What::kRange, check.slot, below ? range->low : range->high, wire});
    }
  }
}

}  // namespace rpcmarshal::ndr
