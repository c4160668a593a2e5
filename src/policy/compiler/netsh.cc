#include "policy/compiler/netsh.h"

#include <algorithm>
#include <set>

#include "match/address.h"
#include "policy/compiler/logic.h"

namespace rpcmarshal::policy {
namespace {

using sigma::Value;

/// Conditions of one filter: all fields must hold, of one field any value.
struct Filter {
  std::vector<std::pair<std::string, std::vector<std::string>>> conditions;
};

struct Alternative {
  Conjunct conjunct;
  std::optional<std::vector<const lint::Operation*>> operations;
};

/// [MS-RPCE 2.2.1.1.8] under docs/event.md's names.
int level_number(std::string_view name) {
  static constexpr std::string_view kLevels[] = {"default", "none",      "connect", "call",
                                                 "packet",  "integrity", "privacy"};
  const auto found = std::ranges::find(kLevels, name);
  return found == std::end(kLevels) ? -1 : static_cast<int>(found - std::begin(kLevels));
}

/// The item's values when they are plain texts.
bool plain_texts(const sigma::Item& item, std::vector<std::string>& out) {
  out.clear();
  if (item.all && item.values.size() > 1) return false;
  for (const Value* value : flat(item)) {
    if (value->kind == Value::Kind::kNumber && value->integral) {
      out.push_back(std::to_string(value->integer));
    } else if (value->kind == Value::Kind::kString && !value->pattern.has_wildcards()) {
      out.push_back(value->pattern.plain());
    } else {
      return false;
    }
  }
  return !out.empty();
}

class Exporter {
 public:
  Exporter(const PolicyModel& policy, const lint::Operations& operations, bool by_opnum,
           std::int64_t now)
      : policy_(policy), operations_(operations), by_opnum_(by_opnum), now_(now) {}

  NetshExport run() {
    out_.script = "# RPC filters of the policy " +
                  (policy_.name.empty() ? std::string("(without a name)") : safe(policy_.name)) +
                  ". Run as administrator: netsh -f THISFILE\n"
                  "# To see them: netsh rpc filter show filter. To remove all filters: netsh rpc "
                  "filter delete filter filterkey=all\n";
    if (by_opnum_)
      out_.script +=
          "# For Windows 11 24H2, Windows Server 2025 and later ONLY: others ignore the "
          "operation\n# number and would filter the whole interface.\n";
    out_.script +=
        "# A filter without a condition on the protocol may cover calls within the machine, too: "
        "a\n"
        "# rule with 'transport.protocol|neq: ncalrpc' has none of those.\n"
        "rpc filter\n";
    if (policy_.default_action == Action::kBlock)
      refuse({}, 0,
             "the default action 'block' (a filter without conditions would cut the machine "
             "off: block the interfaces one by one)",
             "(default)");
    for (const RuleModel& rule : policy_.rules) this->rule(rule);
    out_.script += "quit\n";
    return std::move(out_);
  }

 private:
  static std::string safe(std::string_view text) {
    std::string out(text.substr(0, 200));
    for (char& c : out) {
      if (static_cast<std::uint8_t>(c) < 0x20 || c == 0x7F) c = ' ';
    }
    return out;
  }

  void refuse(const std::string& id, std::uint32_t line, std::string why, std::string name = {}) {
    out_.refused.push_back({name.empty() ? id : name, line, std::move(why)});
  }

  void rule(const RuleModel& rule) {
    const auto refuse_rule = [&](std::string why, bool still_counts = true) {
      refuse(rule.id, rule.at.line, std::move(why));
      if (still_counts) not_exported_.push_back(&rule);
    };
    if (rule.learn || policy_.learn)
      return refuse_rule("it is in learn mode, and filters are not", false);
    if (rule.expires != 0 && rule.expires <= now_) return refuse_rule("it has expired", false);
    if (rule.any) return refuse_rule("it is for every call: a filter needs an interface");
    if (rule.expires != 0) return refuse_rule("it expires, and filters do not");
    const auto alternatives = conjuncts(rule.detection);
    if (!alternatives) return refuse_rule("it has too many alternatives");
    std::vector<Filter> filters;
    for (const Conjunct& conjunct : *alternatives) {
      const std::string why = filter(conjunct, filters);
      if (!why.empty()) return refuse_rule(why);
    }
    // Filters have no order: the earlier, opposite rules must be there, and be narrower.
    for (const RuleModel* earlier : not_exported_) {
      if ((earlier->action == Action::kBlock) == (rule.action == Action::kBlock)) continue;
      if (overlap(*earlier, rule))
        return refuse_rule("the rule '" + earlier->id +
                           "' before it decides some of its calls "
                           "otherwise, and cannot be exported");
    }
    for (const auto& [earlier, theirs] : done_) {
      if ((earlier->action == Action::kBlock) == (rule.action == Action::kBlock) ||
          !overlap(*earlier, rule)) {
        continue;
      }
      std::size_t most = 0, least = 99;
      for (const Filter& f : filters) most = std::max(most, f.conditions.size());
      for (const Filter& f : theirs) least = std::min(least, f.conditions.size());
      if (least <= most)
        return refuse_rule("Windows prefers the filter with more conditions, and the rule '" +
                           earlier->id +
                           "' before it, which decides some of its calls otherwise, has "
                           "no more");
    }
    ++out_.exported;
    out_.script +=
        "\n# " + safe(rule.id) + (rule.reason.empty() ? "" : ": " + safe(rule.reason)) + "\n";
    for (const Filter& one : filters) write(one, rule.action);
    done_.emplace_back(&rule, std::move(filters));
  }

