// Puts the records of a compiled policy together; equal predicates and strings are written once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "match/value.h"
#include "match/wildcard.h"
#include "policy/compiler/model.h"

namespace rpcmarshal::policy {

/// One comparison, as format.h describes it.
struct PredicateRecord {
  format::PredicateKind kind = format::PredicateKind::kEquals;
  std::string field, other;
  bool cased = false, at_start = false, at_end = false;
  std::string text;
  std::vector<std::pair<match::PartKind, std::string>> parts;
  match::CompareOp op = match::CompareOp::kLess;
  match::TimePart part = match::TimePart::kNone;
  std::vector<std::uint8_t> network;
  std::uint32_t prefix = 0;
  double number = 0;
};

class BlockWriter {
 public:
  std::uint32_t predicate(const PredicateRecord& record);
  /// That each value of the field meets one of these (kEvery).
  std::uint32_t every(const std::vector<PredicateRecord>& records);
  /// `code` as in format.h.
  void rule(const RuleModel& rule, std::uint32_t fault, const std::vector<std::uint32_t>& code);
  std::vector<std::byte> finish(const PolicyModel& policy);

 private:
  struct String {
    std::uint32_t offset, size;
  };
  String string(std::string_view text);
  void put(std::string& out, const String& text);
  std::uint32_t field(const std::string& name);
  /// A predicate's record, without and with where its parts stand; `parts` are its own.
  std::string record(const PredicateRecord& record, std::string& parts);
  std::uint32_t append_predicate(std::string record, const std::string& parts);

  std::string fields_, predicates_, parts_, code_, rules_, strings_;
  std::map<std::string, std::uint32_t> field_ids_, predicate_ids_;
  std::map<std::string, String> string_places_;
};

}  // namespace rpcmarshal::policy
