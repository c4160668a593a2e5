#include "policy/compiler/learn.h"

#include <algorithm>

#include "policy/compiler/yaml_writer.h"

namespace rpcmarshal::policy {
namespace {

void write_list(std::string& out, std::string_view key, const std::set<std::string>& names) {
  if (names.empty()) return;
  out += "      " + std::string(key) + ":";
  if (names.size() == 1) {
    out += " " + yaml_literal(*names.begin()) + "\n";
    return;
  }
  out += "\n";
  for (const std::string& name : names) out += "        - " + yaml_literal(name) + "\n";
}

/// A comment is one line whatever a peer called things.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 200)) out += static_cast<std::uint8_t>(c) < 0x20 ? ' ' : c;
  return out;
}

}  // namespace

void Learner::Names::add(std::string_view name) {
  if (!usable) return;
  if (name.empty() || (seen.size() >= kMaxNames && !seen.contains(std::string(name)))) {
    usable = false;
    seen.clear();
    return;
  }
  seen.emplace(name);
}

void Learner::add(const SeenCall& call) {
  ++calls_;
  if (call.uuid.empty() && call.interface.empty()) {
    complete_ = false;
    return;
  }
  const std::string operation = !call.operation.empty() ? std::string(call.operation)
                                : !call.opnum.empty()   ? "#" + std::string(call.opnum)
                                                        : std::string();
  if (operation.empty()) {
    complete_ = false;
    return;
  }
  std::string key = std::string(call.uuid.empty() ? call.interface : call.uuid);
  if (call.notable) key += " " + operation;
  auto found = groups_.find(key);
  if (found == groups_.end()) {
    if (groups_.size() >= kMaxRules) {
      complete_ = false;
      return;
    }
    found = groups_.emplace(std::move(key), Group{}).first;
    found->second.uuid = call.uuid;
    found->second.interface = call.interface;
    found->second.notable = call.notable;
  }
  Group& group = found->second;
  ++group.calls;
  if (group.operations.size() < kMaxRules || group.operations.contains(operation)) {
    ++group.operations[operation];
  } else {
    complete_ = false;
  }
  group.clients.add(call.client);
  group.users.add(call.user);
  if (!call.notable) return;
  if (!call.decoded) group.hosts.usable = false;
  group.without_hosts |= call.unc_hosts.empty();
  for (const std::string_view host : call.unc_hosts) {
    group.any_hosts = true;
    group.hosts.add(host);
  }
}

void Learner::write_rule(std::string& out, const Group& group, const std::string& id, bool named,
                         bool with_hosts) {
  const std::string name = group.interface.empty() ? group.uuid : group.interface;
  out += "  - id: " + id + "\n    title: " +
         yaml_text(one_line(
             name + (group.notable ? "." + group.operations.begin()->first : std::string()))) +
         "\n    action: allow\n    when:\n";
  out += group.uuid.empty() ? "      interface.name: " + yaml_literal(group.interface) + "\n"
                            : "      interface.uuid: " + yaml_literal(group.uuid) + "\n";
  std::set<std::string> operations;
  for (const auto& [operation, count] : group.operations) {
    if ((operation[0] != '#') == named) operations.insert(operation.substr(named ? 0 : 1));
  }
  write_list(out, named ? "operation" : "opnum", operations);
  if (group.clients.usable) write_list(out, "client.address", group.clients.seen);
  if (group.users.usable) write_list(out, "user.name", group.users.seen);
  if (!group.notable || !group.hosts.usable) return;
  if (with_hosts) {
    write_list(out, "unc_hosts|every", group.hosts.seen);
  } else {
    out += "      unc_hosts: null\n";
  }
}

void Learner::write(std::string& out, const Group& group, std::size_t number) {
  out += "  # " + std::to_string(group.calls) + " calls";
  if (group.notable) out += "; an operation that attackers use, too: look twice";
  out += "\n";
  // What a rule cannot say both ways is two: operations by name or by number, calls with and
  // without UNC hosts.
  const std::string id = "seen-" + std::to_string(number);
  const auto unnamed = [](const auto& one) { return one.first[0] == '#'; };
  const bool hosts = group.notable && group.hosts.usable && group.any_hosts;
  const auto numbers = std::ranges::count_if(group.operations, unnamed);
  const bool names = static_cast<std::size_t>(numbers) < group.operations.size();
  for (const bool named : {true, false}) {
    if (named ? !names : numbers == 0) continue;
    const std::string which = id + (!named && names ? "-unnamed" : "");
    if (hosts) write_rule(out, group, which, named, true);
    if (!hosts || group.without_hosts)
      write_rule(out, group, which + (hosts ? "-no-host" : ""), named, false);
  }
}

std::string Learner::policy(std::string_view name) const {
  std::string out = "# Proposed from " + std::to_string(calls_) +
                    " calls by 'rpcmarshal policy learn'. Read every rule: what was seen is not\n"
                    "# always what should be. Nothing is blocked before 'mode' is 'enforce'.\n";
  if (!complete_)
    out +=
        "# Calls whose interface or operation is not known are in no rule, nor what was too "
        "much.\n";
  out += "policy: " + yaml_text(one_line(name)) + "\nmode: learn\ndefault: block\nunknown: audit\n";
  if (groups_.empty()) return out + "rules: []\n";
  out += "rules:\n";
  std::size_t number = 0;
  for (const auto& [key, group] : groups_) write(out, group, ++number);
  return out;
}

}  // namespace rpcmarshal::policy
