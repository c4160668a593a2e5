#include "agent/service/config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>

#include "base/unicode.h"

namespace rpcmarshal::agent {
namespace {

constexpr std::size_t kMaxFile = 1u << 20;
constexpr std::size_t kMaxNames = 256;
constexpr std::size_t kMaxDiagnostics = 50;

struct Problem {
  std::string message, fix;
};
using Outcome = std::optional<Problem>;  // nullopt: understood

Outcome parse_bool(std::string_view value, bool& out) {
  const std::string word = to_lower(value);
  if (word == "on" || word == "yes" || word == "true") {
    out = true;
  } else if (word == "off" || word == "no" || word == "false") {
    out = false;
  } else {
    return Problem{"'" + std::string(value) + "' is neither on nor off", "write on or off"};
  }
  return {};
}

struct Unit {
  const char* name;
  std::uint64_t factor;
};
constexpr Unit kSizes[] = {
    {"", 1}, {"b", 1}, {"kb", 1ull << 10}, {"mb", 1ull << 20}, {"gb", 1ull << 30}};
constexpr Unit kMilliseconds[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}};
constexpr Unit kSeconds[] = {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};

// A number with a unit behind it, spaces allowed between them.
template <typename T, std::size_t N>
Outcome parse_amount(std::string_view value, const Unit (&units)[N], std::uint64_t low,
                     std::uint64_t high, const char* example, T& out) {
  const std::string fix = std::string("write for example ") + example;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc()) return Problem{"'" + std::string(value) + "' is no number", fix};
  std::string_view rest(end, static_cast<std::size_t>(value.data() + value.size() - end));
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  const std::string word = to_lower(rest);
  // Nought needs no unit.
  const Unit* unit = number == 0 && word.empty() ? &units[0] : nullptr;
  for (const Unit& one : units) {
    if (word == one.name) unit = &one;
  }
  if (!unit) {
    return Problem{word.empty() ? "'" + std::string(value) + "' lacks a unit"
                                : "'" + word + "' is no unit known here",
                   fix};
  }
  if (number > std::numeric_limits<std::uint64_t>::max() / unit->factor ||
      number * unit->factor > high || number * unit->factor < low) {
    return Problem{"'" + std::string(value) + "' is out of bounds",
                   "it can be from " + std::to_string(low) + " to " + std::to_string(high) + " " +
                       (units[0].name[0] == '\0' ? "bytes" : units[0].name)};
  }
  out = static_cast<T>(number * unit->factor);
  return {};
}

Outcome parse_count(std::string_view value, std::uint32_t high, std::uint32_t& out) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number > high)
    return Problem{"'" + std::string(value) + "' is no number from 0 to " + std::to_string(high),
                   ""};
  out = number;
  return {};
}

Outcome add_process(std::string_view value, std::vector<std::string>& out) {
  if (value != "*" && value.find_first_of("\\/:*?\"<>|") != std::string_view::npos)
    return Problem{"'" + std::string(value) + "' is not the name of a program's file",
                   "write the file's name without its folder, as spoolsv.exe, or * alone"};
  if (equal_ignoring_case(value, "svchost.exe"))
    return Problem{"svchost.exe runs many services, and all of them would be protected",
                   "name the service instead: service = Schedule"};
  if (value != "*" && !to_lower(value).ends_with(".exe"))
    return Problem{"'" + std::string(value) + "' does not end with .exe",
                   "write the whole name of the file, or service = NAME for a service"};
  if (out.size() == kMaxNames) return Problem{"more than 256 processes", "write process = *"};
  out.emplace_back(value);
  return {};
}

Outcome add_service(std::string_view value, std::vector<std::string>& out) {
  // Names of services: at most 256 characters, no slashes (CreateServiceW).
  if (value.find_first_of("\\/") != std::string_view::npos || value.size() > 256)
    return Problem{"'" + std::string(value) + "' cannot be the name of a service",
                   "write the short name, as `sc query` shows it after SERVICE_NAME"};
  if (out.size() == kMaxNames) return Problem{"more than 256 services", "write process = *"};
  out.emplace_back(value);
  return {};
}

Outcome set_path(std::string_view value, std::string& out) {
  const bool absolute =
      (value.size() > 2 && value[1] == ':' && (value[2] == '\\' || value[2] == '/')) ||
      value.starts_with("\\\\") || value.starts_with("/");
  if (!absolute)
    return Problem{"'" + std::string(value) + "' is not a whole path",
                   "a service has no folder of its own: begin with a drive, as C:\\..."};
  out = value;
  return {};
}

struct Key {
  const char* section;
  const char* name;
  bool repeats;
  const char* example;
  Outcome (*set)(std::string_view, Config&);
};

