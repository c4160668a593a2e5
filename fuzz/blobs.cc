// Structures inside arguments: the first byte selects the parser, the rest is its input.
#include <cstdint>
#include <cstdlib>

#include "blobs/certificate.h"
#include "blobs/directory.h"
#include "blobs/dns_record.h"
#include "blobs/printer.h"
#include "blobs/service.h"
#include "blobs/tower.h"
#include "blobs/xml.h"

namespace {

using rpcmarshal::blobs::Item;

/// What every tree must keep to: bounded lists and texts, names in objects, few levels.
void check(const Item& item, int depth) {
  if (depth > 5 || item.items.size() > rpcmarshal::blobs::kMaxItems ||
      item.text.size() > rpcmarshal::blobs::kMaxText) {
    std::abort();
  }
  for (const Item& inner : item.items) {
    if ((item.kind == Item::Kind::kObject) == inner.name.empty()) std::abort();
    check(inner, depth + 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rpcmarshal;
  using namespace rpcmarshal::blobs;
  if (size < 1) return 0;
  const Bytes input{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
  switch (data[0] % 9) {
    case 0:
      if (const auto task = parse_task(as_text(input))) {
        check(*task, 0);
        summarise_task(*task);
      }
      break;
    case 1:
      if (const auto query = parse_event_query(as_text(input))) check(*query, 0);
      break;
    case 2:
      if (const auto request = parse_certificate_request(input)) {
        check(*request, 0);
        summarise_certificate(*request);
      }
      break;
    case 3:
      if (const auto attributes = parse_request_attributes(as_text(input))) {
        check(*attributes, 0);
        summarise_certificate(*attributes);
      }
      break;
    case 4:
      if (const auto tower = parse_tower(input, nullptr)) {
        check(*tower, 0);
        summarise_tower(*tower);
      }
      break;
    case 5:
      if (const auto actions = parse_failure_actions(input, size % 2 == 0)) {
        check(*actions, 0);
        summarise_failure_actions(*actions);
      }
      if (const auto description = parse_service_description(input, size % 2 == 0))
        check(*description, 0);
      for (const Item& driver : parse_print_drivers(size % 9, size, input)) {
        check(driver, 0);
        summarise_print_driver(driver);
      }
      break;
    case 7:
      if (input.size() >= 2) {
        const auto type = load<std::uint16_t>(input.data(), ByteOrder::kLittle);
        if (const auto record = parse_dns_record(type, input.subspan(2))) {
          check(*record, 0);
          summarise_dns_record(*record);
        }
      }
      break;
    case 8:
      if (const auto nodes = parse_dns_nodes(input)) {
        check(*nodes, 0);
        summarise_dns_nodes(*nodes);
      }
      break;
    default:
      if (input.size() >= 4) {
        const auto id = load<std::uint32_t>(input.data(), ByteOrder::kLittle);
        const PrefixTable table{{id >> 16, input.subspan(4)}};
        if (attribute_name(id, table).empty()) std::abort();
      }
  }
  return 0;
}
