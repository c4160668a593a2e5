#include "sigma/fingerprint.h"

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace rpcmarshal::sigma {
namespace {

/// Parts one behind the other, each so that where it ends is clear.
class Writer {
 public:
  void text(std::string_view text) {
    number(text.size());
    out.append(text);
  }
  void number(std::uint64_t number) {
    out += std::to_string(number);
    out += ' ';
  }
  void real(double real) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &real, sizeof bits);
    number(bits);
  }
  template <typename Enum>
  void kind(Enum kind) {
    number(static_cast<std::uint64_t>(kind));
  }
  void texts(const std::vector<std::string>& texts) {
    number(texts.size());
    for (const std::string& one : texts) text(one);
  }

  void value(const Value& v) {
    kind(v.kind);
    number(v.pattern.parts().size());
    for (const PatternPart& part : v.pattern.parts()) {
      kind(part.kind);
      text(part.text);
    }
    // As it was written: of numbers in keywords, that is what is looked for.
    text(v.kind == Value::Kind::kNumber ? v.text : std::string_view());
    for (const bool flag : {v.cased, v.flag, v.integral, v.ignore_case, v.multiline, v.dot_all,
                            v.at_start, v.at_end}) {
      number(flag ? 1 : 0);
    }
    real(v.number);
    number(static_cast<std::uint64_t>(v.integer));
    kind(v.op);
    kind(v.part);
    text({reinterpret_cast<const char*>(v.network.data()), v.network.size()});
    number(v.prefix);
    number(v.alternatives.size());
    // One level: alternatives have none themselves.
    for (const Value& alternative : v.alternatives) value(alternative);
  }

  void item(const Item& i) {
    text(i.field);
    for (const bool flag : {i.keyword, i.all, i.negated}) number(flag ? 1 : 0);
    number(i.values.size());
    for (const Value& v : i.values) value(v);
  }

  void nodes(const std::vector<Node>& nodes) {
    number(nodes.size());
    for (const Node& node : nodes) {
      kind(node.kind);
      number(node.item);
      number(node.children.size());
      for (const std::uint32_t child : node.children) number(child);
    }
  }

  std::string out;
};

}  // namespace

std::string fingerprint(const Rule& rule) {
  Writer w;
  w.text(rule.logsource.product);
  w.text(rule.logsource.category);
  w.text(rule.logsource.service);
  w.number(rule.detection.items.size());
  for (const Item& item : rule.detection.items) w.item(item);
  w.nodes(rule.detection.nodes);
  for (const Condition& condition : rule.detection.conditions) w.number(condition.node);
  return std::move(w.out);
}

std::string fingerprint(const Correlation& c) {
  Writer w;
  w.kind(c.type);
  w.texts(c.rules);
  w.texts(c.group_by);
  w.number(static_cast<std::uint64_t>(c.timespan));
  w.number(c.bounds.size());
  for (const CorrelationBound& bound : c.bounds) {
    w.kind(bound.op);
    w.real(bound.value);
  }
  w.texts(c.fields);
  w.real(c.percentile);
  w.number(c.aliases.size());
  for (const auto& [name, mapping] : c.aliases) {
    w.text(name);
    w.number(mapping.size());
    for (const auto& [rule, field] : mapping) {
      w.text(rule);
      w.text(field);
    }
  }
  w.nodes(c.expression);
  w.number(c.expression_root ? *c.expression_root + 1 : 0);
  return std::move(w.out);
}

}  // namespace rpcmarshal::sigma
