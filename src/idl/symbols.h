// Which definition a name means, and what a constant is worth. A name is looked for in its own
// file, then in the files it imports, then anywhere, then in the prelude: published documents use
// names of other documents without importing them.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "idl/expression.h"
#include "idl/syntax.h"

namespace rpcmarshal::idl {

/// A parsed file with an index of what it defines.
struct File {
  Unit unit;
  std::vector<std::size_t> imports;  ///< indices of files
  /// Integer macros: other files may use them as constants.
  std::vector<std::pair<std::string_view, std::int64_t>> macro_constants;

  std::unordered_map<std::string_view, const Owned<TypedefSyntax>*> typedefs;
  std::unordered_map<std::string_view, const Owned<Body>*> tags;
  std::unordered_map<std::string_view, const InterfaceSyntax*> interfaces;
  std::unordered_map<std::string_view, std::string_view>
      tag_typedefs;  ///< tag -> first typedef of it
  /// Fills the tables below from the unit.
  void index();
  struct ConstantSource {
    const ConstantSyntax* constant = nullptr;
    const Body* enumeration = nullptr;
    std::size_t index = 0;  ///< of the enumerator
  };
  std::unordered_map<std::string_view, ConstantSource> constants;
};

/// What a name means: exactly one of the pointers is set, or none.
struct Definition {
  const File* file = nullptr;
  const Owned<TypedefSyntax>* type_definition = nullptr;
  const Owned<Body>* body = nullptr;
  const InterfaceSyntax* interface = nullptr;
  explicit operator bool() const { return file != nullptr; }
};

class Symbols {
 public:
  /// `prelude` outlives this. Files added live as long as this.
  Symbols(Reporter& reporter, const File& prelude) : reporter_(reporter), prelude_(prelude) {}

  File& add(Unit unit);
  /// To be called after the last add().
  void index();
  const File& prelude() const { return prelude_; }
  std::deque<File>& files() { return files_; }

  /// A plain name: a typedef, an interface, or a tag used without its keyword.
  Definition find(std::string_view name, const File& from) const;
  /// A name behind struct, union or enum.
  Definition find_tag(std::string_view name, const File& from) const;
  Definition find_interface(std::string_view name, const File& from) const;
  /// Whether some file says `interface name;`: enough to point at one.
  bool is_forward_interface(std::string_view name) const { return forward_.contains(name); }

  std::optional<std::int64_t> constant(std::string_view name, const File& from,
                                       std::size_t depth = 0);
  /// The values of an enumeration, in order. Values that cannot be told are reported and counted
  /// on.
  const std::vector<EnumValue>& enumeration(const Body& body, const File& file,
                                            std::size_t depth = 0);
  /// A constant expression; reported when it is none. `what` names its purpose for the message.
  std::optional<std::int64_t> evaluate(TokenRange range, const File& file, std::string_view what,
                                       std::size_t depth = 0);
  /// For sizeof: size in C on a 32-bit system, which published expressions assume.
  std::optional<std::int64_t> size_of(std::span<const Token> type, const File& from) const;

 private:
  struct Evaluated {
    bool busy = false;
    std::optional<std::int64_t> value;
  };
  struct Layout {
    std::int64_t size = 0, alignment = 1;
  };
  Definition find_where(const File& from, Definition (*in_file)(const File&, std::string_view),
                        std::string_view name) const;
  std::optional<Layout> layout(const TypeSyntax& type, const File& file, std::size_t depth,
                               std::size_t& budget) const;
  std::optional<Layout> layout(const Body& body, const File& file, std::size_t depth,
                               std::size_t& budget) const;

  Reporter& reporter_;
  const File& prelude_;
  std::deque<File> files_;
  std::unordered_map<std::string_view, std::vector<const File*>> everywhere_;
  std::unordered_map<std::string_view, std::pair<const File*, File::ConstantSource>>
      constants_everywhere_;
  std::unordered_map<std::string_view, std::int64_t> macros_everywhere_;
  std::unordered_set<std::string_view> forward_;
  std::unordered_map<const ConstantSyntax*, Evaluated> constant_values_;
  std::unordered_map<const Body*, std::vector<EnumValue>> enumerations_;
  std::size_t enum_values_ = 0;
  mutable std::unordered_map<const Body*, std::optional<Layout>> layouts_;
};

}  // namespace rpcmarshal::idl
