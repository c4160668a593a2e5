// Every operation the catalogue knows, as an event would name it, and which of them a rule can
// match. A rule's logic is evaluated once for each operation with three values: what the rule says
// of other fields (addresses, arguments) may or may not hold.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "interface/model.h"
#include "sigma/rule.h"

namespace rpcmarshal::lint {

/// Whose field names a rule uses.
enum class View : std::uint8_t { kOther, kZeekRpc, kZeekSmbFiles, kFirewall, kOwn };
View view_of(const sigma::LogSource& source);

/// What a field says about the call.
enum class Role : std::uint8_t {
  kOther,
  kSource,     ///< which log it is: EventLog, EventID
  kInterface,  ///< its name
  kUuid,
  kOperation,  ///< its name
  kOpnum,
};
Role role_of(View view, std::string_view field);
inline bool is_rpc(Role role) { return role > Role::kSource; }

struct Operation {
  const Interface* interface = nullptr;
  const Procedure* procedure = nullptr;
  std::string endpoint, operation;  ///< as the log writes them: Zeek's names
  std::string uuid;
};

enum class Truth : std::uint8_t { kFalse, kMaybe, kTrue };

class Operations {
 public:
  /// Reads the whole catalogue, which outlives this.
  explicit Operations(const Catalogue& catalogue);

  const std::vector<Operation>& all() const { return all_; }
  const std::vector<const Interface*>& interfaces() const { return interfaces_; }

  /// Those called `name` (any of their names), letters in either case.
  std::vector<const Operation*> called(std::string_view name) const;
  /// Interfaces called `name`, Zeek's name included, letters in either case.
  std::vector<const Interface*> interfaces_called(std::string_view name) const;
  const Interface* find(const Guid& uuid) const { return catalogue_.find(uuid); }

  /// "Did you mean": the nearest name of an operation, of `of` only when that is not empty. Empty
  /// when nothing is near.
  std::string similar_operation(std::string_view name,
                                const std::vector<const Interface*>& of = {}) const;
  std::string similar_endpoint(std::string_view name) const;
  std::string similar_uuid(std::string_view uuid) const;

 private:
  const Catalogue& catalogue_;
  std::vector<const Interface*> interfaces_;
  std::vector<Operation> all_;
  std::multimap<std::string, std::size_t, std::less<>> by_name_;
  std::multimap<std::string, const Interface*, std::less<>> interface_by_name_;
};

/// Whether a value of an item matches `text`.
Truth value_matches(const sigma::Value& value, std::string_view text);
/// Whether the item holds for the operation in this view.
Truth item_matches(const sigma::Item& item, View view, const Operation& operation);
Truth node_matches(const sigma::Detection& detection, std::uint32_t node, View view,
                   const Operation& operation);
/// The operations for which a condition can be true; nothing when the rule does not look at RPC.
std::vector<const Operation*> matched_operations(const sigma::Detection& detection, View view,
                                                 const Operations& operations);

/// Edits (insert, delete, replace, swap neighbours) between the two, letters in either case; at
/// most `limit` + 1.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

/// Arguments of an annotation; empty when there is none.
const std::vector<std::string>& annotation_arguments(const Procedure& procedure,
                                                     std::string_view name);
/// 0 none or info, 1 low, 2 medium, 3 high.
int severity_rank(const Procedure& procedure);

/// Operations Zeek leaves out of dce_rpc.log unless configured otherwise (its option
/// DCE_RPC::ignored_operations).
bool zeek_ignores(const Operation& operation);

}  // namespace rpcmarshal::lint
