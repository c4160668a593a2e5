// What the readers of pipelines share: parameters of one mapping, with what is wrong about them.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sigma/document.h"
#include "sigma/pipeline.h"

namespace rpcmarshal::sigma {

class PipelineReader {
 public:
  PipelineReader(const std::string& file, Diagnostics& diagnostics)
      : report_(file, {}, diagnostics) {}

  Reporter& report() { return report_; }
  /// The value of a key that must be there and not null; else an error, and nullptr.
  const Yaml* needed(const Yaml& yaml, std::string_view key);
  /// Its text, or an error and nothing.
  std::string needed_text(const Yaml& yaml, std::string_view key);
  /// One of `choices`, the first when the key is absent.
  std::string choice(const Yaml& yaml, std::string_view key,
                     std::initializer_list<std::string_view> choices);
  bool flag(const Yaml& yaml, std::string_view key);
  std::vector<std::string> texts(const Yaml& yaml) { return parse_texts(&yaml, report_); }
  /// Not null; unusable when an error was reported.
  std::shared_ptr<const RE2> regex(const Yaml& yaml);
  /// What takes the place of a match, as Python writes it (\\1, \\g<name>, and a backslash before
  /// punctuation is one), as RE2 reads it.
  std::string replacement(const Yaml& yaml, const RE2& regex);
  LogSource source(const Yaml& yaml);
  /// A scalar as a rule's value.
  static Value plain_value(const Yaml& yaml);
  /// The conditions of a transformation of one kind: 'r' of rules, 'f' of fields, 'd' of values.
  void conditions(const Yaml& step, char scope, PipelineConditions& out);

 private:
  void condition(const Yaml& yaml, char scope, PipelineConditions& to);
  void expression(const Yaml& text, const std::vector<std::string>& names, PipelineConditions& out);

  Reporter report_;
};

}  // namespace rpcmarshal::sigma
