#include "policy/policy.h"

#include <cmath>
#include <cstring>

#include "match/value.h"
#include "match/wildcard.h"

namespace rpcmarshal::policy {
namespace {

using namespace format;

constexpr std::size_t kRecordSizes[kSections] = {kFieldSize, kPredicateSize, kPartSize,
                                                 4,          kRuleSize,      1};
constexpr std::uint32_t kMostRecords[kSections] = {
    kMaxFields, kMaxPredicates, kMaxSize / kPartSize, kMaxSize / 4, kMaxRules, kMaxSize};
constexpr const char* kNames[kSections] = {"fields", "predicates", "parts",
                                           "code",   "rules",      "strings"};

bool action_valid(std::uint32_t action) {
  return action <= static_cast<std::uint32_t>(Action::kBlock);
}

}  // namespace

std::string_view action_name(Action action) {
  switch (action) {
    case Action::kAllow:
      return "allow";
    case Action::kAudit:
      return "audit";
    case Action::kBlock:
      return "block";
  }
  return {};
}

Policy::Loaded Policy::load(Bytes block) {
  const auto refuse = [](std::string why) { return Loaded{nullptr, std::move(why)}; };
  if (block.size() < kHeaderSize || std::memcmp(block.data(), kMagic, sizeof kMagic) != 0)
    return refuse("this is no compiled policy (make one with 'rpcmarshal policy compile')");
  if (block.size() > kMaxSize) return refuse("the compiled policy is larger than 16 MB");
  std::unique_ptr<Policy> policy(new Policy);
  policy->block_.assign(block.begin(), block.end());
  const std::uint32_t version = policy->u32(kAtVersion);
  if (version != kVersion) {
    return refuse("the policy was compiled for format " + std::to_string(version) +
                  ", and this program reads format " + std::to_string(kVersion) +
                  ": compile it again with the matching version");
  }
  if (policy->u32(kAtSize) != block.size())
    return refuse(
        "the compiled policy is cut off or has bytes added: " + std::to_string(block.size()) +
        " bytes instead of " + std::to_string(policy->u32(kAtSize)));
  constexpr std::size_t kBehind = kAtChecksum + 8;
  if (policy->get<std::uint64_t>(kAtChecksum) !=
      format::checksum(policy->block_.data() + kBehind, block.size() - kBehind)) {
    return refuse("the compiled policy is damaged: its checksum is wrong");
  }
  std::string why = policy->check();
  if (!why.empty()) return refuse("the compiled policy is damaged: " + why);
  return {std::move(policy), {}};
}

std::uint64_t Policy::checksum() const { return get<std::uint64_t>(kAtChecksum); }

std::string_view Policy::string(std::size_t at) const {
  return as_text(Bytes(block_).subspan(section(kStrings) + u32(at), u32(at + 4)));
}

bool Policy::good_string(std::size_t at) const {
  return u32(at) <= count(kStrings) && u32(at + 4) <= count(kStrings) - u32(at);
}

std::string Policy::check() const {
  for (std::size_t s = 0; s < kSections; ++s) {
    if (count(s) > kMostRecords[s]) return std::string("too many ") + kNames[s];
    if (section(s) < kHeaderSize || section(s) > block_.size() ||
        count(s) * kRecordSizes[s] > block_.size() - section(s)) {
      return std::string("the section of ") + kNames[s] + " lies outside";
    }
  }
  if (!good_string(kAtName)) return "the name lies outside";
  if ((u32(kAtFlags) & ~std::uint32_t{kAllFlags}) != 0) return "unknown flags";
  if (!action_valid(u32(kAtDefaultAction)) || !action_valid(u32(kAtUnknownAction)))
    return "unknown default action";
  for (std::size_t i = 0; i < count(kFields); ++i) {
    if (!good_string(section(kFields) + i * kFieldSize)) return "a field's name lies outside";
  }
  for (std::size_t i = 0; i < count(kParts); ++i) {
    const std::size_t at = section(kParts) + i * kPartSize;
    if (u32(at) > static_cast<std::uint32_t>(match::PartKind::kOne) || !good_string(at + 4))
      return "a part of a pattern is damaged";
  }
  for (std::size_t i = 0; i < count(kPredicates); ++i) {
    std::string why = check_predicate(predicate_at(i));
    if (!why.empty()) return why;
  }
  for (std::size_t i = 0; i < count(kRules); ++i) {
    const std::size_t at = rule_at(i);
    if (!good_string(at + kRuleId) || !good_string(at + kRuleTitle) ||
        !good_string(at + kRuleReason)) {
      return "a rule's text lies outside";
    }
    if (!action_valid(u8(at + kRuleAction)) || u8(at + kRuleLearn) > 1 ||
        u8(at + kRuleUnknown) > static_cast<std::uint8_t>(Unknown::kNoMatch)) {
      return "a rule has unknown settings";
    }
    std::string why = check_code(u32(at + kRuleCode), u32(at + kRuleCode + 4));
    if (!why.empty()) return why;
  }
  return {};
}

std::string Policy::check_predicate(std::size_t at) const {
  const std::uint8_t kind = u8(at + kPredicateKind);
  if (kind >= static_cast<std::uint8_t>(PredicateKind::kCount)) return "an unknown predicate";
  if (u32(at + kPredicateField) >= count(kFields)) return "a predicate names no field";
  if ((u8(at + kPredicateFlags) & ~std::uint8_t{kAllPredicateFlags}) != 0)
    return "a predicate has unknown flags";
  if (u8(at + kPredicateOp) > static_cast<std::uint8_t>(match::CompareOp::kGreaterEqual) ||
      u8(at + kPredicatePart) > static_cast<std::uint8_t>(match::TimePart::kYear)) {
    return "a predicate has an unknown comparison";
  }
  if (!good_string(at + kPredicateText)) return "a predicate's text lies outside";
  const std::uint32_t first = u32(at + kPredicateParts), parts = u32(at + kPredicateParts + 4);
  if (first > count(kParts) || parts > count(kParts) - first)
    return "a predicate's pattern lies outside";
  if (static_cast<PredicateKind>(kind) == PredicateKind::kFieldRef &&
      u32(at + kPredicateOther) >= count(kFields)) {
    return "a predicate refers to no field";
  }
  if (static_cast<PredicateKind>(kind) == PredicateKind::kEvery) {
    const std::size_t own = (at - section(kPredicates)) / kPredicateSize;
    const std::uint32_t from = u32(at + kPredicateOther), size = u32(at + kPredicatePrefix);
    if (size == 0 || from > own || size > own - from) return "a predicate refers to none";
    for (std::uint32_t i = from; i < from + size; ++i) {
      const auto one = static_cast<PredicateKind>(u8(predicate_at(i) + kPredicateKind));
      if (one == PredicateKind::kNull || one == PredicateKind::kExists ||
          one == PredicateKind::kFieldRef || one == PredicateKind::kEvery ||
          u32(predicate_at(i) + kPredicateField) != u32(at + kPredicateField)) {
        return "a predicate refers to one of another kind";
      }
    }
  }
  const std::uint32_t network = u32(at + kPredicateNetworkSize);
  if (static_cast<PredicateKind>(kind) == PredicateKind::kCidr &&
      ((network != 4 && network != 16) || u32(at + kPredicatePrefix) > network * 8)) {
    return "a predicate's network is damaged";
  }
  double number = 0;
  std::memcpy(&number, block_.data() + at + kPredicateNumber, sizeof number);
  if (!std::isfinite(number)) return "a predicate's number is none";
  return {};
}

// Jumps lead forward, the stack never underflows or outgrows its bound, and every way to an
// instruction arrives with the same depth: so running needs no checks, and ends.
std::string Policy::check_code(std::uint32_t first, std::uint32_t size) const {
  if (first > count(kCode) || size > count(kCode) - first || size == 0)
    return "a rule's code lies outside";
  constexpr std::uint32_t kNowhere = 0xFFFFFFFF;
  std::vector<std::uint32_t> expected(size + 1, kNowhere);
  std::uint32_t depth = 0;
  for (std::uint32_t i = 0; i < size; ++i) {
    if (expected[i] != kNowhere && expected[i] != depth) return "a rule's code is damaged";
    const std::uint32_t word = u32(section(kCode) + (std::size_t{first} + i) * 4);
    const std::uint32_t argument = word & 0xFFFFFF;
    switch (static_cast<Op>(word >> 24)) {
      case Op::kTrue:
        ++depth;
        break;
      case Op::kTest:
        if (argument >= count(kPredicates)) return "a rule's code tests nothing";
        ++depth;
        break;
      case Op::kNot:
        if (depth < 1) return "a rule's code is damaged";
        break;
      case Op::kAnd:
      case Op::kOr:
        if (depth < 2) return "a rule's code is damaged";
        --depth;
        break;
      case Op::kJumpIfFalse:
      case Op::kJumpIfTrue:
        if (depth < 1 || argument <= i || argument > size) return "a rule's code jumps astray";
        if (expected[argument] != kNowhere && expected[argument] != depth)
          return "a rule's code is damaged";
        expected[argument] = depth;
        break;
      default:
        return "a rule's code has an unknown instruction";
    }
    if (depth > kMaxStack) return "a rule's code is too deep";
  }
  if (depth != 1 || (expected[size] != kNowhere && expected[size] != 1))
    return "a rule's code is damaged";
  return {};
}

std::string_view Policy::field_name(std::size_t field) const {
  return string(section(kFields) + field * kFieldSize);
}

PolicyRule Policy::rule(std::size_t index) const {
  const std::size_t at = rule_at(index);
  PolicyRule out;
  out.id = string(at + kRuleId);
  out.title = string(at + kRuleTitle);
  out.reason = string(at + kRuleReason);
  out.action = static_cast<Action>(u8(at + kRuleAction));
  out.unknown = static_cast<Unknown>(u8(at + kRuleUnknown));
  out.learn = u8(at + kRuleLearn) != 0;
  out.fault_status = u32(at + kRuleFault);
  out.expires = get<std::int64_t>(at + kRuleExpires);
  out.line = u32(at + kRuleLine);
  return out;
}

}  // namespace rpcmarshal::policy
