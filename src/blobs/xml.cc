#include "blobs/xml.h"

#include <array>
#include <pugixml.hpp>

#include "base/unicode.h"

namespace rpcmarshal::blobs {
namespace {

constexpr std::size_t kMaxXml = 1u << 20;

/// Without a namespace prefix.
std::string_view local_name(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

pugi::xml_node child(const pugi::xml_node& of, std::string_view name) {
  for (const pugi::xml_node node : of.children()) {
    if (local_name(node) == name) return node;
  }
  return {};
}

std::string_view text_of(const pugi::xml_node& of, std::string_view name) {
  std::string_view text = child(of, name).text().get();
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

bool parse(pugi::xml_document& document, std::string_view xml) {
  if (xml.size() > kMaxXml) return false;
  // The text was UTF-16 on the wire, and often says so of itself.
  document.load_buffer(xml.data(), xml.size(), pugi::parse_cdata | pugi::parse_escapes,
                       pugi::encoding_utf8);
  return !document.document_element().empty();  // what stands before a mistake is kept
}

void add_flag(Item& to, const char* member, std::string_view text) {
  if (equal_ignoring_case(text, "true") || text == "1") to.add_bool(member, true);
  if (equal_ignoring_case(text, "false") || text == "0") to.add_bool(member, false);
}

void add_action(const pugi::xml_node& node, Item& actions, std::vector<std::string>& lines) {
  const std::string_view kind = local_name(node);
  Item action;
  if (kind == "Exec") {
    const std::string_view command = text_of(node, "Command");
    const std::string_view arguments = text_of(node, "Arguments");
    action.add("type", "exec");
    action.add("command", command);
    action.add("arguments", arguments);
    action.add("directory", text_of(node, "WorkingDirectory"));
    std::string line(command);
    if (!arguments.empty()) line += (line.empty() ? "" : " ") + std::string(arguments);
    if (lines.size() < kMaxItems) lines.push_back(std::move(line));
  } else if (kind == "ComHandler") {
    action.add("type", "com");
    action.add("class_id", text_of(node, "ClassId"));
    action.add("data", text_of(node, "Data"));
  } else if (kind == "SendEmail") {
    action.add("type", "email");
    action.add("server", text_of(node, "Server"));
    action.add("to", text_of(node, "To"));
  } else if (kind == "ShowMessage") {
    action.add("type", "message");
    action.add("title", text_of(node, "Title"));
  }
  actions.add(std::move(action));
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kTriggers{{
    {"BootTrigger", "boot"},
    {"LogonTrigger", "logon"},
    {"TimeTrigger", "time"},
    {"CalendarTrigger", "calendar"},
    {"EventTrigger", "event"},
    {"IdleTrigger", "idle"},
    {"RegistrationTrigger", "registration"},
    {"SessionStateChangeTrigger", "session"},
    {"WnfStateChangeTrigger", "wnf"},
}};

void add_trigger(const pugi::xml_node& node, Item& triggers) {
  for (const auto& [element, type] : kTriggers) {
    if (local_name(node) != element) continue;
    Item trigger;
    trigger.add("type", type);
    trigger.add("start", text_of(node, "StartBoundary"));
    trigger.add("end", text_of(node, "EndBoundary"));
    trigger.add("delay", text_of(node, "Delay"));
    trigger.add("user", text_of(node, "UserId"));
    trigger.add("state_change", text_of(node, "StateChange"));
    trigger.add("subscription", text_of(node, "Subscription"));
    trigger.add("interval", text_of(child(node, "Repetition"), "Interval"));
    add_flag(trigger, "enabled", text_of(node, "Enabled"));
    triggers.add(std::move(trigger));
  }
}

}  // namespace

std::optional<Item> parse_task(std::string_view xml) {
  pugi::xml_document document;
  if (!parse(document, xml)) return std::nullopt;
  const pugi::xml_node root = document.document_element();
  if (local_name(root) != "Task") return std::nullopt;

  Item task, actions = Item::make_list("actions"), triggers = Item::make_list("triggers");
  std::vector<std::string> lines, users, groups;
  for (const pugi::xml_node node : child(root, "Actions").children())
    add_action(node, actions, lines);
  for (const pugi::xml_node node : child(root, "Triggers").children()) add_trigger(node, triggers);
  std::string_view run_level, logon_type;
  for (const pugi::xml_node node : child(root, "Principals").children()) {
    if (const auto user = text_of(node, "UserId"); !user.empty() && users.size() < kMaxItems)
      users.emplace_back(user);
    if (const auto group = text_of(node, "GroupId"); !group.empty() && groups.size() < kMaxItems)
      groups.emplace_back(group);
    if (run_level.empty()) run_level = text_of(node, "RunLevel");
    if (logon_type.empty()) logon_type = text_of(node, "LogonType");
  }
  task.add_list("command_lines", lines);
  task.add(std::move(actions));
  task.add_list("users", users);
  task.add_list("groups", groups);
  task.add("run_level", run_level);
  task.add("logon_type", logon_type);
  const pugi::xml_node settings = child(root, "Settings");
  add_flag(task, "hidden", text_of(settings, "Hidden"));
  add_flag(task, "enabled", text_of(settings, "Enabled"));
  task.add(std::move(triggers));
  const pugi::xml_node about = child(root, "RegistrationInfo");
  task.add("author", text_of(about, "Author"));
  task.add("uri", text_of(about, "URI"));
  task.add("description", text_of(about, "Description"));
  return task;
}

std::string summarise_task(const Item& task) {
  std::string out;
  const auto list = [&](const char* member, std::string_view before) {
    const Item* items = task.find(member);
    if (!items) return;
    for (const Item& item : items->items) {
      out += before;
      out += item.kind == Item::Kind::kText ? std::string_view(item.text) : item.value("type");
    }
  };
  list("command_lines", "; ");
  if (!out.empty()) out.erase(0, 2);
  if (out.empty()) {
    if (const Item* actions = task.find("actions"); actions) {
      for (const Item& action : actions->items)
        out += std::string(action.value("type")) + ' ' + std::string(action.value("class_id"));
    }
  }
  list("users", ", as ");
  list("groups", ", as group ");
  if (task.value("run_level") == "HighestAvailable") out += ", elevated";
  if (const Item* hidden = task.find("hidden"); hidden && hidden->number) out += ", hidden";
  list("triggers", ", at ");
  return out;
}

std::optional<Item> parse_event_query(std::string_view query) {
  if (query.find('<') == std::string_view::npos) {
    if (query.empty() || query == "*") return std::nullopt;
    Item item, queries = Item::make_list("queries"), one;
    one.add("select", query);
    queries.add(std::move(one));
    item.add(std::move(queries));
    return item;
  }
  pugi::xml_document document;
  if (!parse(document, query) || local_name(document.document_element()) != "QueryList")
    return std::nullopt;
  Item item, queries = Item::make_list("queries");
  for (const pugi::xml_node node : document.document_element().children()) {
    if (local_name(node) != "Query") continue;
    const std::string_view path = node.attribute("Path").value();
    for (const pugi::xml_node part : node.children()) {
      const std::string_view own = part.attribute("Path").value();
      Item one;
      one.add("path", own.empty() ? path : own);
      one.add(local_name(part) == "Suppress" ? "suppress" : "select", part.text().get());
      queries.add(std::move(one));
    }
  }
  item.add(std::move(queries));
  if (item.items.empty()) return std::nullopt;
  return item;
}

}  // namespace rpcmarshal::blobs
