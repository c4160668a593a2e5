#include "builtin/name_table.h"

#include <algorithm>
#include <charconv>

#include "base/unicode.h"

namespace rpcmarshal {
namespace {

constexpr std::size_t kGuidSize = 36;

/// What operations without types return.
const Type kVoid{"void", VoidShape{}, {}};

/// Cuts the first line (without its end) off `text`.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Cuts the first cell off `line`.
std::string_view take_cell(std::string_view& line) {
  const std::size_t tab = line.find('\t');
  const std::string_view cell = line.substr(0, tab);
  line.remove_prefix(tab == std::string_view::npos ? line.size() : tab + 1);
  return cell;
}

bool is_interface_line(std::string_view line) {
  return line.size() > kGuidSize && line[8] == '-' && line[kGuidSize] == '\t';
}

std::uint16_t number(std::string_view text) {
  std::uint16_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void annotate(Annotations& annotations, const char* name, std::string_view value) {
  if (!value.empty()) annotations.items.push_back({name, {std::string(value)}});
}

/// "Opnum7NotUsedOnWire", "Opnum14NotImplemented", "Reserved3": a slot, not an operation.
bool is_reserved(std::string_view name) {
  const auto digits = [](std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  };
  if (name.starts_with("Opnum") && name.size() > 5 && name[5] >= '0' && name[5] <= '9') return true;
  for (const std::string_view word : {"Reserved_Opnum", "Reserved", "OpnumUnused"}) {
    if (name.starts_with(word) && digits(name.substr(word.size()))) return true;
  }
  return name.find("NotUsedOnWire") != std::string_view::npos;
}

}  // namespace

NameTable::NameTable(std::string_view text) : text_(text) {
  entries_.reserve(text.size() / 256);
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t at = text.size() - rest.size();
    const std::string_view line = take_line(rest);
    if (!is_interface_line(line)) continue;
    const auto uuid = Guid::parse(line.substr(0, kGuidSize));
    if (!uuid) continue;
    if (!entries_.empty()) entries_.back().end = at;
    entries_.push_back({*uuid, at, text.size()});
  }
  std::ranges::sort(entries_, {}, &Entry::uuid);
}

const NameTable::Entry* NameTable::find(const Guid& uuid) const {
  const auto it = std::ranges::lower_bound(entries_, uuid, {}, &Entry::uuid);
  return it != entries_.end() && it->uuid == uuid ? &*it : nullptr;
}

std::vector<const NameTable::Entry*> NameTable::find_by_name(std::string_view name) const {
  std::vector<const Entry*> out;
  for (const Entry& entry : entries_) {
    std::string_view lines = text_.substr(entry.begin, entry.end - entry.begin);
    std::string_view line = take_line(lines);
    take_cell(line);
    take_cell(line);
    const std::string_view own = take_cell(line);
    take_cell(line);
    const std::string_view zeek = take_cell(line);
    if (equal_ignoring_case(own, name) || (!zeek.empty() && equal_ignoring_case(zeek, name)))
      out.push_back(&entry);
  }
  return out;
}

std::string NameTable::name(const Entry& entry, std::uint16_t major) const {
  std::string_view lines = text_.substr(entry.begin, entry.end - entry.begin);
  std::string_view line = take_line(lines);
  take_cell(line);
  const std::string_view version = take_cell(line);
  if (!version.empty() && number(version) != major) return {};
  return std::string(take_cell(line));
}

Interface NameTable::read(const Entry& entry) const {
  Interface interface;
  interface.names_only = true;
  std::string_view lines = text_.substr(entry.begin, entry.end - entry.begin);
  std::string_view line = take_line(lines);
  take_cell(line);
  interface.id.uuid = entry.uuid;
  const std::string_view version = take_cell(line);
  interface.any_version = version.empty();
  interface.id.major = number(version);
  if (const auto dot = version.find('.'); dot != std::string_view::npos)
    interface.id.minor = number(version.substr(dot + 1));
  interface.name = take_cell(line);
  interface.document = take_cell(line);
  annotate(interface.annotations, "zeek", take_cell(line));

  while (!lines.empty()) {
    line = take_line(lines);
    if (line.empty() || line[0] < '0' || line[0] > '9') continue;
    const std::uint16_t opnum = number(take_cell(line));
    while (interface.procedures.size() <= opnum) {
      Procedure& slot = interface.procedures.emplace_back();
      slot.opnum = static_cast<std::uint16_t>(interface.procedures.size() - 1);
      slot.result = &kVoid;
      slot.typed = false;
      slot.reserved = true;
    }
    Procedure& procedure = interface.procedures[opnum];
    procedure.name = take_cell(line);
    procedure.reserved = is_reserved(procedure.name);
    procedure.untyped_why = "only its name is known";
    annotate(procedure.annotations, "zeek", take_cell(line));
    annotate(procedure.annotations, "zeek_misnomer", take_cell(line));
  }
  return interface;
}

}  // namespace rpcmarshal
