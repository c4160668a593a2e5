// Proposes a policy that allows what was seen and nothing else. It is written in learn mode:
// nothing is blocked until a person has read it and says so.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace rpcmarshal::policy {

/// What learning looks at in one call.
struct SeenCall {
  std::string_view uuid, interface, operation, opnum, client, user, domain;
  std::vector<std::string_view> unc_hosts;
  bool notable = false;  ///< the operation is one that attackers use: gets a rule of its own
  bool decoded = false;  ///< the arguments were read, so unc_hosts is all there is
};

class Learner {
 public:
  /// Lists longer than this say nothing about who may: the rule then does without.
  static constexpr std::size_t kMaxNames = 24;
  /// Interfaces, operations and hosts come from the peers: so many are kept.
  static constexpr std::size_t kMaxRules = 4096;

  void add(const SeenCall& call);
  std::uint64_t calls() const { return calls_; }
  bool complete() const { return complete_; }
  /// The policy, with comments that say what each rule rests on.
  std::string policy(std::string_view name) const;

 private:
  /// Names that were seen, until they are too many or one is missing.
  struct Names {
    std::set<std::string> seen;
    bool usable = true;
    void add(std::string_view name);
  };
  struct Group {
    std::string uuid, interface;
    std::map<std::string, std::uint64_t> operations;  // name, or "#opnum"
    Names clients, users, hosts;
    bool any_hosts = false, without_hosts = false, notable = false;
    std::uint64_t calls = 0;
  };
  static void write(std::string& out, const Group& group, std::size_t number);
  static void write_rule(std::string& out, const Group& group, const std::string& id, bool named,
                         bool with_hosts);

  std::map<std::string, Group> groups_;
  std::uint64_t calls_ = 0;
  bool complete_ = true;
};

}  // namespace rpcmarshal::policy
