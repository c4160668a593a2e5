// A Sigma string: text with wildcards. `*` is any number of characters, `?` exactly one; a
// backslash before a wildcard or another backslash makes it plain, before anything else it is
// itself (so paths need no doubling). Between the parts may stand placeholders (%name%), which only
// the modifier `expand` makes, and which the loader replaces by the user's values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "match/wildcard.h"

namespace rpcmarshal::sigma {

struct PatternPart {
  using Kind = match::PartKind;
  Kind kind = Kind::kText;
  std::string text;  ///< kText: the characters; kPlaceholder: its name
  bool operator==(const PatternPart&) const = default;
};

class Pattern {
 public:
  Pattern() = default;
  /// By the rules above. `\*` is a star, `\\*` a backslash and a wildcard, `\\\*` a backslash and a
  /// star, `\\\\` two backslashes, a single `\` before other characters or at the end a backslash.
  static Pattern parse(std::string_view text);
  /// No character is special (regular expressions, encoded text).
  static Pattern literal(std::string_view text);

  const std::vector<PatternPart>& parts() const { return parts_; }
  bool empty() const { return parts_.empty(); }
  bool has_wildcards() const;
  bool has_placeholders() const;
  bool starts_with_many() const;
  bool ends_with_many() const;
  /// The text when there is nothing special in it (ask has_* first).
  std::string plain() const;
  enum class Form {
    kRule,   ///< as it would be written in a rule: parse(to_string()) is this pattern
    kPlain,  ///< as pySigma's pipelines see it: backslashes stand alone, only stars and question
             ///< marks that are none of the wildcards have one in front
  };
  std::string to_string(Form form = Form::kRule) const;

  void append(PatternPart part);
  void prepend_many();
  void append_many();
  /// %name% in text parts become placeholders; names are not empty and have no backslash.
  void mark_placeholders();

  bool operator==(const Pattern&) const = default;

 private:
  std::vector<PatternPart> parts_;  // two text parts never stand side by side, none is empty
};

using match::wildcard_match;

}  // namespace rpcmarshal::sigma
