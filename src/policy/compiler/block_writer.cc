#include "policy/compiler/block_writer.h"

#include <bit>
#include <cstring>

namespace rpcmarshal::policy {
namespace {

using namespace format;

template <typename T>
void append(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xFF);
}

template <typename T>
void store(std::string& out, std::size_t at, T value) {
  std::string bytes;
  append(bytes, value);
  out.replace(at, bytes.size(), bytes);
}

}  // namespace

BlockWriter::String BlockWriter::string(std::string_view text) {
  const auto [it, fresh] = string_places_.try_emplace(std::string(text));
  if (fresh) {
    it->second = {static_cast<std::uint32_t>(strings_.size()),
                  static_cast<std::uint32_t>(text.size())};
    strings_ += text;
  }
  return it->second;
}

void BlockWriter::put(std::string& out, const String& text) {
  append(out, text.offset);
  append(out, text.size);
}

std::uint32_t BlockWriter::field(const std::string& name) {
  const auto [it, fresh] = field_ids_.emplace(name, static_cast<std::uint32_t>(field_ids_.size()));
  if (fresh) put(fields_, string(name));
  return it->second;
}

std::string BlockWriter::record(const PredicateRecord& p, std::string& parts) {
  std::string out(kPredicateSize, '\0');
  store(out, kPredicateKind, static_cast<std::uint8_t>(p.kind));
  store(out, kPredicateFlags,
        static_cast<std::uint8_t>((p.cased ? kCased : 0) | (p.at_start ? kAtStart : 0) |
                                  (p.at_end ? kAtEnd : 0)));
  store(out, kPredicateOp, static_cast<std::uint8_t>(p.op));
  store(out, kPredicatePart, static_cast<std::uint8_t>(p.part));
  store(out, kPredicateField, field(p.field));
  const String text = string(p.text);
  store(out, kPredicateText, text.offset);
  store(out, kPredicateText + 4, text.size);
  if (p.kind == PredicateKind::kFieldRef) store(out, kPredicateOther, field(p.other));
  store(out, kPredicatePrefix, p.prefix);
  for (std::size_t i = 0; i < p.network.size() && i < 16; ++i)
    out[kPredicateNetwork + i] = static_cast<char>(p.network[i]);
  store(out, kPredicateNetworkSize, static_cast<std::uint32_t>(p.network.size()));
  store(out, kPredicateNumber, std::bit_cast<std::uint64_t>(p.number));
  for (const auto& [kind, piece] : p.parts) {
    append(parts, static_cast<std::uint32_t>(kind));
    put(parts, string(piece));
  }
  return out;
}

std::uint32_t BlockWriter::append_predicate(std::string out, const std::string& parts) {
  const auto id = static_cast<std::uint32_t>(predicates_.size() / kPredicateSize);
  store(out, kPredicateParts, static_cast<std::uint32_t>(parts_.size() / kPartSize));
  store(out, kPredicateParts + 4, static_cast<std::uint32_t>(parts.size() / kPartSize));
  parts_ += parts;
  predicates_ += out;
  return id;
}

std::uint32_t BlockWriter::predicate(const PredicateRecord& p) {
  std::string parts;
  const std::string out = record(p, parts);
  // Everything but where the parts stand tells two predicates apart.
  const auto [it, fresh] = predicate_ids_.try_emplace(out + parts);
  if (fresh) it->second = append_predicate(out, parts);
  return it->second;
}

std::uint32_t BlockWriter::every(const std::vector<PredicateRecord>& records) {
  std::string key = "every";
  std::vector<std::pair<std::string, std::string>> all;
  for (const PredicateRecord& one : records) {
    std::string parts;
    std::string out = record(one, parts);
    key += out + parts;
    all.emplace_back(std::move(out), std::move(parts));
  }
  const auto [it, fresh] = predicate_ids_.try_emplace(std::move(key));
  if (!fresh) return it->second;
  // They stand side by side, also those that stand elsewhere already.
  const auto first = static_cast<std::uint32_t>(predicates_.size() / kPredicateSize);
  for (auto& [out, parts] : all) append_predicate(std::move(out), parts);
  PredicateRecord together;
  together.kind = PredicateKind::kEvery;
  together.field = records.front().field;
  std::string parts, out = record(together, parts);
  store(out, kPredicateOther, first);
  store(out, kPredicatePrefix, static_cast<std::uint32_t>(records.size()));
  return it->second = append_predicate(std::move(out), parts);
}

void BlockWriter::rule(const RuleModel& rule, std::uint32_t fault,
                       const std::vector<std::uint32_t>& code) {
  std::string out;
  put(out, string(rule.id));
  put(out, string(rule.title));
  put(out, string(rule.reason));
  append(out, static_cast<std::uint8_t>(rule.action));
  append(out, static_cast<std::uint8_t>(rule.unknown));
  append(out, static_cast<std::uint8_t>(rule.learn));
  append(out, std::uint8_t{0});
  append(out, fault);
  append(out, rule.expires);
  append(out, static_cast<std::uint32_t>(code_.size() / 4));
  append(out, static_cast<std::uint32_t>(code.size()));
  append(out, rule.at.line);
  out.resize(kRuleSize, '\0');
  rules_ += out;
  for (const std::uint32_t word : code) append(code_, word);
}

std::vector<std::byte> BlockWriter::finish(const PolicyModel& policy) {
  const String name = string(policy.name);
  std::string out(kHeaderSize, '\0');
  std::memcpy(out.data(), kMagic, sizeof kMagic);
  store(out, kAtVersion, kVersion);
  store(out, kAtFlags,
        (policy.learn ? std::uint32_t{kLearn} : 0u) |
            (policy.local_calls ? std::uint32_t{kLocalCalls} : 0u));
  store(out, kAtDefaultAction, static_cast<std::uint32_t>(policy.default_action));
  store(out, kAtUnknownAction, static_cast<std::uint32_t>(policy.unknown_action));
  store(out, kAtFault, policy.fault);
  store(out, kAtName, name.offset);
  store(out, kAtName + 4, name.size);
  const std::string* sections[kSections] = {&fields_, &predicates_, &parts_,
                                            &code_,   &rules_,      &strings_};
  constexpr std::size_t kSizes[kSections] = {kFieldSize, kPredicateSize, kPartSize,
                                             4,          kRuleSize,      1};
  for (std::size_t s = 0; s < kSections; ++s) {
    store(out, kAtSections + s * 8, static_cast<std::uint32_t>(out.size()));
    store(out, kAtSections + s * 8 + 4,
          static_cast<std::uint32_t>(sections[s]->size() / kSizes[s]));
    out += *sections[s];
  }
  store(out, kAtSize, static_cast<std::uint32_t>(out.size()));
  std::vector<std::byte> block(out.size());
  std::memcpy(block.data(), out.data(), out.size());
  constexpr std::size_t kBehind = kAtChecksum + 8;
  const std::uint64_t sum = format::checksum(block.data() + kBehind, block.size() - kBehind);
  for (std::size_t i = 0; i < 8; ++i)
    block[kAtChecksum + i] = static_cast<std::byte>(sum >> (8 * i) & 0xFF);
  return block;
}

}  // namespace rpcmarshal::policy
