#include "lint/operations.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

#include "base/unicode.h"
#include "interface/names.h"

namespace rpcmarshal::lint {
namespace {

using sigma::Value;

bool is_operation(const Procedure& procedure) {
  return !procedure.reserved && !procedure.name.empty();
}

std::string folded(const sigma::Pattern& pattern, std::vector<sigma::PatternPart>& parts) {
  std::string plain;
  for (sigma::PatternPart part : pattern.parts()) {
    part.text = to_lower(part.text);
    plain += part.text;
    parts.push_back(std::move(part));
  }
  return plain;
}

Truth truth(bool b) { return b ? Truth::kTrue : Truth::kFalse; }
Truth negated(Truth t) {
  return t == Truth::kMaybe ? t : t == Truth::kTrue ? Truth::kFalse : Truth::kTrue;
}

/// How far apart a suggestion may be: a third of the letters, at most four.
std::size_t near_limit(std::size_t size) { return std::clamp<std::size_t>(size / 3, 1, 4); }

/// Keeps the candidate nearest to `name`. A name that contains the other (JobAdd in NetrJobAdd) is
/// near, too.
class Nearest {
 public:
  explicit Nearest(std::string_view name) : name_(to_lower(name)) {}
  void consider(std::string_view candidate) {
    const std::string lower = to_lower(candidate);
    std::size_t distance = edit_distance(name_, lower, near_limit(name_.size()));
    const bool within = name_.size() >= 5 && (lower.ends_with(name_) || lower.starts_with(name_) ||
                                              (lower.size() >= 5 && name_.ends_with(lower)));
    if (within) distance = std::min<std::size_t>(distance, 2);
    if (distance > near_limit(name_.size())) return;
    if (best_.empty() || distance < distance_) {
      best_ = candidate;
      distance_ = distance;
    }
  }
  std::string take() { return std::move(best_); }

