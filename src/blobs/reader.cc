#include "blobs/reader.h"

#include <algorithm>

#include "base/unicode.h"
#include "blobs/certificate.h"
#include "blobs/dns_record.h"
#include "blobs/printer.h"
#include "blobs/service.h"
#include "blobs/tower.h"
#include "blobs/xml.h"
#include "ndr/format.h"

namespace rpcmarshal::blobs {
namespace {

using ndr::Value;
using ndr::ValueKind;

/// The bytes of a leaf, or of the first leaf of bytes in a record (a counted blob).
Bytes bytes_of(const Value& value) {
  if (value.kind() == ValueKind::kBytes) return value.bytes();
  for (std::size_t i = 0; i < value.size() && i < 8; ++i) {
    if (value.at(i).kind() == ValueKind::kBytes) return value.at(i).bytes();
  }
  return {};
}

std::string text_of(const Value& value) {
  if (value.kind() == ValueKind::kText) return value.text();
  std::string out = utf16_to_utf8(bytes_of(value));
  return out;
}

/// An argument of either half by name.
Value argument_of(const Value& root, const Value& other, std::string_view name) {
  Value found = root.find(name);
  return found.is_missing() ? other.find(name) : found;
}

}  // namespace

void Reader::start() {
  found_.clear();
  prefixes_.clear();
  requested_.clear();
  present_.clear();
}

void Reader::add(std::string_view kind, Item item, std::string summary) {
  if (item.items.empty() || found_.size() >= kMaxDetails) return;
  found_.push_back({kind, std::string(argument_), std::move(summary), std::move(item)});
}

void Reader::note(const Value& value, const Value& root, const Value& other) {
  if (found_.size() >= kMaxDetails) return;
  const std::string_view semantic = value.display().semantic;
  if (semantic == "xml") {
    note_xml(value);
  } else if (semantic == "tower") {
    if (auto tower = parse_tower(bytes_of(value), &catalogue_)) {
      std::string summary = summarise_tower(*tower);
      add("tower", std::move(*tower), std::move(summary));
    }
  } else if (semantic == "certificate_request") {
    if (auto request = parse_certificate_request(bytes_of(value))) {
      std::string summary = summarise_certificate(*request);
      add("certificate_request", std::move(*request), std::move(summary));
    }
  } else if (semantic == "certificate_attributes") {
    if (auto attributes = parse_request_attributes(text_of(value))) {
      std::string summary = summarise_certificate(*attributes);
      add("certificate_attributes", std::move(*attributes), std::move(summary));
    }
  } else if (semantic == "dns_record" && value.kind() == ValueKind::kRecord) {
    const auto type = static_cast<std::uint16_t>(value.find("wType").as_uint());
    if (auto record = parse_dns_record(type, bytes_of(value))) {
      std::string summary = summarise_dns_record(*record);
      add("dns_record", std::move(*record), std::move(summary));
    }
  } else if (semantic == "dns_nodes") {
    if (auto nodes = parse_dns_nodes(bytes_of(value))) {
      std::string summary = summarise_dns_nodes(*nodes);
      add("dns_nodes", std::move(*nodes), std::move(summary));
    }
  } else if (semantic == "dsname") {
    note_directory_name(value);
  } else if (semantic == "prefix_table") {
    const Value entries = value.find("pPrefixEntry");
    for (std::size_t i = 0; i < entries.size() && prefixes_.size() < kMaxItems; ++i) {
      const Value entry = entries.at(i);
      prefixes_.emplace_back(static_cast<std::uint32_t>(entry.find("ndx").as_uint()),
                             bytes_of(entry.find("prefix")));
    }
  } else if (semantic == "attribute_set") {
    attributes_argument_ = argument_;
    const Value ids = value.find("rgPartialAttr");
    for (std::size_t i = 0; i < ids.size() && requested_.size() < kMaxItems; ++i)
      requested_.push_back(static_cast<std::uint32_t>(ids.at(i).as_uint()));
  } else if (semantic == "attribute") {
    attributes_argument_ = argument_;
    const auto id = static_cast<std::uint32_t>(value.find("attrTyp").as_uint());
    if (present_.size() < kMaxItems && std::ranges::find(present_, id) == present_.end())
      present_.push_back(id);
  } else if (semantic == "print_driver" && value.kind() == ValueKind::kRecord) {
    if (auto driver = read_print_driver(value)) add_print_driver(std::move(*driver));
  } else if (semantic == "print_drivers") {
    note_print_drivers(value, root, other);
  } else if (semantic == "service_config" || semantic.starts_with("registry_data")) {
    note_service(value, root, other);
  }
}

void Reader::note_xml(const Value& value) {
  if (value.kind() != ValueKind::kText) return;
  const std::string text = value.text();
  if (auto task = parse_task(text)) {
    std::string summary = summarise_task(*task);
    add("task", std::move(*task), std::move(summary));
    return;
  }
  if (value.name() != "query") return;  // bookmarks are XML, too
  if (auto query = parse_event_query(text)) {
    const Item* queries = query->find("queries");
    std::string summary(queries ? queries->items.front().value("select") : std::string_view());
    add("event_query", std::move(*query), std::move(summary));
  }
}

void Reader::note_service(const Value& value, const Value& root, const Value& other) {
  const Bytes bytes = bytes_of(value);
  if (value.display().semantic == "service_config") {
    // An ANSI call gives narrow strings; the two differ by name alone.
    const Value level = argument_of(root, other, "dwInfoLevel");
    const bool wide = value.display().registry_type != "ansi";
    if (level.as_uint() == 1) {
      if (auto description = parse_service_description(bytes, wide)) {
        std::string summary(description->value("description"));
        add("service_description", std::move(*description), std::move(summary));
      }
      return;
    }
    if (level.as_uint() != 2) return;
    if (auto actions = parse_failure_actions(bytes, wide)) {
      std::string summary = summarise_failure_actions(*actions);
      add("failure_actions", std::move(*actions), std::move(summary));
    }
    return;
  }
  const Value name = argument_of(root, other, "lpValueName");
  if (name.kind() != ValueKind::kText) return;
  std::string text = name.text();
  while (!text.empty() && text.back() == '\0') text.pop_back();
  if (!equal_ignoring_case(text, "FailureActions")) return;
  if (auto actions = parse_failure_actions(bytes)) {
    std::string summary = summarise_failure_actions(*actions);
    add("failure_actions", std::move(*actions), std::move(summary));
  }
}

void Reader::add_print_driver(Item driver) {
  std::string summary = summarise_print_driver(driver);
  add("print_driver", std::move(driver), std::move(summary));
}

/// The buffer of an answer; in the request it is the room for one.
void Reader::note_print_drivers(const Value& value, const Value& root, const Value& other) {
  if (root.find("pcbNeeded").is_missing() || root.find("return").as_int() != 0) return;
  const Value level = argument_of(root, other, "Level"), count = root.find("pcReturned");
  for (Item& driver : parse_print_drivers(
           static_cast<std::uint32_t>(level.as_uint()),
           count.is_missing() ? 1 : static_cast<std::uint32_t>(count.as_uint()), bytes_of(value)))
    add_print_driver(std::move(driver));
}

void Reader::note_directory_name(const Value& value) {
  Item item;
  std::string name = text_of(value.find("StringName"));
  while (!name.empty() && name.back() == '\0') name.pop_back();
  item.add("name", name);
  const Guid guid = value.find("Guid").as_guid();
  if (!guid.is_nil()) item.add("guid", guid.to_string());
  const std::uint64_t length = value.find("SidLen").as_uint();
  const Bytes sid = bytes_of(value.find("Sid"));
  std::string sid_text;
  if (length > 0 && length <= sid.size() &&
      ndr::append_sid(sid_text, sid.first(static_cast<std::size_t>(length)))) {
    item.add("sid", sid_text);
  }
  std::string summary = !name.empty() ? name : !guid.is_nil() ? guid.to_string() : sid_text;
  add("directory_name", std::move(item), std::move(summary));
}

void Reader::note_attributes() {
  if (requested_.empty() && present_.empty()) return;
  argument_ = attributes_argument_;
  Item item;
  std::vector<std::string> secrets;
  const auto names = [&](const std::vector<std::uint32_t>& ids) {
    std::vector<std::string> out;
    for (const std::uint32_t id : ids) {
      out.push_back(attribute_name(id, prefixes_));
      if (is_secret_attribute(out.back()) &&
          std::ranges::find(secrets, out.back()) == secrets.end())
        secrets.push_back(out.back());
    }
    return out;
  };
  const std::vector<std::string> requested = names(requested_), present = names(present_);
  item.add_list("requested", requested);
  item.add_list("present", present);
  item.add_list("secret", secrets);
  std::string summary;
  const std::vector<std::string>& some =
      secrets.empty() ? (requested.empty() ? present : requested) : secrets;
  for (std::size_t i = 0; i < some.size() && i < 6; ++i) summary += (i ? ", " : "") + some[i];
  if (some.size() > 6) summary += ", ...";
  add("attributes", std::move(item), std::move(summary));
}

void Reader::finish(std::vector<Detail>& out) {
  note_attributes();
  for (Detail& detail : found_) out.push_back(std::move(detail));
  start();
}

}  // namespace rpcmarshal::blobs
