// Text that the agent reads: its configuration, lines of JSON of hooks, and the messages they come
// in.
#include <string>
#include <vector>

#include "agent/service/collector.h"
#include "agent/service/config.h"
#include "agent/service/json_fields.h"

namespace {

struct Nothing : rpcmarshal::agent::EventSink {
  void event(std::uint32_t, std::string_view json, const std::vector<std::string>&) override {
    // One event is one line.
    if (json.find('\n') != json.npos) __builtin_trap();
  }
  void note(std::uint32_t, std::string_view) override {}
  void hooked(const rpcmarshal::agent::HookStatus&) override {}
  void released(const rpcmarshal::agent::HookStatus&) override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rpcmarshal::agent;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ParsedConfig parsed = parse_config(text, "fuzz.conf");
  if (parsed.config.processes.size() > 256) __builtin_trap();
  std::vector<std::string> values;
  json_fields(text, {"a", "a.b", "client.address"}, values);
  Nothing nothing;
  Collector collector(nothing);
  const auto connection = collector.open(1, true);
  collector.feed(*connection, rpcmarshal::as_bytes(text.substr(0, size / 2)));
  collector.feed(*connection, rpcmarshal::as_bytes(text.substr(size / 2)));
  return 0;
}
