// Rule files: any text parses, or is refused with a place; what parses compiles and runs.
#include <cstdint>
#include <string_view>

#include "sigma/correlation.h"
#include "sigma/engine.h"
#include "sigma/loader.h"
#include "sigma/parser.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rpcmarshal::sigma;
  RuleSet set;
  Diagnostics diagnostics;
  parse_rules({reinterpret_cast<const char*>(data), size}, "fuzz.yml", set, diagnostics);
  resolve(set, {{"v", {"x", "y*"}}}, diagnostics);
  Engine engine(std::move(set), diagnostics);
  Correlator correlator(engine, diagnostics);
  Matcher matcher(engine);
  EventFields event;
  for (FieldId field = 0; field < engine.fields().size() && field < 64; ++field)
    event.add(EventValue::of("x 4624 10.0.0.1"), field);
  std::vector<CorrelationMatch> out;
  const auto& matches = matcher.match(engine.plan({}), event);
  std::vector<FieldId> needed;
  for (const std::uint32_t rule : matches) {
    matcher.explain(rule);
    correlator.fields_of(rule, needed);
  }
  FieldTexts values;
  values.take(event, needed);
  correlator.event(matches, 1, values, out);
  correlator.finish(out);
  return 0;
}
