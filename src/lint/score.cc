#include "lint/score.h"

#include <algorithm>
#include <array>

#include "base/unicode.h"
#include "lint/attack.h"
#include "lint/checker.h"

namespace rpcmarshal::lint {
namespace {

using sigma::Detection;
using sigma::Item;
using sigma::Node;

/// Columns from the easiest to the hardest to get around, of each of the two kinds.
int column_rank(char column) {
  static constexpr std::string_view kOrder = "PHAUK";
  const std::size_t at = kOrder.find(column);
  return at == std::string_view::npos ? 0 : static_cast<int>(at) + 1;
}
bool weaker(Score a, Score b) {
  return a.level != b.level ? a.level < b.level : column_rank(a.column) < column_rank(b.column);
}
/// AND: an attacker needs to get around one of them. What has no score (which log it is) is
/// neutral.
Score both(Score a, Score b) {
  if (a.level == 0) return b;
  if (b.level == 0) return a;
  return weaker(a, b) ? a : b;
}
/// OR: an attacker needs to get around all.
Score either(Score a, Score b) { return weaker(a, b) ? b : a; }

std::string last_name(std::string_view field) {
  const std::size_t dot = field.rfind('.');
  return to_lower(dot == std::string_view::npos ? field : field.substr(dot + 1));
}

bool any_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view w) { return text.find(w) != std::string_view::npos; });
}

