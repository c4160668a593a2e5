#include "builtin/describe.h"

#include <algorithm>

#include "base/unicode.h"
#include "interface/names.h"

namespace rpcmarshal {
namespace {

/// An operation people may see: not a slot that never travels.
bool is_operation(const Procedure& procedure) {
  return !procedure.reserved && !procedure.name.empty();
}

std::string version(const Interface& interface) {
  if (interface.any_version) return "";
  return std::to_string(interface.id.major) + '.' + std::to_string(interface.id.minor);
}

std::string joined(const std::vector<std::string>& texts, std::string_view between = ", ") {
  std::string out;
  for (const std::string& text : texts) {
    if (!out.empty()) out += between;
    out += text;
  }
  return out;
}

std::vector<std::string> arguments(const Annotations& annotations, std::string_view name) {
  const Annotation* annotation = annotations.find(name);
  return annotation ? annotation->arguments : std::vector<std::string>();
}

/// Other names of an operation, each once.
std::vector<std::string> aliases(const Procedure& procedure) {
  std::vector<std::string> out = arguments(procedure.annotations, "alias");
  for (const std::string& zeek : arguments(procedure.annotations, "zeek")) {
    if (std::ranges::find(out, zeek) == out.end()) out.push_back(zeek);
  }
  return out;
}

std::vector<std::string> techniques(const Interface& interface) {
  std::vector<std::string> out;
  for (const Procedure& procedure : interface.procedures) {
    for (const std::string& id : arguments(procedure.annotations, "attack")) {
      if (std::ranges::find(out, id) == out.end()) out.push_back(id);
    }
  }
  std::ranges::sort(out);
  return out;
}

bool holds(std::string_view text, std::string_view lower_word) {
  return to_lower(text).find(lower_word) != std::string::npos;
}

bool mentions(const Interface& interface, std::string_view lower_word) {
  if (holds(interface.name, lower_word) || holds(zeek_endpoint(interface), lower_word) ||
      holds(interface.id.uuid.to_string(), lower_word) || holds(interface.document, lower_word) ||
      holds(interface.annotations.value("about"), lower_word) ||
      holds(joined(interface.endpoints), lower_word)) {
    return true;
  }
  return std::ranges::any_of(interface.procedures, [&](const Procedure& procedure) {
    return is_operation(procedure) &&
           (holds(procedure.name, lower_word) || holds(joined(aliases(procedure)), lower_word) ||
            holds(joined(arguments(procedure.annotations, "attack")), lower_word));
  });
}

void pad(std::string& out, std::size_t from, std::size_t width) {
  if (const std::size_t used = out.size() - from; used < width) out.append(width - used, ' ');
  out += ' ';
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    static constexpr char kHex[] = "0123456789abcdef";
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void member(std::string& out, std::string_view key, std::string_view text) {
  if (text.empty()) return;
  if (out.back() != '{') out += ',';
  append_json(out, key);
  out += ':';
  append_json(out, text);
}

void member(std::string& out, std::string_view key, std::size_t number) {
  if (out.back() != '{') out += ',';
  append_json(out, key);
  out += ':' + std::to_string(number);
}

void member(std::string& out, std::string_view key, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  if (out.back() != '{') out += ',';
  append_json(out, key);
  out += ":[";
  for (const std::string& text : texts) {
    if (out.back() != '[') out += ',';
    append_json(out, text);
  }
  out += ']';
}

/// The members that describe an interface as a whole, without the closing brace.
std::string json_head(const Interface& interface) {
  std::string out = "{";
  member(out, "name", interface.name);
  member(out, "uuid", interface.id.uuid.to_string());
  member(out, "version", version(interface));
  member(out, "document", interface.document);
  member(out, "about", interface.annotations.value("about"));
  member(out, "endpoints", interface.endpoints);
  if (const auto zeek = zeek_endpoint(interface); zeek != interface.name)
    member(out, "zeek_endpoint", zeek);
  const InterfaceCounts counts = count_operations(interface);
  member(out, "operations", counts.operations);
  member(out, "typed", counts.typed);
  member(out, "attack_operations", counts.attack);
  member(out, "attack", techniques(interface));
  return out;
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width = 100) {
  std::string out(indent, ' ');
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (column > indent && column + 1 + word.size() > width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    }
    if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out + '\n';
}

}  // namespace

InterfaceCounts count_operations(const Interface& interface) {
  InterfaceCounts counts;
  for (const Procedure& procedure : interface.procedures) {
    if (!is_operation(procedure)) continue;
    ++counts.operations;
    counts.typed += procedure.typed;
    counts.attack += procedure.annotations.find("attack") != nullptr;
  }
  return counts;
}

std::vector<const Interface*> select_interfaces(const std::vector<const Interface*>& from,
                                                const std::vector<std::string>& words) {
  std::vector<const Interface*> out;
  for (const Interface* interface : from) {
    if (std::ranges::all_of(
            words, [&](const std::string& word) { return mentions(*interface, to_lower(word)); })) {
      out.push_back(interface);
    }
  }
  return out;
}

std::string list_text(const std::vector<const Interface*>& interfaces) {
  std::string out;
  InterfaceCounts total;
  std::size_t width = 8;
  for (const Interface* interface : interfaces) width = std::max(width, interface->name.size());
  width = std::min<std::size_t>(width, 32);
  for (const Interface* interface : interfaces) {
    const InterfaceCounts counts = count_operations(*interface);
    total.operations += counts.operations;
    total.typed += counts.typed;
    total.attack += counts.attack;
    const std::size_t start = out.size();
    out += interface->name;
    pad(out, start, width);
    out += interface->id.uuid.to_string();
    std::size_t at = out.size();
    if (!interface->any_version) out += " v" + version(*interface);
    pad(out, at, 6);
    at = out.size();
    out += std::to_string(counts.typed) + '/' + std::to_string(counts.operations);
    pad(out, at, 7);
    at = out.size();
    if (counts.attack > 0) out += std::to_string(counts.attack) + " attack";
    pad(out, at, 10);
    at = out.size();
    out += interface->document;
    pad(out, at, 10);
    out += interface->annotations.value("about");
    while (out.back() == ' ') out.pop_back();
    out += '\n';
  }
  out += std::to_string(interfaces.size()) + " interfaces, " + std::to_string(total.operations) +
         " operations: " + std::to_string(total.typed) + " with typed arguments, " +
         std::to_string(total.attack) + " with ATT&CK techniques\n";
  return out;
}

std::string list_json(const std::vector<const Interface*>& interfaces) {
  std::string out = "[";
  for (const Interface* interface : interfaces) {
    out += out.size() > 1 ? ",\n" : "\n";
    out += json_head(*interface) + '}';
  }
  return out + "\n]\n";
}

std::string list_markdown(const Catalogue& catalogue) {
  const std::vector<const Interface*> defined = catalogue.all();
  const std::vector<const Interface*> everything = catalogue.all(true);
  InterfaceCounts total, named;
  for (const Interface* interface : defined) {
    const InterfaceCounts counts = count_operations(*interface);
    total.operations += counts.operations;
    total.typed += counts.typed;
    total.attack += counts.attack;
  }
  for (const Interface* interface : everything)
    named.operations += count_operations(*interface).operations;
  std::string out =
      "# Interfaces\n\n"
      "Generated by `rpcmarshal interfaces --format markdown`; a test says when it is stale.\n\n" +
      std::to_string(defined.size()) + " interfaces are defined, " + std::to_string(total.typed) +
      " of their operations with typed arguments; " + std::to_string(everything.size()) +
      " interfaces and " + std::to_string(named.operations) +
      " operations are known by name. `rpcmarshal interfaces show NAME` tells all about one.\n" +
      "Techniques are those of ATT&CK " + std::string(kAttackVersion) +
      ": what an operation can serve, not a verdict.\n\n"
      "| interface | UUID, version | document | typed | what it is for | techniques |\n"
      "|---|---|---|---|---|---|\n";
  for (const Interface* interface : defined) {
    const InterfaceCounts counts = count_operations(*interface);
    out += "| " + interface->name;
    if (const auto zeek = zeek_endpoint(*interface); zeek != interface->name)
      out += " (Zeek: " + std::string(zeek) + ')';
    out += " | `" + interface->id.uuid.to_string() + "` " + version(*interface) + " | " +
           interface->document + " | " + std::to_string(counts.typed) + " of " +
           std::to_string(counts.operations) + " | " +
           std::string(interface->annotations.value("about")) + " | " +
           joined(techniques(*interface)) + " |\n";
  }
  out +=
      "\n## Operations that deserve attention\n\n"
      "| operation | severity | why | techniques |\n|---|---|---|---|\n";
  for (const Interface* interface : defined) {
    for (const Procedure& procedure : interface->procedures) {
      const std::string_view severity = procedure.annotations.value("severity");
      if (severity != "high" && severity != "medium") continue;
      out += "| " + interface->name + '.' + procedure.name + " | " + std::string(severity) + " | " +
             std::string(procedure.annotations.value("why")) + " | " +
             joined(arguments(procedure.annotations, "attack")) + " |\n";
    }
  }
  return out;
}

std::string show_text(const Interface& interface) {
  const InterfaceCounts counts = count_operations(interface);
  std::string out = interface.name + "  " + interface.id.uuid.to_string();
  if (!interface.any_version) out += " v" + version(interface);
  if (!interface.document.empty()) out += "  " + interface.document;
  out += '\n';
  if (const auto about = interface.annotations.value("about"); !about.empty())
    out += wrapped(about, 2);
  if (!interface.endpoints.empty()) out += "  endpoints: " + joined(interface.endpoints) + '\n';
  if (interface.object) out += "  a COM interface: reached through DCOM, at a dynamic endpoint\n";
  if (const auto zeek = zeek_endpoint(interface); zeek != interface.name)
    out += "  Zeek calls it " + std::string(zeek) + '\n';
  out += "  " + std::to_string(counts.operations) + " operations, " + std::to_string(counts.typed) +
         " with typed arguments, " + std::to_string(counts.attack) + " with ATT&CK techniques\n\n";
  for (const Procedure& procedure : interface.procedures) {
    if (!is_operation(procedure)) continue;
    const std::size_t start = out.size();
    const std::string opnum = std::to_string(procedure.opnum);
    out.append(opnum.size() < 4 ? 4 - opnum.size() : 0, ' ');
    out += opnum + "  " + procedure.name;
    const std::string_view severity = procedure.annotations.value("severity");
    const std::vector<std::string> attack = arguments(procedure.annotations, "attack");
    if (!severity.empty() || !attack.empty()) {
      pad(out, start, 44);
      if (!severity.empty()) out += std::string(severity) + (attack.empty() ? "" : "  ");
      out += joined(attack, " ");
    }
    if (!procedure.typed) out += "  (arguments not typed)";
    out += '\n';
    if (const auto why = procedure.annotations.value("why"); !why.empty()) out += wrapped(why, 8);
    if (const auto siblings = arguments(procedure.annotations, "siblings"); !siblings.empty())
      out += wrapped("the same: " + joined(siblings), 8);
    if (const auto others = aliases(procedure); !others.empty())
      out += wrapped("also called " + joined(others), 8);
    if (const auto wrong = zeek_misnomer(procedure); !wrong.empty())
      out += wrapped("Zeek calls it " + std::string(wrong) + ", by mistake", 8);
  }
  return out;
}

std::string show_json(const Interface& interface) {
  std::string out = json_head(interface) + ",\"procedures\":[";
  for (const Procedure& procedure : interface.procedures) {
    if (!is_operation(procedure)) continue;
    out += out.back() == '[' ? "\n{" : ",\n{";
    member(out, "opnum", procedure.opnum);
    member(out, "name", procedure.name);
    out += procedure.typed ? ",\"typed\":true" : ",\"typed\":false";
    member(out, "severity", procedure.annotations.value("severity"));
    member(out, "attack", arguments(procedure.annotations, "attack"));
    member(out, "why", procedure.annotations.value("why"));
    member(out, "siblings", arguments(procedure.annotations, "siblings"));
    member(out, "aliases", aliases(procedure));
    member(out, "zeek_misnomer", zeek_misnomer(procedure));
    out += '}';
  }
  return out + "\n]}\n";
}

}  // namespace rpcmarshal
