// The table of names, interfaces/names.tsv: every interface and operation that is known by name, so
// that a call whose arguments have no definition still says what was called. An interface is read
// from the text when it is asked for; what is kept is where each begins.
//
// Lines: an interface is "uuid version name document zeek", an operation of it "opnum name zeek
// misnomer", separated by tabs; empty cells at the end are left out. `zeek` is there when Zeek uses
// another name, `misnomer` when Zeek uses the name of another operation. No version: not known.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/guid.h"
#include "interface/model.h"

namespace rpcmarshal {

class NameTable {
 public:
  /// `text` outlives the table. Lines that are neither are passed over.
  explicit NameTable(std::string_view text);

  struct Entry {
    Guid uuid;
    std::size_t begin, end;  ///< its lines in the text
  };
  /// By UUID.
  const std::vector<Entry>& entries() const { return entries_; }
  const Entry* find(const Guid& uuid) const;
  /// Those whose name, or Zeek's name, is `name`, letters in either case.
  std::vector<const Entry*> find_by_name(std::string_view name) const;

  /// The interface's name; empty when its version is known and another one.
  std::string name(const Entry& entry, std::uint16_t major) const;
  /// names_only, its procedures without types; those without a name are reserved and nameless.
  Interface read(const Entry& entry) const;

 private:
  std::string_view text_;
  std::vector<Entry> entries_;
};

}  // namespace rpcmarshal