/// A named number of a protocol document: "SERVICE_CONTROL_STOP".
bool is_constant(std::string_view text) {
  return text.find('_') != std::string_view::npos && text.front() >= 'A' && text.front() <= 'Z' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

/// Where events of a Windows log are made. [Summiting the Pyramid: event columns]
char host_column(const sigma::Rule& rule) {
  const sigma::LogSource& source = rule.logsource;
  std::vector<std::string> ids;
  for (const Item& item : rule.detection.items) {
    if (item.field != "EventID") continue;
    for (const sigma::Value& value : item.values) ids.push_back(value.text);
  }
  const auto is = [&](std::initializer_list<std::string_view> list) {
    return std::ranges::any_of(
        ids, [&](const std::string& id) { return std::ranges::find(list, id) != list.end(); });
  };
  if (source.service == "security" && is({"4698", "4699", "4700", "4701", "4702"})) return 'A';
  if (source.service == "system" || source.category == "file_event" ||
      source.category == "registry_set")
    return 'U';
  if (source.category == "process_creation" || source.category == "network_connection" ||
      source.category == "pipe_created" || source.category == "registry_event" ||
      source.category == "registry_add" || source.category == "registry_delete" ||
      source.category == "image_load" || source.category == "driver_load" ||
      (source.service == "security" && is({"4688", "5145", "5140", "4656", "4663"})))
    return 'K';
  if (source.product == "rpc_firewall") return 'U';  // hooks in the server's process
  return 'A';
}

/// Techniques that are these calls: they cannot be done with another protocol or tool.
bool is_core(const Operation& operation) {
  const auto& own = annotation_arguments(*operation.procedure, "attack");
  return operation.interface->name == "drsuapi" && std::ranges::find(own, "T1003.006") != own.end();
}

class Scorer {
 public:
  Scorer(const sigma::Rule& rule, const Operations& operations)
      : rule_(rule), operations_(operations), view_(view_of(rule.logsource)) {
    // Zeek's and Suricata's other logs are of the wire, too.
    const sigma::LogSource& source = rule.logsource;
    const bool network = view_ == View::kZeekRpc || view_ == View::kZeekSmbFiles ||
                         view_ == View::kOwn || source.product == "zeek" ||
                         source.product == "suricata" || source.category == "firewall";
    header_ = network ? 'H' : host_column(rule);
    for (const Operation& operation : operations.all()) {
      const bool live = std::ranges::any_of(rule.detection.conditions, [&](const auto& condition) {
        return node_matches(rule.detection, condition.node, view_, operation) != Truth::kFalse;
      });
      if (live) matched_.push_back(&operation);
    }
    const bool rpc = std::ranges::any_of(rule.detection.items, [&](const Item& item) {
      return !item.keyword && is_rpc(role_of(view_, item.field));
    });
    if (!rpc) matched_.clear();
    core_ = !matched_.empty() &&
            std::ranges::all_of(matched_, [](const Operation* o) { return is_core(*o); });
  }

  ObservableScore observe(const Item& item) const {
    ObservableScore out;
    out.what = item.keyword ? "keywords" : item.field;
    out.what += ": ";
    for (std::size_t i = 0; i < item.values.size() && i < 3; ++i)
      out.what += (i ? ", " : "") + item.values[i].text;
    if (item.values.size() > 3)
      out.what += " and " + std::to_string(item.values.size() - 3) + " more";
    const Role role = item.keyword ? Role::kOther : role_of(view_, item.field);
    if (role == Role::kSource || item.field == "EventID" || item.field == "Channel" ||
        item.field == "Provider_Name" || item.field == "_path" || item.field == "outcome") {
      out.why = "says which event it is";
      return out;
    }
    if (is_rpc(role)) {
      out.score = {static_cast<std::uint8_t>(core_ ? 5 : 4), header_};
      out.why = core_ ? "the technique cannot be done without this call"
                      : "this way of doing it needs this call; other ways may exist";
      return out;
    }
    std::tie(out.score.level, out.why) = level_of(item);
    out.score.column = column_of(item);
    return out;
  }

  bool can_match(std::uint32_t node) const {
    std::vector<const Item*> items = items_below(node);
    if (std::ranges::none_of(items, [&](const Item* item) {
          return !item->keyword && is_rpc(role_of(view_, item->field));
        }))
      return true;
    return std::ranges::any_of(operations_.all(), [&](const Operation& operation) {
      return node_matches(rule_.detection, node, view_, operation) != Truth::kFalse;
    });
  }

  /// NOT is scored as what it negates; `filters` says whether NOT counts at all.
  Score score(std::uint32_t node, bool filters) const {
    const Node& n = rule_.detection.nodes[node];
    Score out;
    switch (n.kind) {
      case Node::Kind::kItem:
        return observe(rule_.detection.items[n.item]).score;
      case Node::Kind::kNot:
        return filters ? score(n.children[0], filters) : out;
      case Node::Kind::kAnd:
        for (const std::uint32_t child : n.children) out = both(out, score(child, filters));
        return out;
      case Node::Kind::kOr:
        for (const std::uint32_t child : n.children) {
          // What can match nothing is no way to match.
          if (can_match(child)) out = either(out, score(child, filters));
        }
        return out;
    }
    return out;
  }

  /// The weakest of what is taken away.
  Score filter_score(std::uint32_t node) const {
    const Node& n = rule_.detection.nodes[node];
    if (n.kind == Node::Kind::kNot) return score(n.children[0], true);
    Score out;
    for (const std::uint32_t child : n.children) out = both(out, filter_score(child));
    return out;
  }

  bool under_not(std::uint32_t wanted) const {
    bool positive = false, negative = false;
    for (const sigma::Condition& condition : rule_.detection.conditions)
      find(condition.node, wanted, false, positive, negative);
    return negative && !positive;
  }

  std::vector<const Item*> items_below(std::uint32_t node) const {
    std::vector<const Item*> out;
    collect(node, out);
    return out;
  }

  std::vector<std::string> techniques(std::uint32_t node) const {
    std::vector<std::string> out;
    if (matched_.empty()) return out;
    for (const Operation* operation : matched_) {
      if (node_matches(rule_.detection, node, view_, *operation) == Truth::kFalse) continue;
      for (const std::string& technique : annotation_arguments(*operation->procedure, "attack")) {
        if (std::ranges::find(out, technique) == out.end()) out.push_back(technique);
      }
    }
    return out;
  }

  std::string raise(Score score, std::string_view limit) const {
    const std::string from =
        limit.empty() ? std::string() : "instead of '" + std::string(limit) + "' ";
    switch (score.level) {
      case 0:
        return "nothing here can be scored";
      case 1:
        return from + "match what the attacker cannot choose: the operation called and its flags";
      case 2:
        return from + "match what every tool must send: the operation, or the values it needs";
      case 3:
        return from + "match the call itself, however it is reached";
      case 4:
        return "match every operation and every other way (siblings, other interfaces, local "
               "tools) of the technique: 'rules lint' says which are missing";
      default:
        return "nothing: it is as strong as the model knows";
    }
  }

  View view() const { return view_; }

 private:
  void collect(std::uint32_t node, std::vector<const Item*>& out) const {
    const Node& n = rule_.detection.nodes[node];
    if (n.kind == Node::Kind::kItem) out.push_back(&rule_.detection.items[n.item]);
    for (const std::uint32_t child : n.children) collect(child, out);
  }

  void find(std::uint32_t node, std::uint32_t wanted, bool negated, bool& positive,
            bool& negative) const {
    if (node == wanted) (negated ? negative : positive) = true;
    const Node& n = rule_.detection.nodes[node];
    for (const std::uint32_t child : n.children)
      find(child, wanted, negated != (n.kind == Node::Kind::kNot), positive, negative);
  }

  char column_of(const Item& item) const {
    if (view_ == View::kOwn) {
      const std::string_view f = item.field;
      const bool header = f.starts_with("client.") || f.starts_with("server.") ||
                          f.starts_with("transport.") || f.starts_with("user.") ||
                          f.starts_with("syntax.") || f == "ts";
      return header ? 'H' : 'P';
    }
    return header_;
  }

  /// An argument that the rule only asks to be there, whatever it says.
  bool any_value(const Item& item) const {
    return view_ == View::kOwn && !item.values.empty() &&
           std::ranges::all_of(item.values, [](const sigma::Value& value) {
             return value.kind == sigma::Value::Kind::kExists || value.text == "*" ||
                    value.text == "?*";
           });
  }

  /// What our events say a context handle was opened on.
  static std::pair<std::uint8_t, std::string> level_of_handle(const Item& item) {
    const bool of_the_system = std::ranges::all_of(item.values, [](const sigma::Value& value) {
      return value.text.find('\\') != std::string::npos || value.text.starts_with("alias ") ||
             value.text.starts_with("group ");
    });
    if (of_the_system) return {4, "the system gives this name; the effect needs it"};
    return {3, "something that is there; others would do"};
  }

  std::pair<std::uint8_t, std::string> level_of(const Item& item) const {
    if (item.keyword) return {1, "words anywhere in the event"};
    if (any_value(item) && column_of(item) == 'P')
      return {4, "any value: without this argument the call has no such effect"};
    if (view_ == View::kOwn && item.field == "handles.name") return level_of_handle(item);
    const std::string name = last_name(item.field);
    const std::string field = to_lower(item.field);
    if (any_of(field, {"orig_h", "resp_h", "orig_p", "resp_p", "address", "host", "hash", "md5",
                       "sha1", "sha256", "processid", "workstation", "unc_hosts"}) ||
        name.ends_with("port") || name == "uid" || field.starts_with("user.") || name == "user" ||
        name == "sid" || name == "ts" || any_of(field, {"username", "logonid", "computer"}))
      return {1, "the attacker changes it at will"};
    if (name == "named_pipe" || field == "transport.pipe" || field == "transport.tree" ||
        (name == "path" && rule_.logsource.product == "zeek" &&
         rule_.logsource.service.starts_with("smb_")))
      return {3, "part of the service as installed; other ways to reach it exist"};
    const bool argument = field.starts_with("request.") || field.starts_with("response.") ||
                          field.starts_with("wmi.") || field.starts_with("details") ||
                          field.starts_with("dispatch.");
    bool numbers = !item.values.empty(), names_tool = false, all = true;
    for (const sigma::Value& value : item.values) {
      const std::string text = to_lower(value.text);
      const bool number = value.kind == sigma::Value::Kind::kNumber ||
                          value.kind == sigma::Value::Kind::kCompare ||
                          value.kind == sigma::Value::Kind::kExists || is_constant(value.text);
      numbers &= number;
      names_tool |= any_of(text, {"cmd.exe", "powershell", "pwsh", "rundll32", "mshta", "regsvr32",
                                  "wscript", "cscript", "certutil", "comspec", "cmd /", "\\sc.exe",
                                  "\\at.exe", "schtasks", "wmic", "net.exe", "admin$", "c$"});
      all &= !value.text.empty();
    }
    if (argument && (numbers || any_of(name, {"flags", "type", "access", "infoclass", "level"})))
      return {4, "the call needs this value to have its effect"};
    if (names_tool) return {3, "a tool that every Windows has; others would do"};
    if (argument && any_of(name, {"key", "subkey", "valuename", "class", "method", "namespace"}) &&
        all)
      return {4, "the system gives this name; the effect needs it"};
    if (any_of(name, {"commandline", "originalfilename", "description", "product", "company"}))
      return {2, "how one tool is built or started"};
    if (argument) return {2, "the tool chooses this value"};
    if (any_of(name, {"image", "filename", "name", "imagepath", "task", "service"}))
      return {1, "a name that is changed at will"};
    return {2, "a value of one tool or one implementation"};
  }

  const sigma::Rule& rule_;
  const Operations& operations_;
  View view_;
  char header_ = 'H';
  bool core_ = false;
  std::vector<const Operation*> matched_;
};

}  // namespace

