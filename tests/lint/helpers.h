// What the tests of the linter and the scorer share: the catalogue, rules in short, and questions
// to findings.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "builtin/builtin.h"
#include "lint/linter.h"
#include "sigma/parser.h"

namespace rpcmarshal::lint {

inline const Operations& all_operations() {
  static const LoadedCatalogue kLoaded = load_catalogue();
  static const Operations kOperations(kLoaded.catalogue);
  return kOperations;
}

/// A rule for a log source with these tags and this text below `detection:` (indented by two).
inline std::string rule_text(const std::string& source, const std::vector<std::string>& tags,
                             const std::string& detection, const std::string& more = {}) {
  std::string out = "title: A test\n" + more;
  if (!tags.empty()) out += "tags:\n";
  for (const std::string& tag : tags) out += "  - attack." + tag + "\n";
  out += "logsource: {" + source + "}\ndetection:\n" + detection + "level: medium\n";
  return out;
}
inline const std::string kZeek = "product: zeek, service: dce_rpc";
inline const std::string kSmbFiles = "product: zeek, service: smb_files";
inline const std::string kFirewall = "product: rpc_firewall, category: application";
inline const std::string kOwn = "product: rpcmarshal";

inline std::vector<Finding> lint_it(const std::string& text, const std::string& file = "r.yml") {
  return lint_text(text, file, all_operations());
}

inline std::vector<Finding> of(const std::vector<Finding>& findings, std::string_view check) {
  std::vector<Finding> out;
  for (const Finding& f : findings) {
    if (f.check == check) out.push_back(f);
  }
  return out;
}

/// Whether there is a finding of that check which says all of these words.
inline testing::AssertionResult says(const std::vector<Finding>& findings, std::string_view check,
                                     std::initializer_list<std::string_view> words = {}) {
  for (const Finding& f : findings) {
    const std::string text = f.message + " " + f.fix;
    if (f.check == check && std::ranges::all_of(words, [&](std::string_view word) {
          return text.find(word) != std::string::npos;
        }))
      return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "not found: " << check << "; found:\n"
                                     << findings_text(findings);
}

}  // namespace rpcmarshal::lint