  bool overlap(const RuleModel& a, const RuleModel& b) const {
    if (a.any || b.any) return true;
    const auto x = conjuncts(a.detection), y = conjuncts(b.detection);
    if (!x || !y) return true;
    for (const Conjunct& i : *x) {
      const auto ops_i = operations_of(i, operations_);
      for (const Conjunct& j : *y) {
        const bool apart = std::ranges::any_of(i, [&](const Literal& l) {
          return std::ranges::any_of(j, [&](const Literal& m) { return excludes(l, m); });
        });
        if (apart) continue;
        const auto ops_j = operations_of(j, operations_);
        if (!ops_i || !ops_j) return true;
        // Both lists are in the catalogue's order.
        std::vector<const lint::Operation*> both;
        std::ranges::set_intersection(*ops_i, *ops_j, std::back_inserter(both));
        if (!both.empty()) return true;
        // UUIDs of no known interface.
        if (ops_i->empty() && ops_j->empty()) return true;
      }
    }
    return false;
  }

  /// Adds the filters of one alternative; why not, otherwise.
  std::string filter(const Conjunct& conjunct, std::vector<Filter>& out) {
    Filter rest;
    bool about = false, by_number = false, names = false;
    std::vector<std::string> texts;
    std::vector<std::string> uuids, numbers;
    for (const Literal& literal : conjunct) {
      const std::string& field = literal.item->field;
      if (literal.item->every) return "'" + field + "|every' has no filter condition";
      if (literal.negated && field == "transport.protocol" && plain_texts(*literal.item, texts) &&
          texts == std::vector<std::string>{"ncalrpc"}) {
        rest.conditions.emplace_back(
            "protocol", std::vector<std::string>{"ncacn_ip_tcp", "ncacn_np", "ncacn_http"});
        continue;
      }
      if (literal.negated) return "'not " + field + "' has no filter condition";
      const bool plain = plain_texts(*literal.item, texts);
      if (field == "interface.uuid" || field == "opnum") {
        if (!plain) return "'" + field + "' with wildcards or comparisons has no filter condition";
        (field == "opnum" ? numbers : uuids) = texts;
        about = about || field == "interface.uuid";
        by_number |= field == "opnum";
      } else if (field == "interface.name" || field == "operation") {
        about = names = true;
        by_number |= field == "operation";
      } else if (field == "transport.protocol") {
        if (!plain) return "'" + field + "' with wildcards has no filter condition";
        rest.conditions.emplace_back("protocol", texts);
      } else if (field == "transport.pipe") {
        if (!plain) return "'" + field + "' with wildcards has no filter condition";
        rest.conditions.emplace_back("pipe", texts);
      } else if (field == "user.sid" || field == "user.groups") {
        std::vector<std::string> descriptors;
        for (const std::string& sid : texts) {
          if (!sid.starts_with("S-1-")) return "'" + sid + "' is no SID";
          descriptors.push_back("D:(A;;CC;;;" + sid + ")");
        }
        if (!plain || descriptors.empty())
          return "'" + field + "' with wildcards has no filter condition";
        rest.conditions.emplace_back("remote_user_token", descriptors);
      } else if (field == "user.level") {
        std::vector<std::string> levels;
        for (const std::string& name : texts) {
          if (level_number(name) < 0) return "'" + name + "' is no protection level";
          levels.push_back(std::to_string(level_number(name)));
        }
        if (levels.empty()) return "'" + field + "' with wildcards has no filter condition";
        rest.conditions.emplace_back("auth_level", levels);
      } else if (field == "client.address") {
        const std::string why = addresses(*literal.item, rest);
        if (!why.empty()) return why;
      } else if (field == "user.name" || field == "user.domain") {
        return "filters know users by SID only: write user.sid or user.groups";
      } else {
        return "'" + field + "' has no filter condition";
      }
    }
    if (!about) return "it names no interface";
    if (by_number && !by_opnum_)
      return "only Windows 11 24H2 and Server 2025 filter by operation number (others ignore it "
             "and "
             "would filter the whole interface): --windows 24h2";
    // Which numbers of which interfaces.
    std::vector<std::pair<std::string, std::vector<std::string>>> interfaces;
    if (!names) {
      for (const std::string& uuid : uuids) {
        if (!Guid::parse(uuid)) return "'" + uuid + "' is no UUID";
        interfaces.emplace_back(uuid, numbers);
      }
    } else {
      const auto matched = operations_of(conjunct, operations_);
      if (!matched || matched->empty()) return "no operation that is known fits";
      for (const lint::Operation* operation : *matched) {
        if (interfaces.empty() || interfaces.back().first != operation->uuid)
          interfaces.emplace_back(operation->uuid, std::vector<std::string>());
        if (by_number)
          interfaces.back().second.push_back(std::to_string(operation->procedure->opnum));
      }
    }
    if (interfaces.size() > 64) return "it is for more than 64 interfaces";
    for (auto& [uuid, opnums] : interfaces) {
      Filter one;
      one.conditions.emplace_back("if_uuid", std::vector{uuid});
      if (!opnums.empty()) one.conditions.emplace_back("opnum", opnums);
      one.conditions.insert(one.conditions.end(), rest.conditions.begin(), rest.conditions.end());
      out.push_back(std::move(one));
    }
    return {};
  }

