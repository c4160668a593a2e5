#include "sigma/residue.h"

#include <algorithm>
#include <utility>

namespace rpcmarshal::sigma {
namespace {

using Kind = Expressions::Op::Kind;
using Truth = PartialEvent::Truth;

// As deep as the parser lets conditions and lists nest, all of it.
class Builder {
 public:
  Builder(const Program& program, PartialEvent& event, Residue& out)
      : program_(program), event_(event), out_(out) {}

  /// Not of what is false. Of what is true and decided, `matched` instead of an expression.
  static constexpr std::uint32_t kDecided = 0xFFFFFFFF;
  std::uint32_t build(std::uint32_t op, std::vector<MatchedField>& matched) {
    const Expressions::Op& o = program_.ops[op];
    const Truth truth = event_.truth(op);
    if (truth == Truth::kTrue && decided(op)) {
      explain(op, matched);
      return kDecided;
    }
    if (o.kind == Kind::kPredicate) return add({Kind::kPredicate, o.first, 0});
    std::vector<std::uint32_t> parts;
    for (std::uint32_t i = 0; i < o.count; ++i) {
      const std::uint32_t child = program_.children[o.first + i];
      if (event_.truth(child) == Truth::kFalse) continue;  // of an Or
      std::vector<MatchedField> shown;
      const std::uint32_t part = build(child, shown);
      if (part != kDecided) {
        parts.push_back(part);
      } else if (o.kind == Kind::kOr || !shown.empty()) {
        parts.push_back(add({Kind::kTrue, static_cast<std::uint32_t>(out_.known.size()), 0}));
        out_.known.push_back(std::move(shown));
      }
    }
    if (parts.size() == 1 && o.kind != Kind::kNot) return parts[0];
    const auto first = static_cast<std::uint32_t>(out_.children.size());
    out_.children.insert(out_.children.end(), parts.begin(), parts.end());
    return add({o.kind, first, static_cast<std::uint32_t>(parts.size())});
  }

 private:
  std::uint32_t add(const Expressions::Op& op) {
    out_.ops.push_back(op);
    return static_cast<std::uint32_t>(out_.ops.size() - 1);
  }

  /// Of what is true: neither whether it holds nor what it shows depends on anything unknown.
  bool decided(std::uint32_t op) {
    const Expressions::Op& o = program_.ops[op];
    if (o.kind == Kind::kPredicate || o.kind == Kind::kNot) return true;
    for (std::uint32_t i = 0; i < o.count; ++i) {
      const std::uint32_t child = program_.children[o.first + i];
      const Truth truth = event_.truth(child);
      if (truth == Truth::kMaybe || (truth == Truth::kTrue && !decided(child))) return false;
    }
    return true;
  }

  void explain(std::uint32_t op, std::vector<MatchedField>& matched) {
    const Expressions::Op& o = program_.ops[op];
    if (o.kind == Kind::kNot) return;
    if (o.kind == Kind::kPredicate) {
      const auto& [found, value] = event_.matched(o.first);
      if (found)
        add_matched(matched, program_.fields.name(program_.predicates[o.first].field), value);
      return;
    }
    for (std::uint32_t i = 0; i < o.count; ++i) {
      const std::uint32_t child = program_.children[o.first + i];
      if (event_.truth(child) == Truth::kTrue) explain(child, matched);
    }
  }

  const Program& program_;
  PartialEvent& event_;
  Residue& out_;
};

}  // namespace

void Residue::add(const Program& program, PartialEvent& event, std::uint32_t rule) {
  const std::uint32_t root = program.rules[rule].root;
  if (event.truth(root) == Truth::kFalse) return;
  std::vector<MatchedField> matched;
  const std::uint32_t left = Builder(program, event, *this).build(root, matched);
  if (left == Builder::kDecided) {
    certain.push_back({rule, std::move(matched)});
  } else {
    rules.push_back(rule);
    roots.push_back(left);
  }
}

std::vector<std::uint32_t> Residue::key() const {
  std::vector<std::uint32_t> out{static_cast<std::uint32_t>(rules.size())};
  out.insert(out.end(), rules.begin(), rules.end());
  out.insert(out.end(), roots.begin(), roots.end());
  out.insert(out.end(), children.begin(), children.end());
  for (const Op& op : ops) {
    out.push_back(static_cast<std::uint32_t>(op.kind));
    out.push_back(op.first);
    out.push_back(op.count);
  }
  return out;
}

void add_matched(std::vector<MatchedField>& out, std::string_view field, std::string_view value) {
  for (const MatchedField& m : out) {
    if (m.field == field && m.value == value) return;
  }
  out.push_back({field, std::string(value)});
}

}  // namespace rpcmarshal::sigma
