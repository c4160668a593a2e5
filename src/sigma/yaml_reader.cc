#include "sigma/yaml_reader.h"

#include <yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "sigma/yaml_places.h"
#include "sigma/yaml_problem.h"

namespace rpcmarshal::sigma {
namespace {

constexpr std::size_t kMaxNodes = 200'000;
constexpr std::size_t kMaxDepth = 32;

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view view(const yaml_char_t* text) {
  return text != nullptr ? reinterpret_cast<const char*>(text) : std::string_view();
}

/// What repeating a value costs.
struct Size {
  std::size_t nodes = 0, bytes = 0, height = 0;
};

/// Recursive, but no tree is higher than kMaxDepth.
Size size_of(const Yaml& tree) {
  Size out{1, tree.text.size(), 0};
  const auto add = [&out](const Yaml& child) {
    const Size size = size_of(child);
    out.nodes += size.nodes;
    out.bytes += size.bytes;
    out.height = std::max(out.height, size.height + 1);
  };
  for (const Yaml& child : tree.list) add(child);
  for (const auto& [key, value] : tree.map) {
    add(key);
    add(value);
  }
  return out;
}

/// Takes events, in their order, and puts the tree together.
class Builder {
 public:
  explicit Builder(YamlPlaces& places) : places_(places) { open_.reserve(kMaxDepth + 1); }

  /// A problem ends the document.
  YamlProblem take(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_SCALAR_EVENT:
        return scalar(event);
      case YAML_ALIAS_EVENT:
        return alias(places_.of(event.start_mark), std::string(view(event.data.alias.anchor)));
      case YAML_SEQUENCE_START_EVENT:
        return open(Yaml::Kind::kList, event, event.data.sequence_start.anchor);
      case YAML_MAPPING_START_EVENT:
        return open(Yaml::Kind::kMap, event, event.data.mapping_start.anchor);
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        return close();
      default:
        return {};
    }
  }

  /// The document that has ended.
  Yaml take_root() { return std::move(root_); }

 private:
  /// A list or map that has begun.
  struct Open {
    Yaml node;
    std::string anchor;
    Yaml key;                  ///< of the value that comes next
    std::vector<Yaml> merged;  ///< maps that '<<' names
    bool has_key = false;
    bool merges = false;  ///< the key is '<<', without quotes
  };

  YamlProblem spend(Location at, std::size_t nodes, std::size_t height) {
    nodes_ += nodes;
    if (nodes_ > kMaxNodes) return {at, "the document has too many values"};
    if (open_.size() + height > kMaxDepth) return {at, "values are nested too deeply"};
    return {};
  }

  YamlProblem scalar(const yaml_event_t& event) {
    const auto& from = event.data.scalar;
    Yaml out;
    out.at = places_.of(event.start_mark);
    if (YamlProblem p = spend(out.at, 1, 0); !p.message.empty()) return p;
    out.kind = Yaml::Kind::kString;
    out.text.assign(reinterpret_cast<const char*>(from.value), from.length);
    const bool plain = from.plain_implicit != 0 && from.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain ||
        one_of(view(from.tag), {YAML_NULL_TAG, YAML_BOOL_TAG, YAML_INT_TAG, YAML_FLOAT_TAG}))
      set_yaml_type(out);
    if (from.anchor != nullptr) {
      if (YamlProblem p = name(std::string(view(from.anchor)), out); !p.message.empty()) return p;
    }
    return add(std::move(out), plain);
  }

  YamlProblem open(Yaml::Kind kind, const yaml_event_t& event, const yaml_char_t* anchor) {
    const Location at = places_.of(event.start_mark);
    if (YamlProblem p = spend(at, 1, 0); !p.message.empty()) return p;
    if (wants_key()) return {at, "a key must be text"};
    Open& one = open_.emplace_back();
    one.node.kind = kind;
    one.node.at = at;
    one.anchor = view(anchor);
    return {};
  }