 private:
  std::string name_, best_;
  std::size_t distance_ = 0;
};

std::vector<std::string_view> alias_uuids(const Interface& interface) {
  std::vector<std::string_view> out;
  for (const Annotation& annotation : interface.annotations.items) {
    if (annotation.name != "alias_uuid") continue;
    out.insert(out.end(), annotation.arguments.begin(), annotation.arguments.end());
  }
  return out;
}

}  // namespace

View view_of(const sigma::LogSource& source) {
  if (source.product == "zeek" && source.service == "dce_rpc") return View::kZeekRpc;
  if (source.product == "zeek" && source.service == "smb_files") return View::kZeekSmbFiles;
  if (source.product == "rpc_firewall") return View::kFirewall;
  if (source.product == "rpcmarshal") return View::kOwn;
  return View::kOther;
}

Role role_of(View view, std::string_view field) {
  switch (view) {
    case View::kZeekRpc:
      if (field == "endpoint") return Role::kInterface;
      if (field == "operation") return Role::kOperation;
      break;
    case View::kFirewall:
      if (field == "InterfaceUuid") return Role::kUuid;
      if (field == "OpNum") return Role::kOpnum;
      if (field == "EventLog" || field == "EventID" || field == "Channel") return Role::kSource;
      break;
    case View::kOwn:
      if (field == "interface.name") return Role::kInterface;
      if (field == "interface.uuid") return Role::kUuid;
      if (field == "operation") return Role::kOperation;
      if (field == "opnum") return Role::kOpnum;
      break;
    case View::kZeekSmbFiles:
    case View::kOther:
      break;
  }
  return Role::kOther;
}

Operations::Operations(const Catalogue& catalogue)
    : catalogue_(catalogue), interfaces_(catalogue.all(true)) {
  for (const Interface* interface : interfaces_) {
    const std::string endpoint(zeek_endpoint(*interface));
    interface_by_name_.emplace(to_lower(endpoint), interface);
    if (!equal_ignoring_case(endpoint, interface->name))
      interface_by_name_.emplace(to_lower(interface->name), interface);
    for (const Procedure& procedure : interface->procedures) {
      if (!is_operation(procedure)) continue;
      const std::size_t index = all_.size();
      all_.push_back({interface, &procedure, endpoint, std::string(zeek_operation(procedure)),
                      interface->id.uuid.to_string()});
      std::vector<std::string> names{to_lower(procedure.name)};
      for (const std::string_view kind : {"alias", "zeek"}) {
        for (const std::string& alias : annotation_arguments(procedure, kind))
          names.push_back(to_lower(alias));
      }
      std::ranges::sort(names);
      names.erase(std::unique(names.begin(), names.end()), names.end());
      for (const std::string& name : names) by_name_.emplace(name, index);
    }
  }
}

std::vector<const Operation*> Operations::called(std::string_view name) const {
  std::vector<const Operation*> out;
  const auto [first, last] = by_name_.equal_range(to_lower(name));
  for (auto it = first; it != last; ++it) out.push_back(&all_[it->second]);
  return out;
}

std::vector<const Interface*> Operations::interfaces_called(std::string_view name) const {
  std::vector<const Interface*> out;
  const auto [first, last] = interface_by_name_.equal_range(to_lower(name));
  for (auto it = first; it != last; ++it) out.push_back(it->second);
  return out;
}

std::string Operations::similar_operation(std::string_view name,
                                          const std::vector<const Interface*>& of) const {
  Nearest nearest(name);
  for (const Operation& operation : all_) {
    if (!of.empty() && std::ranges::find(of, operation.interface) == of.end()) continue;
    nearest.consider(operation.operation);
  }
  return nearest.take();
}

std::string Operations::similar_endpoint(std::string_view name) const {
  Nearest nearest(name);
  for (const Interface* interface : interfaces_) nearest.consider(zeek_endpoint(*interface));
  return nearest.take();
}

std::string Operations::similar_uuid(std::string_view uuid) const {
  std::string best;
  std::size_t distance = 5;
  for (const Interface* interface : interfaces_) {
    const std::string candidate = interface->id.uuid.to_string();
    const std::size_t d = edit_distance(uuid, candidate, 4);
    if (d < distance) {
      distance = d;
      best = candidate;
    }
  }
  return best;
}

Truth value_matches(const Value& value, std::string_view text) {
  switch (value.kind) {
    case Value::Kind::kString: {
      if (value.pattern.has_placeholders()) return Truth::kMaybe;
      if (value.cased) return truth(sigma::wildcard_match(value.pattern.parts(), text));
      std::vector<sigma::PatternPart> parts;
      folded(value.pattern, parts);
      return truth(sigma::wildcard_match(parts, to_lower(text)));
    }
    case Value::Kind::kNumber:
    case Value::Kind::kBool:
      return truth(equal_ignoring_case(value.text, text));
    case Value::Kind::kNull:
      return Truth::kFalse;
    case Value::Kind::kExists:
      return truth(value.flag);
    case Value::Kind::kRegex: {
      RE2::Options options(RE2::Quiet);
      options.set_case_sensitive(!value.ignore_case);
      const RE2 regex(value.pattern.plain(), options);
      if (!regex.ok() || value.pattern.has_placeholders()) return Truth::kMaybe;
      return truth(RE2::PartialMatch(text, regex));
    }
    case Value::Kind::kAnyOf: {
      Truth out = Truth::kFalse;
      for (const Value& one : value.alternatives) out = std::max(out, value_matches(one, text));
      return out;
    }
    case Value::Kind::kCompare: {
      if (value.part != sigma::TimePart::kNone) return Truth::kMaybe;
      char* end = nullptr;
      const std::string number(text);
      const double n = std::strtod(number.c_str(), &end);
      if (end == number.c_str() || *end != 0) return Truth::kFalse;
      switch (value.op) {
        case sigma::CompareOp::kLess:
          return truth(n < value.number);
        case sigma::CompareOp::kLessEqual:
          return truth(n <= value.number);
        case sigma::CompareOp::kGreater:
          return truth(n > value.number);
        case sigma::CompareOp::kGreaterEqual:
          return truth(n >= value.number);
      }
      return Truth::kMaybe;
    }
    case Value::Kind::kCidr:
    case Value::Kind::kTimePart:
    case Value::Kind::kFieldRef:
      break;
  }
  return Truth::kMaybe;
}

Truth item_matches(const sigma::Item& item, View view, const Operation& operation) {
  if (item.keyword) return Truth::kMaybe;
  const Role role = role_of(view, item.field);
  std::vector<std::string_view> texts;
  const std::string opnum = std::to_string(operation.procedure->opnum);
  switch (role) {
    case Role::kOther:
      return Truth::kMaybe;
    case Role::kSource:
      return Truth::kTrue;
    case Role::kInterface:
      texts.push_back(operation.endpoint);
      if (view == View::kOwn) texts.push_back(operation.interface->name);
      break;
    case Role::kUuid:
      texts.push_back(operation.uuid);
      for (const std::string_view alias : alias_uuids(*operation.interface)) texts.push_back(alias);
      break;
    case Role::kOperation: {
      if (view == View::kOwn) texts.push_back(operation.procedure->name);
      texts.push_back(operation.operation);
      const std::string_view misnomer = zeek_misnomer(*operation.procedure);
      if (!misnomer.empty() && view == View::kZeekRpc) texts.push_back(misnomer);
      break;
    }
    case Role::kOpnum:
      texts.push_back(opnum);
      break;
  }
  Truth all = Truth::kTrue, any = Truth::kFalse;
  for (const Value& value : item.values) {
    Truth one = Truth::kFalse;
    for (const std::string_view text : texts) one = std::max(one, value_matches(value, text));
    all = std::min(all, one);
    any = std::max(any, one);
  }
  const Truth out = item.all ? all : any;
  return item.negated ? negated(out) : out;
}

Truth node_matches(const sigma::Detection& detection, std::uint32_t node, View view,
                   const Operation& operation) {
  // The parser bounds the nesting.
  const sigma::Node& n = detection.nodes[node];
  Truth out = Truth::kTrue;
  switch (n.kind) {
    case sigma::Node::Kind::kItem:
      return item_matches(detection.items[n.item], view, operation);
    case sigma::Node::Kind::kNot:
      return negated(node_matches(detection, n.children.at(0), view, operation));
    case sigma::Node::Kind::kAnd:
      for (const std::uint32_t child : n.children) {
        out = std::min(out, node_matches(detection, child, view, operation));
        if (out == Truth::kFalse) break;
      }
      return out;
    case sigma::Node::Kind::kOr:
      out = Truth::kFalse;
      for (const std::uint32_t child : n.children) {
        out = std::max(out, node_matches(detection, child, view, operation));
        if (out == Truth::kTrue) break;
      }
      return out;
  }
  return Truth::kMaybe;
}

std::vector<const Operation*> matched_operations(const sigma::Detection& detection, View view,
                                                 const Operations& operations) {
  std::vector<const Operation*> out;
  const bool about_rpc = std::ranges::any_of(detection.items, [&](const sigma::Item& item) {
    return !item.keyword && is_rpc(role_of(view, item.field));
  });
  if (!about_rpc) return out;
  for (const Operation& operation : operations.all()) {
    for (const sigma::Condition& condition : detection.conditions) {
      if (node_matches(detection, condition.node, view, operation) == Truth::kFalse) continue;
      out.push_back(&operation);
      break;
    }
  }
  return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  const std::size_t difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (difference > limit || a.size() > 200 || b.size() > 200) return limit + 1;
  const std::string x = to_lower(a), y = to_lower(b);
  std::vector<std::size_t> before(y.size() + 1), last(y.size() + 1), now(y.size() + 1);
  for (std::size_t j = 0; j <= y.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= x.size(); ++i) {
    now[0] = i;
    std::size_t least = i;
    for (std::size_t j = 1; j <= y.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (x[i - 1] != y[j - 1])});
      if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1])
        now[j] = std::min(now[j], before[j - 2] + 1);
      least = std::min(least, now[j]);
    }
    if (least > limit) return limit + 1;
    before.swap(last);
    last.swap(now);
  }
  return std::min(last[y.size()], limit + 1);
}