  /// Single addresses; Windows ignores networks in RPC filters.
  static std::string addresses(const sigma::Item& item, Filter& out) {
    std::vector<std::string> v4, v6;
    for (const Value* value : flat(item)) {
      std::string text;
      if (value->kind == Value::Kind::kCidr && value->prefix == value->network.size() * 8) {
        text = value->text.substr(0, value->text.find('/'));
      } else if (value->kind == Value::Kind::kString && !value->pattern.has_wildcards()) {
        text = value->pattern.plain();
      } else {
        return "networks in RPC filters match nothing: list single addresses";
      }
      std::uint8_t bytes[16];
      std::size_t size = 0;
      if (!match::parse_address(text, bytes, size)) return "'" + text + "' is no address";
      (size == 4 ? v4 : v6).push_back(text);
    }
    if (!v4.empty() && !v6.empty())
      return "IPv4 and IPv6 addresses in one rule: split it, a filter wants both to match";
    if (item.all && item.values.size() > 1) return "an address cannot be several at once";
    if (!v4.empty()) out.conditions.emplace_back("remote_addr_v4", v4);
    if (!v6.empty()) out.conditions.emplace_back("remote_addr_v6", v6);
    return {};
  }

  void write(const Filter& filter, Action action) {
    ++out_.filters;
    out_.script += "add rule layer=um actiontype=" +
                   std::string(action == Action::kBlock ? "block" : "permit") +
                   (action == Action::kAudit ? " audit=enable" : "") + "\n";
    bool address = false, pipe = false;
    for (const auto& [field, values] : filter.conditions) {
      address |= field.starts_with("remote_addr");
      pipe |= field == "pipe";
      for (const std::string& value : values) {
        out_.script +=
            "add condition field=" + field + " matchtype=equal data=" + safe(value) + "\n";
      }
    }
    out_.script += "add filter\n";
    if (address)
      out_.script +=
          "# (never matches calls over named pipes: those have no address for filters)\n";
    if (pipe) out_.script += "# (the pipe's name is compared with case)\n";
  }

  const PolicyModel& policy_;
  const lint::Operations& operations_;
  bool by_opnum_;
  std::int64_t now_;
  NetshExport out_;
  std::vector<const RuleModel*> not_exported_;
  std::vector<std::pair<const RuleModel*, std::vector<Filter>>> done_;
};

}  // namespace

NetshExport export_netsh(const PolicyModel& policy, const lint::Operations& operations,
                         bool by_opnum, std::int64_t now) {
  return Exporter(policy, operations, by_opnum, now).run();
}

}  // namespace rpcmarshal::policy
