// What the catalogue knows, for people (text), programs (JSON) and the documentation (Markdown).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "interface/model.h"

namespace rpcmarshal {

/// The version of ATT&CK whose technique ids interfaces/*.idl uses (docs/idl.md says the same).
inline constexpr std::string_view kAttackVersion = "v16";

struct InterfaceCounts {
  std::size_t operations = 0;  ///< slots that are no reserved ones
  std::size_t typed = 0;       ///< of these, those whose arguments are described
  std::size_t attack = 0;      ///< of these, those with an ATT&CK technique
};
InterfaceCounts count_operations(const Interface& interface);

/// Those in which every one of `words` occurs somewhere: name, Zeek's name, UUID, document, what it
/// is for, an operation's name or alias, a technique. Letters in either case; a UUID or technique
/// need not be whole.
std::vector<const Interface*> select_interfaces(const std::vector<const Interface*>& from,
                                                const std::vector<std::string>& words);

/// One line per interface and a total.
std::string list_text(const std::vector<const Interface*>& interfaces);
/// An array of objects, one per line.
std::string list_json(const std::vector<const Interface*>& interfaces);
/// The page docs/interfaces.md.
std::string list_markdown(const Catalogue& catalogue);

/// One interface with its operations, why they matter, techniques, siblings, other names.
std::string show_text(const Interface& interface);
std::string show_json(const Interface& interface);

}  // namespace rpcmarshal