// In the order of example_config().
constexpr Key kKeys[] = {
    {"protect", "process", true, "spoolsv.exe",
     [](std::string_view v, Config& c) { return add_process(v, c.processes); }},
    {"protect", "service", true, "Schedule",
     [](std::string_view v, Config& c) { return add_service(v, c.services); }},
    {"protect", "poll", false, "1s",
     [](std::string_view v, Config& c) {
       return parse_amount(v, kMilliseconds, 100, 600000, "1s", c.poll_milliseconds);
     }},
    {"hook", "local_calls", false, "off",
     [](std::string_view v, Config& c) { return parse_bool(v, c.local_calls); }},
    {"hook", "on_failure", false, "open",
     [](std::string_view v, Config& c) -> Outcome {
       const std::string word = to_lower(v);
       if (word != "open" && word != "closed")
         return Problem{"'" + std::string(v) + "' is neither open nor closed",
                        "open lets a call through that the hook could not look at, closed "
                        "refuses it"};
       c.fail_closed = word == "closed";
       return {};
     }},
    {"hook", "release_alone", false, "off",
     [](std::string_view v, Config& c) { return parse_bool(v, c.release_alone); }},
    {"hook", "stale", false, "60s",
     [](std::string_view v, Config& c) {
       return parse_amount(v, kSeconds, 5, 86400, "60s", c.stale_seconds);
     }},
    {"hook", "queue", false, "16MB",
     [](std::string_view v, Config& c) {
       return parse_amount(v, kSizes, 64u << 10, 256u << 20, "16MB", c.queue_bytes);
     }},
    {"hook", "max_stub", false, "256KB",
     [](std::string_view v, Config& c) {
       return parse_amount(v, kSizes, 1u << 10, 16u << 20, "256KB", c.max_stub);
     }},
    {"events", "file", false, "C:\\ProgramData\\RPC Marshal\\events.jsonl",
     [](std::string_view v, Config& c) { return set_path(v, c.file); }},
    {"events", "rotate_size", false, "100MB",
     [](std::string_view v, Config& c) {
       return parse_amount(v, kSizes, 0, 1ull << 40, "100MB", c.rotate_bytes);
     }},
    {"events", "rotate_every", false, "1d",
     [](std::string_view v, Config& c) {
       return parse_amount(v, kSeconds, 0, 366ull * 86400, "1d", c.rotate_seconds);
     }},
    {"events", "keep", false, "30",
     [](std::string_view v, Config& c) { return parse_count(v, 100000, c.keep); }},
    {"events", "event_log", false, "decisions",
     [](std::string_view v, Config& c) -> Outcome {
       const std::string word = to_lower(v);
       if (word != "off" && word != "decisions" && word != "all")
         return Problem{"'" + std::string(v) + "' is none of off, decisions, all",
                        "decisions writes blocked and audited calls, all every call"};
       c.event_log = word == "off"   ? LogChoice::kOff
                     : word == "all" ? LogChoice::kAll
                                     : LogChoice::kDecisions;
       return {};
     }},
    {"policy", "file", false, "C:\\ProgramData\\RPC Marshal\\policy.bin",
     [](std::string_view v, Config& c) { return set_path(v, c.policy); }},
};
constexpr std::size_t kKeyCount = std::size(kKeys);

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string names_of_sections() {
  std::string names;
  std::string_view last;
  for (const Key& key : kKeys) {
    if (last == key.section) continue;
    last = key.section;
    names += (names.empty() ? "[" : ", [") + std::string(last) + "]";
  }
  return names;
}