std::string Score::to_string() const { return level == 0 ? "-" : std::to_string(level) + column; }

RuleScore score_rule(const sigma::Rule& rule, const Operations& operations) {
  const Scorer scorer(rule, operations);
  RuleScore out;
  out.file = rule.about.file;
  out.title = rule.about.title;
  out.id = rule.about.id;
  out.source = rule.logsource.to_string();
  for (const sigma::Condition& condition : rule.detection.conditions) {
    out.analytic = either(out.analytic, scorer.score(condition.node, false));
    out.filter = both(out.filter, scorer.filter_score(condition.node));
  }
  out.final_score = both(out.analytic, out.filter);
  for (const sigma::Selection& selection : rule.detection.selections) {
    if (!selection.used) continue;
    SelectionScore one;
    one.name = selection.name;
    one.filter = scorer.under_not(selection.node);
    one.can_match = scorer.can_match(selection.node);
    one.score = scorer.score(selection.node, true);
    one.techniques = scorer.techniques(selection.node);
    const ObservableScore* weakest = nullptr;
    for (const Item* item : scorer.items_below(selection.node)) {
      ObservableScore observable = scorer.observe(*item);
      if (observable.score.level != 0) one.observables.push_back(std::move(observable));
    }
    for (const ObservableScore& observable : one.observables) {
      if (weakest == nullptr || weaker(observable.score, weakest->score)) weakest = &observable;
    }
    if (weakest != nullptr) one.limited_by = weakest->what;
    one.raise = one.can_match ? scorer.raise(one.score, one.limited_by)
                              : "it matches nothing as written: 'rules lint' says why";
    out.selections.push_back(std::move(one));
  }
  // The strongest way to match is what the rule is worth; its weakest observable limits it.
  const bool by_filter = out.filter.level != 0 && weaker(out.filter, out.analytic);
  for (const SelectionScore& selection : out.selections) {
    if (!selection.can_match || selection.filter != by_filter) continue;
    if (selection.score == (by_filter ? out.filter : out.analytic)) {
      out.limited_by =
          selection.name + (selection.limited_by.empty() ? "" : ": ") + selection.limited_by;
      break;
    }
  }
  out.raise = by_filter ? "the filter: leave out less, or what the attacker cannot imitate"
                        : scorer.raise(out.final_score, {});
  return out;
}

}  // namespace rpcmarshal::lint
