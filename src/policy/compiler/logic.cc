#include "policy/compiler/logic.h"

#include <algorithm>
#include <cstring>

#include "base/unicode.h"
#include "match/address.h"

namespace rpcmarshal::policy {
namespace {

using match::PartKind;
using sigma::Node;
using sigma::Value;

constexpr std::size_t kMaxConjuncts = 64, kMaxLiterals = 64;

using Alternatives = std::vector<Conjunct>;

/// The node, or its negation, as alternatives. The condition's parser bounds the nesting.
bool expand(const sigma::Detection& d, std::uint32_t index, bool negate, Alternatives& out) {
  const Node& n = d.nodes[index];
  if (n.kind == Node::Kind::kItem) {
    const sigma::Item& item = d.items[n.item];
    out = {{Literal{&item, negate != item.negated}}};
    return true;
  }
  if (n.kind == Node::Kind::kNot) return expand(d, n.children.at(0), !negate, out);
  const bool conjunction = (n.kind == Node::Kind::kAnd) != negate;
  out.clear();
  if (conjunction) out.emplace_back();
  for (const std::uint32_t child : n.children) {
    Alternatives part;
    if (!expand(d, child, negate, part)) return false;
    if (!conjunction) {
      out.insert(out.end(), part.begin(), part.end());
    } else {
      Alternatives product;
      for (const Conjunct& a : out) {
        for (const Conjunct& b : part) {
          if (product.size() >= kMaxConjuncts || a.size() + b.size() > kMaxLiterals) return false;
          product.push_back(a);
          product.back().insert(product.back().end(), b.begin(), b.end());
        }
      }
      out = std::move(product);
    }
    if (out.size() > kMaxConjuncts) return false;
  }
  return true;
}

bool is_text(const Value& v) {
  return v.kind == Value::Kind::kString || (v.kind == Value::Kind::kNumber && v.integral) ||
         v.kind == Value::Kind::kBool;
}

sigma::Pattern pattern_of(const Value& v) {
  if (v.kind == Value::Kind::kString) return v.pattern;
  if (v.kind == Value::Kind::kBool) return sigma::Pattern::literal(v.flag ? "true" : "false");
  return sigma::Pattern::literal(std::to_string(v.integer));
}

/// Whether `a`, any number of characters at its stars, always matches `b`.
bool pattern_implies(const sigma::Pattern& a, const sigma::Pattern& b, bool fold) {
  std::string text;
  for (const sigma::PatternPart& part : a.parts())
    text += part.kind == PartKind::kText ? part.text : std::string("\x01");
  std::vector<sigma::PatternPart> parts = b.parts();
  for (sigma::PatternPart& part : parts) {
    // '?' would match the mark that stands for any number of characters.
    if (part.kind == PartKind::kOne && a.has_wildcards()) return false;
    if (part.text.find('\x01') != std::string::npos) return false;
    if (fold) part.text = to_lower(part.text);
  }
  return match::wildcard_match(parts, fold ? to_lower(text) : text);
}

bool inside(const Value& a, const Value& b) {
  if (a.network.size() != b.network.size() || a.prefix < b.prefix) return false;
  for (unsigned bit = 0; bit < b.prefix; ++bit) {
    const unsigned shift = 7 - bit % 8;
    if ((a.network[bit / 8] >> shift & 1) != (b.network[bit / 8] >> shift & 1)) return false;
  }
  return true;
}

}  // namespace

std::vector<const Value*> flat(const sigma::Item& item) {
  std::vector<const Value*> out;
  for (const Value& value : item.values) {
    if (value.kind == Value::Kind::kAnyOf) {
      for (const Value& one : value.alternatives) out.push_back(&one);
    } else {
      out.push_back(&value);
    }
  }
  return out;
}

std::optional<std::vector<Conjunct>> conjuncts(const sigma::Detection& detection) {
  Alternatives out;
  for (const sigma::Condition& condition : detection.conditions) {
    Alternatives part;
    if (!expand(detection, condition.node, false, part)) return std::nullopt;
    out.insert(out.end(), part.begin(), part.end());
    if (out.size() > kMaxConjuncts) return std::nullopt;
  }
  return out;
}

bool single_valued(std::string_view field) {
  static constexpr std::string_view kSingle[] = {"interface.uuid",
                                                 "interface.name",
                                                 "interface.version",
                                                 "interface.document",
                                                 "opnum",
                                                 "operation",
                                                 "object",
                                                 "transport.protocol",
                                                 "transport.pipe",
                                                 "transport.tree",
                                                 "client.address",
                                                 "client.port",
                                                 "client.host",
                                                 "server.address",
                                                 "server.port",
                                                 "server.host",
                                                 "user.domain",
                                                 "user.name",
                                                 "user.sid",
                                                 "user.authentication",
                                                 "user.level",
                                                 "user.mechanism",
                                                 "sensor",
                                                 "client.process",
                                                 "client.pid",
                                                 "server.process",
                                                 "wmi.namespace",
                                                 "wmi.class",
                                                 "wmi.method"};
  return std::ranges::find(kSingle, field) != std::end(kSingle);
}

bool value_implies(const Value& a, const Value& b) {
  if (b.kind == Value::Kind::kExists && b.flag)
    return a.kind != Value::Kind::kNull && !(a.kind == Value::Kind::kExists && !a.flag);
  if (is_text(a) && is_text(b)) {
    if (b.cased && !a.cased) return false;
    return pattern_implies(pattern_of(a), pattern_of(b), !b.cased);
  }
  if (is_text(a) && !pattern_of(a).has_wildcards() && b.kind == Value::Kind::kCidr)
    return match::in_network(pattern_of(a).plain(), b.network, b.prefix);
  if (is_text(a) && !pattern_of(a).has_wildcards())
    return lint::value_matches(b, pattern_of(a).plain()) == lint::Truth::kTrue;
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Value::Kind::kNull:
      return true;
    case Value::Kind::kExists:
      return a.flag == b.flag;
    case Value::Kind::kCidr:
      return inside(a, b);
    case Value::Kind::kNumber:
      return a.number == b.number;
    case Value::Kind::kRegex:
      return a.pattern == b.pattern && a.ignore_case == b.ignore_case &&
             a.multiline == b.multiline && a.dot_all == b.dot_all && a.at_start == b.at_start &&
             a.at_end == b.at_end;
    case Value::Kind::kFieldRef:
      return a.pattern == b.pattern && a.at_start == b.at_start && a.at_end == b.at_end &&
             a.cased == b.cased;
    case Value::Kind::kCompare: {
      if (a.part != b.part) return false;
      using sigma::CompareOp;
      const bool up_a = a.op == CompareOp::kGreater || a.op == CompareOp::kGreaterEqual;
      const bool up_b = b.op == CompareOp::kGreater || b.op == CompareOp::kGreaterEqual;
      if (up_a != up_b) return false;
      if (a.number == b.number)
        return b.op == CompareOp::kGreaterEqual || b.op == CompareOp::kLessEqual || a.op == b.op;
      return up_a ? a.number > b.number : a.number < b.number;
    }
    case Value::Kind::kTimePart:
      return a.part == b.part && a.number == b.number;
    default:
      return false;
  }
}

