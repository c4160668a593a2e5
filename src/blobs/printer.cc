#include "blobs/printer.h"

#include <algorithm>

#include "base/unicode.h"

namespace rpcmarshal::blobs {
namespace {

struct Member {
  std::string_view name;   ///< in the detail
  std::string_view field;  ///< in RPC_DRIVER_INFO_n
  std::uint32_t level;     ///< the first that has it
  std::size_t offset;      ///< of its offset, in _DRIVER_INFO_n
  bool list = false;       ///< several texts, each with a NUL
};
// Level 1 is the name alone, at 0. The date and the version of level 6 (44 to 64) are left out.
constexpr Member kMembers[] = {
    {"name", "pName", 2, 4},
    {"environment", "pEnvironment", 2, 8},
    {"driver", "pDriverPath", 2, 12},
    {"data_file", "pDataFile", 2, 16},
    {"config_file", "pConfigFile", 2, 20},
    {"help_file", "pHelpFile", 3, 24},
    {"dependent_files", "pDependentFiles", 3, 28, true},
    {"monitor", "pMonitorName", 3, 32},
    {"provider", "pProvider", 6, 76},
    {"print_processor", "pPrintProcessor", 8, 80},
    {"inf", "pInfPath", 8, 92},
};

/// Bytes of one _DRIVER_INFO_n; 0 for levels that are not known.
std::size_t size_of_level(std::uint32_t level) {
  switch (level) {
    case 1:
      return 4;
    case 2:
      return 24;
    case 3:
      return 40;
    case 4:
      return 44;
    case 5:
      return 36;
    case 6:
      return 80;
    case 8:
      return 120;
    default:
      return 0;
  }
}

/// UTF-16 up to the NUL or the end; `at` moves behind it.
std::string text_at(Bytes bytes, std::size_t& at) {
  const std::size_t start = at;
  while (at + 2 <= bytes.size() && at - start < kMaxText &&
         load<std::uint16_t>(bytes.data() + at, ByteOrder::kLittle) != 0)
    at += 2;
  std::string out;
  append_utf8(out, bytes.subspan(start, at - start));
  at += 2;
  return out;
}

std::vector<std::string> texts_of(std::string_view joined) {
  std::vector<std::string> out;
  while (!joined.empty() && out.size() < kMaxItems) {
    const std::size_t end = std::min(joined.find('\0'), joined.size());
    if (end > 0) out.emplace_back(joined.substr(0, end));
    joined.remove_prefix(std::min(end + 1, joined.size()));
  }
  return out;
}

}  // namespace

std::optional<Item> read_print_driver(const ndr::Value& container) {
  const ndr::Value info = container.find("DriverInfo").at(0);
  if (info.kind() != ndr::ValueKind::kRecord) return std::nullopt;
  Item item;
  for (const Member& member : kMembers) {
    const ndr::Value value = info.find(member.field);
    if (value.kind() != ndr::ValueKind::kText) continue;
    if (member.list) {
      item.add_list(member.name, texts_of(value.text()));
    } else {
      item.add(member.name, value.text());
    }
  }
  if (item.items.empty()) return std::nullopt;
  return item;
}

std::vector<Item> parse_print_drivers(std::uint32_t level, std::uint32_t count, Bytes bytes) {
  std::vector<Item> drivers;
  const std::size_t size = size_of_level(level);
  if (size == 0) return drivers;
  for (std::size_t n = 0; n < count && n < kMaxItems && (n + 1) * size <= bytes.size(); ++n) {
    const Bytes from = bytes.subspan(n * size);
    const auto offset_at = [&](std::size_t at) -> std::size_t {
      return load<std::uint32_t>(from.data() + at, ByteOrder::kLittle);
    };
    Item item;
    const auto add = [&](const Member& member, std::size_t at) {
      if (at < size || at >= from.size()) return;
      if (!member.list) return item.add(member.name, text_at(from, at));
      std::vector<std::string> list;
      while (at + 2 <= from.size() && list.size() < kMaxItems) {
        std::string text = text_at(from, at);
        if (text.empty()) break;
        list.push_back(std::move(text));
      }
      item.add_list(member.name, list);
    };
    if (level == 1) {
      add(kMembers[0], offset_at(0));
    } else {
      for (const Member& member : kMembers) {
        if (member.level <= (level == 5 ? 2 : level)) add(member, offset_at(member.offset));
      }
    }
    if (!item.items.empty()) drivers.push_back(std::move(item));
  }
  return drivers;
}

std::string summarise_print_driver(const Item& driver) {
  std::string out(driver.value("name"));
  for (const std::string_view member : {"driver", "config_file", "data_file"}) {
    const std::string_view path = driver.value(member);
    if (!path.empty()) out += (out.empty() ? "" : ", ") + std::string(path);
  }
  return out;
}

}  // namespace rpcmarshal::blobs
