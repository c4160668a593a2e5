// rpcmarshal-agent: the command line.
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "agent/service/config.h"
#include "agent/service/list_report.h"
#include "agent/service/status_board.h"
#include "agent/service/windows/agent.h"
#include "agent/service/windows/control.h"
#include "agent/service/windows/injector.h"
#include "agent/service/windows/list.h"
#include "agent/service/windows/processes.h"
#include "agent/service/windows/protection.h"
#include "agent/service/windows/service_control.h"
#include "base/unicode.h"
#include "builtin/builtin.h"
#include "log_events.h"
#include "policy/policy.h"

namespace rpcmarshal::agent {
namespace {

constexpr std::uint32_t kWaitMilliseconds = 8000;
constexpr int kDone = 0, kFailed = 1, kUsage = 2;

constexpr char kHelp[] =
    R"(rpcmarshal-agent: RPC calls inside Windows servers, seen and decided (docs/windows.md)

  list [PID|NAME] [--json] [--operations] [--no-ask]
        processes with RPC servers: endpoints, interfaces, operations; --no-ask makes no calls
  protect PID|NAME ... [--even-critical]
        loads the hook into these processes; events are kept while `run` runs
  unprotect PID|NAME ... | --all
        takes the hooks out
  status [--json]
        what is protected, counters, the policy in force
  policy reload [FILE]       puts a compiled policy in force, after verifying it
  policy show FILE           verifies one and lists its rules
  policy clear               allows everything again
  run [--config FILE]        protects what the configuration names, and writes events
  config check FILE          what is wrong with a configuration
  config example             one with every key
  install [--config FILE] [--anywhere]     as a Windows service
  uninstall
  --version

All but `list`, `config`, `policy show` want an administrator. --config is agent.conf beside the program
unless given.
)";

struct Arguments {
  std::vector<std::string> words;
  bool json = false, operations = false, no_ask = false, even_critical = false, all = false,
       service = false, anywhere = false;
  std::string config;
};

std::optional<Arguments> parse(const std::vector<std::string>& args) {
  Arguments out;
  const auto default_config = utf8(program_folder()) + "agent.conf";
  out.config = default_config;
  struct Flag {
    const char* name;
    bool Arguments::*value;
  };
  static constexpr Flag kFlags[] = {
      {"--json", &Arguments::json},         {"--operations", &Arguments::operations},
      {"--no-ask", &Arguments::no_ask},     {"--even-critical", &Arguments::even_critical},
      {"--all", &Arguments::all},           {"--service", &Arguments::service},
      {"--anywhere", &Arguments::anywhere},
  };
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (arg == "--config") {
      if (++i == args.size()) {
        std::fprintf(stderr, "--config wants a file\n");
        return std::nullopt;
      }
      // The service manager starts the service elsewhere.
      std::wstring full(32768, L'\0');
      full.resize(GetFullPathNameW(wide(args[i]).c_str(), static_cast<DWORD>(full.size()),
                                   full.data(), nullptr));
      out.config = utf8(full);
      continue;
    }
    if (!arg.starts_with("--")) {
      out.words.push_back(arg);
      continue;
    }
    bool known = false;
    for (const Flag& flag : kFlags) {
      if (arg == flag.name) out.*flag.value = known = true;
    }
    if (!known) {
      std::fprintf(stderr, "unknown option %s (try --help)\n", arg.c_str());
      return std::nullopt;
    }
  }
  return out;
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::optional<std::uint32_t> to_pid(const std::string& word) {
  if (word.empty() || word.size() > 10 || word.find_first_not_of("0123456789") != word.npos)
    return std::nullopt;
  const unsigned long long number = std::stoull(word);
  if (number > 0xFFFFFFFF) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

// Processes by number or name; says which words name none.
std::vector<ProcessFacts> find_processes(const std::vector<std::string>& words, bool& missing) {
  std::vector<ProcessFacts> found;
  const std::vector<ProcessFacts> all = list_processes();
  for (const std::string& word : words) {
    const auto pid = to_pid(word);
    bool any = false;
    for (const ProcessFacts& process : all) {
      if (pid ? process.pid != *pid : !equal_ignoring_case(process.name, word)) continue;
      found.push_back(process);
      any = true;
    }
    if (!any) {
      std::fprintf(stderr, "there is no process %s\n", word.c_str());
      missing = true;
    }
  }
  return found;
}

int list(const Arguments& args) {
  if (args.words.size() > 2) return kUsage;
  ListOptions options;
  options.ask = !args.no_ask;
  if (args.words.size() == 2) {
    options.pid = to_pid(args.words[1]);
    if (!options.pid) options.name = args.words[1];
  }
  enable_privilege(L"SeDebugPrivilege");
  const LoadedCatalogue loaded = load_catalogue();
  const ListResult result = list_servers(options, loaded.catalogue);
  std::string out;
  for (const ProcessReport& report : result.processes) {
    if (args.json) {
      append_json(out, report);
    } else {
      append_text(out, report, args.operations);
      out += '\n';
    }
  }
  print(out);
  for (const std::string& what : result.unavailable)
    std::fprintf(stderr, "not available here: %s\n", what.c_str());
  if (result.processes.empty() && args.words.size() == 2) {
    std::fprintf(stderr, "there is no process %s\n", args.words[1].c_str());
    return kFailed;
  }
  return kDone;
}

int protect_command(const Arguments& args) {
  if (args.words.size() < 2) return kUsage;
  enable_privilege(L"SeDebugPrivilege");
  bool failed = false;
  auto processes = find_processes({args.words.begin() + 1, args.words.end()}, failed);
  if (processes.empty()) return kFailed;
  const auto name_of = [](const ProcessFacts& process) {
    return process.name + " (process " + std::to_string(process.pid) + ")";
  };
  std::erase_if(processes, [&](const ProcessFacts& process) {
    const auto why = why_not_enter(process, GetCurrentProcessId(), args.even_critical);
    if (why)
      std::fprintf(stderr, "%s is not protected: %s\n", name_of(process).c_str(), why->c_str());
    failed = failed || why;
    return why.has_value();
  });
  if (processes.empty()) return kFailed;
  const std::wstring hook = checked_hook_path();
  Control control = Control::create();
  for (const ProcessFacts& process : processes) {
    const std::string who = name_of(process);
    try {
      protect(control, process, hook);
    } catch (const SystemError& error) {
      std::fprintf(stderr, "%s is not protected: %s\n", who.c_str(), error.what());
      failed = true;
      continue;
    }
    const HookedState state = wait_for_hooks(process.pid, true, kWaitMilliseconds);
    if (state.operations == 0) {
      print(who + ": the hook is loaded, and has found no RPC server interface yet\n");
    } else {
      print(who + " is protected: " + std::to_string(state.operations) + " operations of " +
            std::to_string(state.interfaces) + " interfaces\n");
    }
  }
  if (control.block().agent_pid == 0 || !still_runs(control.block().agent_pid, 0))
    std::fprintf(stderr, "no agent runs (`rpcmarshal-agent run`): events are dropped\n");
  return failed ? kFailed : kDone;
}

int unprotect_command(const Arguments& args) {
  if (args.words.size() < 2 && !args.all) return kUsage;
  enable_privilege(L"SeDebugPrivilege");
  auto control = Control::open();
  if (!control) {
    std::fprintf(stderr, "nothing is protected\n");
    return args.all ? kDone : kFailed;
  }
  bool failed = false;
  std::vector<ControlTarget> targets;
  if (args.all) {
    targets = control->targets();
  } else {
    for (const ProcessFacts& process :
         find_processes({args.words.begin() + 1, args.words.end()}, failed)) {
      if (!control->is_target(process.pid)) {
        std::fprintf(stderr, "%s (process %u) is not protected\n", process.name.c_str(),
                     process.pid);
        failed = true;
      } else {
        targets.push_back({process.pid, 0, process.started});
      }
    }
  }
  for (const ControlTarget& target : targets) {
    control->remove_target(target.pid);
    const HookedState state = wait_for_hooks(target.pid, false, kWaitMilliseconds);
    if (state.operations > 0) {
      std::fprintf(stderr,
                   "process %u still has %u operations hooked; they go when its calls "
                   "have ended\n",
                   target.pid, state.operations);
      failed = true;
    } else {
      print("process " + std::to_string(target.pid) + " is no longer protected\n");
    }
  }
  return failed ? kFailed : kDone;
}

int status_command(const Arguments& args) {
  StatusInput input;
  std::optional<BoardView> view;
  if (const auto section = MappedSection::open(kBoardName, sizeof(StatusBoard), false)) {
    view = read_board(static_cast<const StatusBoard*>(section->memory()), sizeof(StatusBoard));
    if (view) input.board = &*view;
  }
  if (auto control = Control::open()) {
    input.has_control = true;
    input.targets = control->targets();
    input.control_flags = control->block().flags;
    input.policy_size = control->block().policy_size;
    input.policy_revision = control->block().policy_revision;
  }
  for (const ProcessFacts& process : list_process_names())
    input.names.emplace_back(process.pid, process.name);
  input.now = filetime_now();
  print(args.json ? status_json(input) : status_text(input));
  return kDone;
}

int print_diagnostics(const ParsedConfig& parsed) {
  for (const idl::Diagnostic& d : parsed.diagnostics)
    std::fprintf(stderr, "%s\n", d.to_string().c_str());
  return parsed.ok() ? kDone : kFailed;
}

int policy_command(const Arguments& args) {
  if (args.words.size() < 2) return kUsage;
  const std::string& what = args.words[1];
  if (what == "show" && args.words.size() == 3) {
    const PolicyFile file = load_policy_file(args.words[2]);
    const auto loaded = policy::Policy::load(file.bytes);
    std::string out = "policy " + file.name + (loaded.policy->learn() ? " (learn mode)" : "") +
                      "; otherwise " +
                      std::string(policy::action_name(loaded.policy->default_action())) + "\n";
    for (std::size_t i = 0; i < file.rules; ++i) {
      const policy::PolicyRule rule = loaded.policy->rule(i);
      out += "  " + std::string(policy::action_name(rule.action)) + "  " + std::string(rule.id) +
             "  " + std::string(rule.title) + "\n";
    }
    print(out);
    return kDone;
  }
  if (what == "clear" && args.words.size() == 2) {
    auto control = Control::open();
    if (control) control->set_policy({});
    print("no policy is in force\n");
    return kDone;
  }
  if (what != "reload" || args.words.size() > 3) return kUsage;
  std::string path = args.words.size() == 3 ? args.words[2] : "";
  if (path.empty()) {
    const ParsedConfig parsed = load_config(args.config);
    if (!parsed.ok()) return print_diagnostics(parsed);
    path = parsed.config.policy;
    if (path.empty()) {
      std::fprintf(stderr, "%s names no policy; say which: policy reload FILE\n",
                   args.config.c_str());
      return kFailed;
    }
  }
  const PolicyFile file = load_policy_file(path);
  auto control = Control::open();
  if (!control) {
    std::fprintf(stderr,
                 "%s is sound, but nothing is protected and no agent runs: it is put "
                 "nowhere\n",
                 path.c_str());
    return kFailed;
  }
  const std::uint32_t revision = control->set_policy(file.bytes);
  EventLog().write(kLogPolicy, {path, std::to_string(revision), std::to_string(file.rules)});
  print("policy " + file.name + " with " + std::to_string(file.rules) +
        " rules is in force as revision " + std::to_string(revision) + "\n");
  return kDone;
}

Handle console_stop;
BOOL WINAPI on_console(DWORD) {
  SetEvent(console_stop.get());
  return TRUE;
}

int run_command(const Arguments& args) {
  const auto work = [&](HANDLE stop) {
    const ParsedConfig parsed = load_config(args.config);
    print_diagnostics(parsed);
    if (!parsed.ok()) {
      std::string all;
      for (const idl::Diagnostic& d : parsed.diagnostics) all += d.to_string() + "\n";
      throw std::runtime_error("the configuration has errors\n" + all);
    }
    Agent(parsed.config, args.config).run(stop);
  };
  if (args.service) {
    if (run_as_service(work)) return kDone;
    std::fprintf(stderr, "--service is for the service manager; on a console leave it out\n");
    return kFailed;
  }
  console_stop = Handle(CreateEventW(nullptr, TRUE, FALSE, nullptr));
  SetConsoleCtrlHandler(on_console, TRUE);
  work(console_stop.get());
  return kDone;
}

int config_command(const Arguments& args) {
  if (args.words.size() == 2 && args.words[1] == "example") {
    print(example_config());
    return kDone;
  }
  if (args.words.size() != 3 || args.words[1] != "check") return kUsage;
  const int result = print_diagnostics(load_config(args.words[2]));
  if (result == kDone) print("no errors\n");
  return result;
}

int install_command(const Arguments& args) {
  const ParsedConfig parsed = load_config(args.config);
  if (print_diagnostics(parsed) != kDone) return kFailed;
  checked_hook_path();
  const std::string note = install_service(args.config, args.anywhere);
  if (!note.empty()) std::fprintf(stderr, "note: %s\n", note.c_str());
  print("installed; start it with: sc start rpcmarshal-agent\n");
  return kDone;
}

int dispatch(const std::vector<std::string>& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    print(kHelp);
    return words.empty() ? kUsage : kDone;
  }
  if (words[0] == "--version") {
    print(std::string("rpcmarshal-agent ") + RPCMARSHAL_VERSION + "\n");
    return kDone;
  }
  const auto args = parse(words);
  if (!args || args->words.empty()) return kUsage;
  const std::string& command = args->words[0];
  int result = kUsage;
  if (command == "list") result = list(*args);
  if (command == "protect") result = protect_command(*args);
  if (command == "unprotect") result = unprotect_command(*args);
  if (command == "status") result = status_command(*args);
  if (command == "policy") result = policy_command(*args);
  if (command == "run") result = run_command(*args);
  if (command == "config") result = config_command(*args);
  if (command == "install") result = install_command(*args);
  if (command == "uninstall") {
    if (uninstall_service()) {
      print("removed\n");
    } else {
      print("it is not installed\n");
    }
    result = kDone;
  }
  if (result == kUsage) std::fprintf(stderr, "wrong use of %s (try --help)\n", command.c_str());
  return result;
}

}  // namespace
}  // namespace rpcmarshal::agent

int main() {
  using namespace rpcmarshal::agent;
  SetConsoleOutputCP(CP_UTF8);
  int count = 0;
  wchar_t** raw = CommandLineToArgvW(GetCommandLineW(), &count);
  std::vector<std::string> words;
  for (int i = 1; i < count; ++i) words.push_back(utf8(raw[i]));
  LocalFree(raw);
  try {
    return dispatch(words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return kFailed;
  }
}