bool implies(const Literal& a, const Literal& b) {
  if (a.item->field != b.item->field) return false;
  // Some value meets what every value meets, not the other way round; "not every" says little.
  if (b.item->every && (!a.item->every || a.negated || b.negated)) return false;
  if (a.item->every && (a.negated || b.negated)) return false;
  if (a.negated && b.negated) return implies({b.item, false}, {a.item, false});
  if (a.negated) return false;
  if (b.negated) return excludes(a, {b.item, false});
  const std::vector<const Value*> from = flat(*a.item), to = flat(*b.item);
  if (from.empty() || to.empty()) return false;
  const auto follows = [](const Value* x, const Value* y) { return value_implies(*x, *y); };
  // a: any of its values hold (or all); b: any must (or all).
  const auto one_follows = [&](const Value* x) {
    const auto y = [&](const Value* v) { return follows(x, v); };
    return b.item->all ? std::ranges::all_of(to, y) : std::ranges::any_of(to, y);
  };
  if (!a.item->all) return std::ranges::all_of(from, one_follows);
  // All values of a hold: each needed value of b may follow from another one.
  const auto some_gives = [&](const Value* y) {
    return std::ranges::any_of(from, [&](const Value* x) { return follows(x, y); });
  };
  return b.item->all ? std::ranges::all_of(to, some_gives) : std::ranges::any_of(to, some_gives);
}

bool excludes(const Literal& a, const Literal& b) {
  if (a.item->field != b.item->field) return false;
  if ((a.item->every && a.negated) || (b.item->every && b.negated)) return false;
  if (a.negated && b.negated) return false;
  if (a.negated || b.negated) {
    const Literal& yes = a.negated ? b : a;
    const Literal& no = a.negated ? a : b;
    return implies(yes, {no.item, false});
  }
  // Absent, and yet with a value.
  const auto absent = [](const sigma::Item& item) {
    return std::ranges::all_of(item.values, [](const Value& v) {
      return v.kind == Value::Kind::kNull || (v.kind == Value::Kind::kExists && !v.flag);
    });
  };
  if (absent(*a.item) != absent(*b.item)) {
    const sigma::Item& other = absent(*a.item) ? *b.item : *a.item;
    return std::ranges::none_of(other.values, [](const Value& v) {
      return v.kind == Value::Kind::kNull || (v.kind == Value::Kind::kExists && !v.flag);
    });
  }
  if (!single_valued(a.item->field)) return false;
  // One value: a's plain texts, none of which b matches.
  const auto plain = [](const sigma::Item& item) {
    return std::ranges::all_of(
        flat(item), [](const Value* v) { return is_text(*v) && !pattern_of(*v).has_wildcards(); });
  };
  const sigma::Item *from = a.item, *to = b.item;
  if (!plain(*from)) std::swap(from, to);
  if (!plain(*from)) return false;
  for (const Value* x : flat(*from)) {
    for (const Value* y : flat(*to)) {
      const bool apart =
          y->kind == Value::Kind::kCidr
              ? !match::in_network(pattern_of(*x).plain(), y->network, y->prefix)
              : lint::value_matches(*y, pattern_of(*x).plain()) == lint::Truth::kFalse;
      if (!apart) return false;
    }
  }
  return true;
}

std::optional<std::vector<const lint::Operation*>> operations_of(
    const Conjunct& conjunct, const lint::Operations& operations) {
  Conjunct about;
  for (const Literal& literal : conjunct) {
    if (lint::is_rpc(lint::role_of(lint::View::kOwn, literal.item->field)))
      about.push_back(literal);
  }
  if (about.empty()) return std::nullopt;
  std::vector<const lint::Operation*> out;
  for (const lint::Operation& operation : operations.all()) {
    const bool possible = std::ranges::all_of(about, [&](const Literal& literal) {
      sigma::Item item = *literal.item;
      item.negated = literal.negated;
      return lint::item_matches(item, lint::View::kOwn, operation) != lint::Truth::kFalse;
    });
    if (possible) out.push_back(&operation);
  }
  return out;
}

}  // namespace rpcmarshal::policy