  YamlProblem close() {
    Open one = std::move(open_.back());
    open_.pop_back();
    if (one.node.is_map()) {
      if (YamlProblem p = finish_map(one); !p.message.empty()) return p;
    }
    if (!one.anchor.empty()) {
      if (YamlProblem p = name(std::move(one.anchor), one.node); !p.message.empty()) return p;
    }
    return add(std::move(one.node), false);
  }

  /// Keys stand once each; what a map says itself goes before what it merges, in whatever order.
  static YamlProblem finish_map(Open& one) {
    std::vector<YamlEntry>& map = one.node.map;
    std::size_t most = map.size();
    for (const Yaml& other : one.merged) most += other.map.size();
    map.reserve(most);  // the views below stay good
    std::unordered_set<std::string_view> keys;
    const auto is_new = [&](std::size_t at) {
      const std::string& key = map[at].first.text;
      if (most > 12) return keys.insert(key).second;
      return std::none_of(map.begin(), map.begin() + static_cast<std::ptrdiff_t>(at),
                          [&](const YamlEntry& e) { return e.first.text == key; });
    };
    for (std::size_t i = 0; i < map.size(); ++i) {
      const Yaml& key = map[i].first;
      if (!is_new(i)) return {key.at, "the key '" + key.text + "' stands here twice"};
    }
    for (Yaml& other : one.merged) {
      for (YamlEntry& entry : other.map) {
        map.push_back(std::move(entry));
        if (!is_new(map.size() - 1)) map.pop_back();
      }
    }
    return {};
  }

  /// Keeps a value for its aliases.
  YamlProblem name(std::string anchor, const Yaml& value) {
    const Size size = size_of(value);
    named_nodes_ += size.nodes;
    if (named_nodes_ > kMaxNodes)
      return {value.at, "the document has too many values with anchors"};
    anchors_.insert_or_assign(std::move(anchor), Named{value, size});
    return {};
  }

  YamlProblem alias(Location at, const std::string& name) {
    const auto within = [&](const Open& one) { return one.anchor == name; };
    if (std::any_of(open_.begin(), open_.end(), within))
      return {at, "the alias '*" + name + "' stands inside of what it names"};
    const auto found = anchors_.find(name);
    if (found == anchors_.end())
      return {at, "there is no anchor '&" + name +
                      "' before this alias; text that begins with '*' needs quotes"};
    const auto& [value, size] = found->second;
    if (YamlProblem p = spend(at, size.nodes, size.height); !p.message.empty()) return p;
    repeated_bytes_ += size.bytes;
    if (repeated_bytes_ > kMaxYamlSize)
      return {at, "the document has too many values: its aliases repeat more than 8 MB"};
    if (wants_key() && !value.is_scalar()) return {at, "a key must be text"};
    return add(Yaml(value), false);
  }

  bool wants_key() const {
    return !open_.empty() && open_.back().node.is_map() && !open_.back().has_key;
  }

  YamlProblem add(Yaml value, bool plain) {
    if (open_.empty()) {
      root_ = std::move(value);
      return {};
    }
    Open& in = open_.back();
    if (in.node.is_list()) {
      in.node.list.push_back(std::move(value));
    } else if (!in.has_key) {
      in.merges = plain && value.text == "<<";
      in.key = std::move(value);
      in.has_key = true;
    } else {
      in.has_key = false;
      if (in.merges && merge(in, value)) return {};
      in.node.map.emplace_back(std::move(in.key), std::move(value));
    }
    return {};
  }

  /// '<<: *map' or '<<: [*map, *other]'; false when it is something else.
  static bool merge(Open& in, Yaml& value) {
    if (value.is_map()) {
      in.merged.push_back(std::move(value));
      return true;
    }
    if (!value.is_list() || !std::all_of(value.list.begin(), value.list.end(),
                                         [](const Yaml& one) { return one.is_map(); }))
      return false;
    for (Yaml& one : value.list) in.merged.push_back(std::move(one));
    return true;
  }

