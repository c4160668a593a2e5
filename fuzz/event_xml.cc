// Windows events as XML: whatever is accepted becomes valid JSON.
#include "logs/event_xml.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "logs/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rpcmarshal::logs;
  std::string json;
  if (!event_xml_to_json({reinterpret_cast<const char*>(data), size}, json)) return 0;
  const std::size_t length = json.size();
  json.append(JsonDocument::kPadding, ' ');
  JsonDocument document;
  if (!document.parse(std::string_view(json).substr(0, length))) std::abort();
  return 0;
}