const std::vector<std::string>& annotation_arguments(const Procedure& procedure,
                                                     std::string_view name) {
  static const std::vector<std::string> kNone;
  const Annotation* annotation = procedure.annotations.find(name);
  return annotation ? annotation->arguments : kNone;
}

int severity_rank(const Procedure& procedure) {
  const std::string_view severity = procedure.annotations.value("severity");
  return severity == "high" ? 3 : severity == "medium" ? 2 : severity == "low" ? 1 : 0;
}

bool zeek_ignores(const Operation& operation) {
  struct Ignored {
    std::string_view endpoint, operation;
  };
  static constexpr std::array kIgnored = {
      Ignored{"winreg", "BaseRegOpenKey"},     Ignored{"winreg", "BaseRegCloseKey"},
      Ignored{"winreg", "BaseRegQueryValue"},  Ignored{"winreg", "BaseRegEnumKey"},
      Ignored{"winreg", "BaseRegGetVersion"},  Ignored{"winreg", "BaseRegDeleteKeyEx"},
      Ignored{"winreg", "OpenLocalMachine"},   Ignored{"winreg", "OpenClassesRoot"},
      Ignored{"spoolss", "RpcSplOpenPrinter"}, Ignored{"spoolss", "RpcClosePrinter"},
      Ignored{"wkssvc", "NetrWkstaGetInfo"},
  };
  return std::ranges::any_of(kIgnored, [&](const Ignored& one) {
    return operation.endpoint == one.endpoint && operation.operation == one.operation;
  });
}

}  // namespace rpcmarshal::lint