std::string names_of_keys(std::string_view section) {
  std::string names;
  for (const Key& key : kKeys) {
    if (section == key.section) names += (names.empty() ? "" : ", ") + std::string(key.name);
  }
  return names;
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  ParsedConfig run() {
    if (text_.size() > kMaxFile) {
      report(0, 0, {"the file is larger than 1 MiB", "it is probably the wrong file"});
      return std::move(result_);
    }
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
    if (text_.starts_with("\xFF\xFE") || text_.starts_with("\xFE\xFF")) {
      report(1, 1, {"the file is UTF-16", "save it as UTF-8"});
      return std::move(result_);
    }
    while (!text_.empty() && result_.diagnostics.size() < kMaxDiagnostics) {
      const std::size_t end = text_.find('\n');
      std::string_view line = text_.substr(0, end);
      text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      ++line_;
      one_line(line);
    }
    if (result_.diagnostics.empty()) whole();
    return std::move(result_);
  }

 private:
  void report(std::uint32_t line, std::size_t column, Problem problem,
              idl::Diagnostic::Severity severity = idl::Diagnostic::Severity::kError) {
    idl::Diagnostic d;
    d.severity = severity;
    d.file = file_;
    d.line = line;
    d.column = static_cast<std::uint32_t>(column);
    d.message = std::move(problem.message);
    d.fix = std::move(problem.fix);
    result_.diagnostics.push_back(std::move(d));
  }

  void one_line(std::string_view line) {
    const std::string_view content = trim(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') return;
    const auto column = [&](std::string_view part) {
      return static_cast<std::size_t>(part.data() - line.data()) + 1;
    };
    for (const char& c : content) {
      if (static_cast<unsigned char>(c) < 0x20 && c != '\t') {
        report(line_, static_cast<std::size_t>(&c - line.data()) + 1,
               {"a control character", "remove it"});
        return;
      }
    }
    if (content.front() == '[') {
      if (content.back() != ']') {
        report(line_, column(content) + content.size(),
               {"the section's name is not closed", "write ] at the end of the line"});
        return;
      }
      section_ = to_lower(trim(content.substr(1, content.size() - 2)));
      section_known_ = !names_of_keys(section_).empty();
      if (!section_known_)
        report(line_, column(content) + 1,
               {"there is no section [" + section_ + "]", "use one of " + names_of_sections()});
      return;
    }
    const std::size_t equals = content.find('=');
    if (equals == std::string_view::npos) {
      report(line_, column(content),
             {"this is neither a section nor key = value", "put # before a comment"});
      return;
    }
    const std::string_view name = trim(content.substr(0, equals));
    std::string_view value = trim(content.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    if (section_.empty()) {
      report(line_, column(content), {"a key before any section", "begin with [protect]"});
      return;
    }
    if (!section_known_) return;  // said already
    const std::string wanted = to_lower(name);
    for (std::size_t i = 0; i < kKeyCount; ++i) {
      const Key& key = kKeys[i];
      if (section_ != key.section || wanted != key.name) continue;
      const std::size_t value_column = column(content) + equals + 1;
      if (value.empty()) {
        report(line_, value_column,
               {"'" + wanted + "' has no value",
                std::string("write for example ") + key.name + " = " + key.example});
      } else if (!key.repeats && seen_[i] != 0) {
        report(line_, column(name),
               {"'" + wanted + "' stands in line " + std::to_string(seen_[i]) + " already",
                "remove one of them"});
      } else if (Outcome problem = key.set(value, result_.config)) {
        report(line_, column(value), std::move(*problem));
      }
      seen_[i] = line_;
      return;
    }
    report(line_, column(name),
           {"there is no key '" + wanted + "' in [" + section_ + "]",
            "use one of " + names_of_keys(section_)});
  }

  // What only the whole can show.
  void whole() {
    const Config& config = result_.config;
    using Severity = idl::Diagnostic::Severity;
    if (config.processes.empty() && config.services.empty())
      report(0, 0, {"nothing is to be protected", "add process = or service = lines to [protect]"},
             Severity::kWarning);
    if (config.file.empty() && config.event_log != LogChoice::kAll)
      report(0, 0, {"events are written to no file", "add file = PATH to [events]"},
             Severity::kWarning);
  }

  std::string_view text_;
  const std::string& file_;
  ParsedConfig result_;
  std::uint32_t line_ = 0;
  std::string section_;
  bool section_known_ = false;
  std::uint32_t seen_[kKeyCount] = {};  // line of the last one
};

}  // namespace

bool ParsedConfig::ok() const {
  return std::none_of(diagnostics.begin(), diagnostics.end(), [](const idl::Diagnostic& d) {
    return d.severity == idl::Diagnostic::Severity::kError;
  });
}

ParsedConfig parse_config(std::string_view text, const std::string& file) {
  return Parser(text, file).run();
}

ParsedConfig load_config(const std::string& utf8_path) {
  const std::u8string name(utf8_path.begin(), utf8_path.end());
  std::ifstream in(std::filesystem::path(name), std::ios::binary);
  std::string text(kMaxFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  const bool opened = in.is_open() && !in.bad();
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  if (opened) return parse_config(text, utf8_path);
  ParsedConfig result;
  idl::Diagnostic d;
  d.file = utf8_path;
  d.message = "the file cannot be read";
  d.fix = "name it with --config FILE; the package has an example, agent.example.conf";
  result.diagnostics.push_back(std::move(d));
  return result;
}

std::string example_config() {
  std::string text =
      "# Configuration of rpcmarshal-agent. Every key, with its default or an example.\r\n";
  std::string_view last;
  for (const Key& key : kKeys) {
    if (last != key.section) {
      last = key.section;
      text += "\r\n[" + std::string(last) + "]\r\n";
    }
    // Without a compiled policy at that place the service would not start.
    const bool off = last == "policy";
    text += (off ? "# " : "") + std::string(key.name) + " = " + key.example + "\r\n";
  }
  return text;
}

}  // namespace rpcmarshal::agent
