// Pipelines and rules: the text up to the first NUL is a pipeline, the rest rules. Whatever the
// pipeline makes of the rules compiles and runs.
#include <cstdint>
#include <string_view>

#include "sigma/engine.h"
#include "sigma/loader.h"
#include "sigma/parser.h"
#include "sigma/pipeline.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rpcmarshal::sigma;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t end = all.find('\0');
  if (end == std::string_view::npos) return 0;
  Diagnostics diagnostics;
  std::vector<Pipeline> pipelines;
  if (!parse_pipeline(all.substr(0, end), "p.yml", pipelines, diagnostics)) return 0;
  RuleSet set;
  parse_rules(all.substr(end + 1), "r.yml", set, diagnostics);
  resolve(set, {}, diagnostics, &pipelines);
  Engine engine(std::move(set), diagnostics);
  Matcher matcher(engine);
  EventFields event;
  for (FieldId field = 0; field < engine.fields().size() && field < 64; ++field)
    event.add(EventValue::of("x 4624 10.0.0.1"), field);
  matcher.match(engine.plan({}), event);
  return 0;
}
