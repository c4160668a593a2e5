// The compiled policy: what `rpcmarshal policy compile` writes and the agent loads. One block of
// bytes without pointers, so that it can lie in a file or in a section shared between processes.
// All numbers are little-endian; all records are read field by field, so the block needs no
// alignment.
//
//   header | fields | predicates | parts | code | rules | strings
//
// Fields are names the policy asks for. A predicate compares one field with one thing (`parts` are
// the pieces of its wildcard pattern, or the members of a set, sorted). A rule's code is a program
// for a small stack machine over three truth values (evaluator.h). Strings are UTF-8, referred to
// by offset into the string section and size, without a terminator.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rpcmarshal::policy::format {

inline constexpr char kMagic[8] = {'R', 'P', 'C', 'M', 'P', 'O', 'L', '\x1A'};
inline constexpr std::uint32_t kVersion = 1;
/// Larger blocks are refused.
inline constexpr std::size_t kMaxSize = 16u << 20;
inline constexpr std::uint32_t kMaxFields = 4096;
inline constexpr std::uint32_t kMaxPredicates = 1u << 20;
inline constexpr std::uint32_t kMaxRules = 65536;
inline constexpr std::uint32_t kMaxStack = 64;

/// Offsets in the header.
enum Header : std::size_t {
  kAtMagic = 0,
  kAtVersion = 8,
  kAtSize = 12,      ///< of the whole block
  kAtChecksum = 16,  ///< u64: FNV-1a over everything behind it
  kAtFlags = 24,
  kAtDefaultAction = 28,
  kAtUnknownAction = 32,
  kAtFault = 36,
  kAtName = 40,      ///< string
  kAtSections = 48,  ///< six pairs: offset in the block, count (of records; strings: bytes)
  kHeaderSize = 96,
};
enum Section : std::size_t { kFields, kPredicates, kParts, kCode, kRules, kStrings, kSections };

enum Flags : std::uint32_t {
  kLearn = 1,       ///< block nothing
  kLocalCalls = 2,  ///< the policy is about ncalrpc calls, too
  kAllFlags = 3,
};

inline constexpr std::size_t kFieldSize = 8;  ///< string

enum class PredicateKind : std::uint8_t {
  kEquals,  ///< text is all of a value
  kStartsWith,
  kEndsWith,
  kContains,
  kPresent,   ///< the field has a value other than null or an object
  kWildcard,  ///< parts
  kInSet,     ///< a value is one of the parts' texts
  kReal,      ///< equals number
  kNull,      ///< no value but null
  kExists,    ///< as kPresent, also for objects
  kCidr,      ///< network, prefix
  kCompare,   ///< op, number; of `part` of a time when that is set
  kTimePart,  ///< part equals number
  kFieldRef,  ///< agrees with a value of the field `other`
  kEvery,  ///< there are values, and each meets one of `prefix` predicates from `other` on, which
           ///< stand before this one and are about the same field
  kCount,
};
enum PredicateFlags : std::uint8_t { kCased = 1, kAtStart = 2, kAtEnd = 4, kAllPredicateFlags = 7 };
/// Offsets in a predicate.
enum Predicate : std::size_t {
  kPredicateKind = 0,  ///< u8
  kPredicateFlags = 1,
  kPredicateOp = 2,
  kPredicatePart = 3,
  kPredicateField = 4,    ///< u32
  kPredicateText = 8,     ///< string, folded unless kCased
  kPredicateParts = 16,   ///< first, count
  kPredicateOther = 24,   ///< u32
  kPredicatePrefix = 28,  ///< u32
  kPredicateNetwork = 32,
  kPredicateNetworkSize = 48,  ///< u32: 4 or 16
  kPredicateNumber = 56,       ///< IEEE double
  kPredicateSize = 64,
};

/// A part: u32 kind (match::PartKind), string.
inline constexpr std::size_t kPartSize = 12;

/// An instruction: operation in the upper 8 bits, argument in the lower 24.
enum class Op : std::uint8_t {
  kTrue,         ///< push true
  kTest,         ///< push predicate[argument]
  kNot,          ///< negate the top
  kAnd,          ///< pop two, push the lesser (false < unknown < true)
  kOr,           ///< pop two, push the greater
  kJumpIfFalse,  ///< to argument (from the rule's first instruction), when the top is false
  kJumpIfTrue,
  kCount,
};

/// Offsets in a rule.
enum Rule : std::size_t {
  kRuleId = 0,  ///< string
  kRuleTitle = 8,
  kRuleReason = 16,
  kRuleAction = 24,  ///< u8: Action
  kRuleUnknown = 25,
  kRuleLearn = 26,    ///< u8: 0 or 1
  kRuleFault = 28,    ///< u32
  kRuleExpires = 32,  ///< i64: seconds since 1970; 0: never
  kRuleCode = 40,     ///< first, count
  kRuleLine = 48,     ///< u32: in the policy's file
  kRuleSize = 56,
};

/// The checksum: FNV-1a, 64 bits. It finds damage, not malice: who may write a policy is a matter
/// of access rights.
inline std::uint64_t checksum(const std::byte* data, std::size_t size) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (std::size_t i = 0; i < size; ++i)
    hash = (hash ^ static_cast<std::uint8_t>(data[i])) * 0x100000001B3;
  return hash;
}

}  // namespace rpcmarshal::policy::format
