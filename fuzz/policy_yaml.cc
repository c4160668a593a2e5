// A policy in YAML, and an event behind the first NUL: parsed, checked, compiled, exported,
// decided.
#include <cstdlib>
#include <string>

#include "builtin/builtin.h"
#include "policy/compiler/check.h"
#include "policy/compiler/compile.h"
#include "policy/compiler/netsh.h"
#include "policy/compiler/parser.h"
#include "policy/evaluator.h"
#include "policy/json_fields.h"

using namespace rpcmarshal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The whole catalogue would take a second of every minute.
  static const Catalogue kCatalogue;
  static const lint::Operations kOperations(kCatalogue);
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string_view text = all.substr(0, all.find('\0'));
  const std::string_view event = text.size() < all.size() ? all.substr(text.size() + 1) : "{}";
  policy::PolicyModel model;
  sigma::Diagnostics diagnostics;
  if (!policy::parse_policy(text, "fuzz.yml", model, diagnostics)) {
    if (diagnostics.empty()) std::abort();
    return 0;
  }
  policy::check_policy(model, kOperations, 0, diagnostics);
  policy::export_netsh(model, kOperations, true, 0);
  const std::vector<std::byte> block = policy::compile_policy(model, diagnostics);
  if (block.empty()) return 0;
  const policy::Policy::Loaded loaded = policy::Policy::load(block);
  if (!loaded.policy) std::abort();
  policy::JsonFields fields(*loaded.policy);
  policy::Evaluator evaluator(*loaded.policy);
  fields.parse(event);
  evaluator.decide(fields, 1);
  return 0;
}
