// YAML as rules need it: a tree of plain values that remembers where everything stood. Hides the
// YAML library from the rest. Documents of one file are parsed apart, so that a broken one costs
// only itself; nesting and the number of nodes (aliases count each time) are bounded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sigma/diagnostic.h"

namespace rpcmarshal::sigma {

struct YamlEntry;

struct Yaml {
  enum class Kind : std::uint8_t { kNull, kBool, kInteger, kReal, kString, kList, kMap };
  Kind kind = Kind::kNull;
  Location at;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;  ///< of every scalar but null, as it was written
  std::vector<Yaml> list;
  std::vector<YamlEntry> map;  ///< keys are scalars, each once, in file order

  bool is_scalar() const { return kind != Kind::kList && kind != Kind::kMap; }
  bool is_map() const { return kind == Kind::kMap; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_null() const { return kind == Kind::kNull; }
  /// The value of a key (compared as text), or nullptr. Also when this is no map.
  const Yaml* find(std::string_view key) const;
  /// The text of a scalar key that is there and not null, else empty.
  std::string string(std::string_view key) const;
};

struct YamlEntry {
  YamlEntry(Yaml key, Yaml value) : first(std::move(key)), second(std::move(value)) {}
  Yaml first, second;
};

/// Largest rule file that is read.
inline constexpr std::size_t kMaxYamlSize = 8u << 20;

/// All documents of `text`; `file` is for messages only. Empty documents are left out. Plain
/// scalars are typed as YAML 1.1 does (and pySigma with it): yes/no/on/off are booleans, ~ is null.
/// A number with leading zeros and anything else that is not clearly a number stays text.
std::vector<Yaml> parse_yaml(std::string_view text, const std::string& file,
                             Diagnostics& diagnostics);

/// `over`'s keys into `base`, deeply; other values of `over` replace those of `base`.
void merge_yaml(Yaml& base, const Yaml& over);

}  // namespace rpcmarshal::sigma
