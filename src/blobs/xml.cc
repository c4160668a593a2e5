#include "blobs/xml.h"

#include <array>

#include "base/unicode.h"
#include "blobs/xml_tree.h"

namespace rpcmarshal::blobs {
namespace {

void add_flag(Item& to, const char* member, std::string_view text) {
  if (equal_ignoring_case(text, "true") || text == "1") to.add_bool(member, true);
  if (equal_ignoring_case(text, "false") || text == "0") to.add_bool(member, false);
}

void add_action(const XmlElement& node, Item& actions, std::vector<std::string>& lines) {
  const std::string_view kind = node.name;
  Item action;
  if (kind == "Exec") {
    const std::string_view command = node.text_of("Command");
    const std::string_view arguments = node.text_of("Arguments");
    action.add("type", "exec");
    action.add("command", command);
    action.add("arguments", arguments);
    action.add("directory", node.text_of("WorkingDirectory"));
    std::string line(command);
    if (!arguments.empty()) line += (line.empty() ? "" : " ") + std::string(arguments);
    if (lines.size() < kMaxItems) lines.push_back(std::move(line));
  } else if (kind == "ComHandler") {
    action.add("type", "com");
    action.add("class_id", node.text_of("ClassId"));
    action.add("data", node.text_of("Data"));
  } else if (kind == "SendEmail") {
    action.add("type", "email");
    action.add("server", node.text_of("Server"));
    action.add("to", node.text_of("To"));
  } else if (kind == "ShowMessage") {
    action.add("type", "message");
    action.add("title", node.text_of("Title"));
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

void add_trigger(const XmlElement& node, Item& triggers) {
  for (const auto& [element, type] : kTriggers) {
    if (node.name != element) continue;
    const XmlElement* repetition = node.child("Repetition");
    Item trigger;
    trigger.add("type", type);
    trigger.add("start", node.text_of("StartBoundary"));
    trigger.add("end", node.text_of("EndBoundary"));
    trigger.add("delay", node.text_of("Delay"));
    trigger.add("user", node.text_of("UserId"));
    trigger.add("state_change", node.text_of("StateChange"));
    trigger.add("subscription", node.text_of("Subscription"));
    trigger.add("interval", repetition ? repetition->text_of("Interval") : std::string_view());
    add_flag(trigger, "enabled", node.text_of("Enabled"));
    triggers.add(std::move(trigger));
  }
}

}  // namespace

std::optional<Item> parse_task(std::string_view xml) {
  const auto document = read_xml(xml);
  if (!document || document->root.name != "Task") return std::nullopt;
  const XmlElement& root = document->root;
  bool complete = document->complete;
  const auto each = [&](const char* of_name, const auto& use) {
    const XmlElement* parent = root.child(of_name);
    if (!parent) return;
    complete = complete && parent->children.size() <= kMaxItems;
    for (const XmlElement& element : parent->children) use(element);
  };

  Item task, actions = Item::make_list("actions"), triggers = Item::make_list("triggers");
  std::vector<std::string> lines, users, groups;
  each("Actions", [&](const XmlElement& node) { add_action(node, actions, lines); });
  each("Triggers", [&](const XmlElement& node) { add_trigger(node, triggers); });
  std::string_view run_level, logon_type;
  each("Principals", [&](const XmlElement& node) {
    if (const auto user = node.text_of("UserId"); !user.empty() && users.size() < kMaxItems)
      users.emplace_back(user);
    if (const auto group = node.text_of("GroupId"); !group.empty() && groups.size() < kMaxItems)
      groups.emplace_back(group);
    if (run_level.empty()) run_level = node.text_of("RunLevel");
    if (logon_type.empty()) logon_type = node.text_of("LogonType");
  });
  for (const std::string& line : lines) complete = complete && line.size() <= kMaxText;
  task.add_list("command_lines", lines);
  task.add(std::move(actions));
  task.add_list("users", users);
  task.add_list("groups", groups);
  task.add("run_level", run_level);
  task.add("logon_type", logon_type);
  if (const XmlElement* settings = root.child("Settings")) {
    add_flag(task, "hidden", settings->text_of("Hidden"));
    add_flag(task, "enabled", settings->text_of("Enabled"));
  }
  task.add(std::move(triggers));
  if (const XmlElement* about = root.child("RegistrationInfo")) {
    task.add("author", about->text_of("Author"));
    task.add("uri", about->text_of("URI"));
    task.add("description", about->text_of("Description"));
  }
  if (!complete) task.add_bool("incomplete", true);
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
  const auto document = read_xml(query);
  if (!document || document->root.name != "QueryList") return std::nullopt;
  Item item, queries = Item::make_list("queries");
  bool complete = document->complete;
  std::size_t parts = 0;
  for (const XmlElement& node : document->root.children) {
    if (node.name != "Query") continue;
    const std::string_view path = node.attribute("Path");
    for (const XmlElement& part : node.children) {
      const std::string_view own = part.attribute("Path");
      Item one;
      one.add("path", own.empty() ? path : own);
      one.add(part.name == "Suppress" ? "suppress" : "select", part.text);
      queries.add(std::move(one));
      complete = complete && ++parts <= kMaxItems && part.text.size() <= kMaxText;
    }
  }
  item.add(std::move(queries));
  if (item.items.empty()) return std::nullopt;
  if (!complete) item.add_bool("incomplete", true);
  return item;
}

}  // namespace rpcmarshal::blobs
