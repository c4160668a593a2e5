#include "blobs/service.h"

#include "base/unicode.h"

namespace rpcmarshal::blobs {
namespace {

constexpr std::size_t kHeader = 20;  // five 32-bit numbers

std::string text_at(Bytes bytes, std::size_t offset, bool wide) {
  if (offset == 0 || offset >= bytes.size()) return {};
  bytes = bytes.subspan(offset);
  const std::size_t unit = wide ? 2 : 1;
  std::size_t length = 0;
  while (length + unit <= bytes.size() && length < kMaxText &&
         (bytes[length] != std::byte{0} || (wide && bytes[length + 1] != std::byte{0}))) {
    length += unit;
  }
  std::string out;
  if (wide) {
    append_utf8(out, bytes.first(length));
  } else {
    append_utf8_latin1(out, bytes.first(length));
  }
  return out;
}

}  // namespace

std::optional<Item> parse_failure_actions(Bytes bytes, bool wide) {
  ByteReader reader(bytes);
  const std::uint32_t reset = reader.u32(), message = reader.u32(), command = reader.u32(),
                      count = reader.u32(), actions = reader.u32();
  if (!reader.ok()) return std::nullopt;
  Item item, list = Item::make_list("actions");
  item.add_number("reset_period", reset);
  // In the registry the two texts are values of their own; what stands here is then 0 or 1.
  if (command >= kHeader) item.add("command", text_at(bytes, command, wide));
  if (message >= kHeader) item.add("reboot_message", text_at(bytes, message, wide));
  reader.seek(actions >= kHeader ? actions : kHeader);
  static constexpr const char* kTypes[] = {"none", "restart", "reboot", "run_command"};
  for (std::uint32_t i = 0; i < count && i < kMaxItems && reader.remaining() >= 8; ++i) {
    const std::uint32_t type = reader.u32(), delay = reader.u32();
    Item action;
    action.add("type", type < 4 ? std::string(kTypes[type]) : std::to_string(type));
    action.add_number("delay", delay);
    list.add(std::move(action));
  }
  item.add(std::move(list));
  return item;
}

std::string summarise_failure_actions(const Item& actions) {
  std::string out;
  if (const Item* list = actions.find("actions")) {
    for (const Item& action : list->items) {
      out += out.empty() ? "" : ", ";
      out += action.value("type");
      if (const Item* delay = action.find("delay"))
        out += " after " + std::to_string(delay->number) + " ms";
    }
  }
  if (const auto command = actions.value("command"); !command.empty())
    out += ": " + std::string(command);
  return out.empty() ? "nothing" : out;
}

std::optional<Item> parse_service_description(Bytes bytes, bool wide) {
  ByteReader reader(bytes);
  const std::uint32_t offset = reader.u32();
  if (!reader.ok() || offset < 4) return std::nullopt;
  Item item;
  item.add("description", text_at(bytes, offset, wide));
  if (item.items.empty()) return std::nullopt;
  return item;
}

}  // namespace rpcmarshal::blobs