  struct Named {
    Yaml value;
    Size size;
  };
  YamlPlaces& places_;
  Yaml root_;
  std::vector<Open> open_;
  std::unordered_map<std::string, Named> anchors_;
  std::size_t nodes_ = 0, named_nodes_ = 0, repeated_bytes_ = 0;
};

/// libyaml's parser, and its event, while they live.
struct Parser {
  Parser() { ready = yaml_parser_initialize(&parser) != 0; }
  ~Parser() {
    yaml_event_delete(&event);
    if (ready) yaml_parser_delete(&parser);
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  bool next() {
    yaml_event_delete(&event);
    return yaml_parser_parse(&parser, &event) != 0;
  }

  yaml_parser_t parser{};
  yaml_event_t event{};
  bool ready = false;
};

}  // namespace

void set_yaml_type(Yaml& out) {
  const std::string& text = out.text;
  // What can be something else than text, most of which begins with another letter.
  if (!text.empty() &&
      std::string_view("~+-.0123456789nNtTfFyYoO").find(text[0]) == std::string_view::npos)
    return;
  if (one_of(text, {"", "~", "null", "Null", "NULL"})) {
    out.kind = Yaml::Kind::kNull;
    out.text.clear();
  } else if (one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) {
    out.kind = Yaml::Kind::kBool;
    out.boolean = true;
  } else if (one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) {
    out.kind = Yaml::Kind::kBool;
  } else {
    const bool sign = text[0] == '-' || text[0] == '+';
    const std::string_view digits = std::string_view(text).substr(sign ? 1 : 0);
    const char* end = text.data() + text.size();
    if (all_digits(digits) && (digits.size() == 1 || digits[0] != '0')) {
      const char* from = text.data() + (text[0] == '+' ? 1 : 0);
      const auto r = std::from_chars(from, end, out.integer);
      if (r.ec == std::errc() && r.ptr == end) out.kind = Yaml::Kind::kInteger;
    } else if (!sign && text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
      const auto r = std::from_chars(text.data() + 2, end, out.integer, 16);
      if (r.ec == std::errc() && r.ptr == end) out.kind = Yaml::Kind::kInteger;
    } else if (const std::size_t dot = digits.find('.'); dot != std::string_view::npos &&
                                                         all_digits(digits.substr(0, dot)) &&
                                                         (digits[0] != '0' || dot == 1)) {
      const char* from = text.data() + (text[0] == '+' ? 1 : 0);
      const auto r = std::from_chars(from, end, out.real);
      if (r.ec == std::errc() && r.ptr == end && std::isfinite(out.real))
        out.kind = Yaml::Kind::kReal;
    }
  }
}

YamlProblem read_yaml(std::string_view text, std::uint32_t lines_before, std::vector<Yaml>& out) {
  Parser parser;
  if (!parser.ready) return {{}, "there is no memory for this file"};
  yaml_parser_set_encoding(&parser.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&parser.parser, reinterpret_cast<const unsigned char*>(text.data()),
                               text.size());
  const std::size_t first = out.size();
  // A document with something wrong behind it (a line that is not indented, say) is no whole one.
  const auto fail = [&](YamlProblem problem) {
    out.resize(first);
    return problem;
  };
  YamlPlaces places(text, lines_before);
  std::optional<Builder> builder;
  for (;;) {
    if (!parser.next()) return fail(explain(parser.parser, text, lines_before));
    switch (parser.event.type) {
      case YAML_STREAM_START_EVENT:
        break;
      case YAML_STREAM_END_EVENT:
        return {};
      case YAML_DOCUMENT_START_EVENT:
        builder.emplace(places);
        break;
      case YAML_DOCUMENT_END_EVENT:
        if (Yaml root = builder->take_root(); !root.is_null()) out.push_back(std::move(root));
        break;
      default:
        if (YamlProblem p = builder->take(parser.event); !p.message.empty())
          return fail(std::move(p));
    }
  }
}

}  // namespace rpcmarshal::sigma
