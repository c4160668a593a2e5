// rpcmarshal policy: what may be called. Policies are checked, compiled for the agent, tried on
// what was captured or logged, proposed from it, and turned into native RPC filters.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <map>
#include <tuple>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/policy_events.h"
#include "cli/secret_options.h"
#include "policy/compiler/check.h"
#include "policy/compiler/compile.h"
#include "policy/compiler/learn.h"
#include "policy/compiler/netsh.h"
#include "policy/compiler/parser.h"
#include "policy/compiler/rpcfw.h"
#include "policy/evaluator.h"
#include "policy/event_action.h"
#include "policy/json_fields.h"
#include "sink/json_writer.h"
#include "sink/sink.h"

namespace rpcmarshal::cli {
namespace {

using policy::Action;
using policy::Decision;
using policy::Policy;
using policy::PolicyModel;

struct PolicyOptions {
  std::string policy, output, format = "auto", at, windows = "any", name = "proposed";
  std::vector<std::string> inputs, policies, definitions;
  SecretOptions secrets;
  bool all = false, strict = false, filters = false, quiet = false, local = false;
};

std::int64_t now_seconds() { return static_cast<std::int64_t>(std::time(nullptr)); }

bool read_file(const std::string& path, std::string& out) {
  std::ifstream file(path, std::ios::binary);
  out.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  if (file.is_open() && !file.bad() && out.size() <= policy::format::kMaxSize) return true;
  std::fprintf(stderr, "rpcmarshal: %s cannot be read, or is larger than 16 MB\n", path.c_str());
  return false;
}

/// Writes findings to standard error; the number of errors and of warnings.
std::pair<std::size_t, std::size_t> tell(const sigma::Diagnostics& diagnostics) {
  std::size_t errors = 0, warnings = 0;
  for (const sigma::Diagnostic& d : diagnostics) {
    ++(d.severity == sigma::Diagnostic::Severity::kError ? errors : warnings);
    std::fprintf(stderr, "%s\n", d.to_string().c_str());
  }
  return {errors, warnings};
}

bool is_rpcfw(const std::string& path) { return path.ends_with(".conf"); }
bool is_compiled(std::string_view text) {
  return text.starts_with(std::string_view(policy::format::kMagic, sizeof policy::format::kMagic));
}

/// A policy in YAML, or an RpcFw.conf. False when it has errors; findings are added.
bool load_model(const std::string& path, const std::string& text,
                const lint::Operations& operations, bool filters, PolicyModel& out,
                sigma::Diagnostics& diagnostics) {
  if (is_rpcfw(path)) {
    const policy::RpcFwPolicy read = policy::read_rpcfw(text, path, operations, diagnostics);
    const std::string& yaml = filters ? read.filters : read.firewall;
    sigma::Diagnostics own;  // of the text just written: nothing the user could mend
    return policy::parse_policy(yaml, path, out, own);
  }
  if (!policy::parse_policy(text, path, out, diagnostics)) return false;
  policy::check_policy(out, operations, now_seconds(), diagnostics);
  return std::ranges::none_of(diagnostics, [](const sigma::Diagnostic& d) {
    return d.severity == sigma::Diagnostic::Severity::kError;
  });
}

int check(const PolicyOptions& o) {
  const LoadedCatalogue loaded = load_definitions(o.definitions);
  const lint::Operations operations(loaded.catalogue);
  std::size_t errors = 0, warnings = 0;
  for (const std::string& path : o.policies) {
    std::string text;
    if (!read_file(path, text)) return kUsage;
    if (is_compiled(text)) {
      const Policy::Loaded compiled = Policy::load(as_bytes(text));
      std::printf("%s: %s\n", path.c_str(),
                  compiled.policy ? "compiled policy, undamaged" : compiled.error.c_str());
      errors += compiled.policy ? 0 : 1;
      continue;
    }
    PolicyModel model;
    sigma::Diagnostics diagnostics;
    if (load_model(path, text, operations, o.filters, model, diagnostics))
      policy::compile_policy(model, diagnostics);
    const auto [e, w] = tell(diagnostics);
    errors += e;
    warnings += w;
    if (!o.quiet) {
      std::printf("%s: %zu rules, %zu errors, %zu warnings\n", path.c_str(), model.rules.size(), e,
                  w);
    }
  }
  return errors > 0 || (o.strict && warnings > 0) ? kUsage : kOk;
}

bool write_output(const std::string& path, std::string_view text) {
  const Output out = open_output(path);
  if (!out) return false;
  std::fwrite(text.data(), 1, text.size(), out.get());
  return flushed(out);
}

/// The compiled form of any policy; nothing after a message.
std::vector<std::byte> compiled(const PolicyOptions& o, const lint::Operations& operations) {
  std::string text;
  if (!read_file(o.policy, text)) return {};
  if (is_compiled(text)) {
    const Bytes bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
  }
  PolicyModel model;
  sigma::Diagnostics diagnostics;
  std::vector<std::byte> out;
  if (load_model(o.policy, text, operations, o.filters, model, diagnostics))
    out = policy::compile_policy(model, diagnostics);
  const auto [errors, warnings] = tell(diagnostics);
  if (errors > 0) {
    std::fprintf(stderr, "rpcmarshal: %s cannot be used: %zu errors\n", o.policy.c_str(), errors);
    return {};
  }
  return out;
}

int compile(const PolicyOptions& o) {
  const LoadedCatalogue loaded = load_definitions(o.definitions);
  const lint::Operations operations(loaded.catalogue);
  const std::vector<std::byte> block = compiled(o, operations);
  if (block.empty()) return kUsage;
  if (block.size() > policy::kAgentMaxPolicy) {
    std::fprintf(stderr, "rpcmarshal: the compiled policy has %zu bytes; the agent takes 1 MB\n",
                 block.size());
    return kUsage;
  }
  if (!write_output(o.output, as_text(block))) return kUsage;
  if (!o.quiet) std::fprintf(stderr, "%zu bytes\n", block.size());
  return kOk;
}

// -- simulate -------------------------------------------------------------------------------------

/// One line for people, of a call that is known as JSON only.
class CallLine {
 public:
  CallLine() {
    for (const char* name : {"ts", "client.address", "server.address", "user.domain", "user.name",
                             "interface.name", "interface.uuid", "operation", "opnum"}) {
      ids_.push_back(index_.intern(name));
    }
  }
  std::string make(std::string_view json) {
    text_ = json;
    text_.append(logs::JsonDocument::kPadding, ' ');
    if (!document_.parse(std::string_view(text_).substr(0, json.size()))) return {};
    document_.fill(index_, fields_, false);
    const auto get = [&](std::size_t i) {
      return std::string(logs::first_text(fields_, ids_[i], buffer_));
    };
    std::string out = get(0) + "  " + (get(1).empty() ? "?" : get(1)) + " → " +
                      (get(2).empty() ? "?" : get(2)) + "  ";
    if (!get(4).empty()) out += (get(3).empty() ? "" : get(3) + "\\") + get(4) + "  ";
    out += (get(5).empty() ? get(6) : get(5)) + "." + (get(7).empty() ? "#" + get(8) : get(7));
    for (char& c : out) {
      if (static_cast<std::uint8_t>(c) < 0x20 || c == 0x7F) c = '.';
    }
    return out + "\n";
  }

 private:
  sigma::FieldIndex index_;
  sigma::EventFields fields_;
  std::vector<sigma::FieldId> ids_;
  logs::JsonDocument document_;
  std::string text_, buffer_;
};

struct Counts {
  std::uint64_t calls = 0, decided[3] = {}, unknown = 0, would = 0, undecided_local = 0;
  std::map<std::tuple<std::uint32_t, Action, bool>, std::uint64_t> by_rule;  // rule, done, unknown
  std::map<std::uint32_t, std::uint64_t> learned;
  std::map<std::uint32_t, std::uint64_t> unknown_fields;
};

void summary(const Policy& policy, const Counts& c, std::uint64_t others) {
  const auto n = [](std::uint64_t x) { return static_cast<unsigned long long>(x); };
  std::fprintf(stderr, "%llu calls: %llu blocked, %llu audited, %llu allowed", n(c.calls),
               n(c.decided[2]), n(c.decided[1]), n(c.decided[0]));
  if (policy.learn()) std::fprintf(stderr, " (learning: %llu would be blocked)", n(c.would));
  std::fprintf(stderr, "\n");
  for (const auto& [key, count] : c.by_rule) {
    const auto& [rule, action, unknown] = key;
    std::fprintf(
        stderr, "  %8llu  %s  %s%s\n", n(count), std::string(policy::action_name(action)).c_str(),
        rule == Decision::kNoRule ? "(default)" : std::string(policy.rule(rule).id).c_str(),
        unknown ? " (not known whether it matches)" : "");
  }
  for (const auto& [rule, count] : c.learned) {
    std::fprintf(stderr, "  %8llu  learning  %s\n", n(count),
                 std::string(policy.rule(rule).id).c_str());
  }
  if (c.unknown > 0) {
    std::fprintf(stderr, "%llu depended on something that is not known:", n(c.unknown));
    for (const auto& [field, count] : c.unknown_fields)
      std::fprintf(stderr, " %s (%llu)", std::string(policy.field_name(field)).c_str(), n(count));
    std::fprintf(stderr, "\n");
  }
  if (c.undecided_local > 0)
    std::fprintf(stderr, "%llu local calls are not the policy's business (local: false)\n",
                 n(c.undecided_local));
  if (others > 0)
    std::fprintf(stderr, "%llu events are no calls, or lack the request\n", n(others));
}

int simulate(const PolicyOptions& o) {
  const LoadedCatalogue loaded = load_definitions(o.definitions);
  PolicyEvents events(loaded.catalogue);
  const std::vector<std::byte> block = compiled(o, events.operations());
  if (block.empty()) return kUsage;
  const Policy::Loaded ready = Policy::load(block);
  if (!ready.policy) {
    std::fprintf(stderr, "rpcmarshal: %s: %s\n", o.policy.c_str(), ready.error.c_str());
    return kUsage;
  }
  const Policy& policy = *ready.policy;
  std::int64_t now = now_seconds();
  if (!o.at.empty()) {
    const auto at = policy::parse_expiry(o.at);
    if (!at) {
      std::fprintf(stderr, "rpcmarshal: --at takes 2026-12-31 or 2026-12-31T18:00:00Z\n");
      return kUsage;
    }
    now = o.at.size() == 10 ? *at - 86400 : *at;
  }
  SensorOptions sensor;
  sensor.secrets = load_secrets(o.secrets);
  const Output out = open_output(o.output);
  if (!out) return kUsage;
  const bool terminal = out.get() == stdout && isatty(STDOUT_FILENO);
  const bool text = o.format == "text" || (o.format == "auto" && terminal);
  const auto format = text ? make_text_format() : make_json_format();
  policy::JsonFields fields(policy);
  policy::Evaluator evaluator(policy);
  CallLine line;
  Counts counts;
  std::string written;
  const auto decide = [&](const PolicyCall& call) {
    if (!policy.local_calls() &&
        call.json.find("\"protocol\":\"ncalrpc\"") != std::string_view::npos) {
      ++counts.undecided_local;
      return;
    }
    if (!fields.parse(call.json)) return;
    const Decision d = evaluator.decide(fields, now);
    ++counts.calls;
    ++counts.decided[static_cast<int>(d.action)];
    ++counts.by_rule[{d.rule, d.action, d.unknown}];
    if (d.verdict == Action::kBlock && d.action != d.verdict) ++counts.would;
    if (d.learn_rule != Decision::kNoRule) ++counts.learned[d.learn_rule];
    if (d.unknown) {
      ++counts.unknown;
      if (d.unknown_field < policy.field_count()) ++counts.unknown_fields[d.unknown_field];
    }
    if (d.action == Action::kAllow && !o.all) return;
    const EventAction action = policy::event_action(policy, d);
    written.clear();
    if (call.event != nullptr) {
      Event event = *call.event;
      event.action = &action;
      format->append(written, event);
    } else if (text) {
      written = line.make(call.json) + "    " + action_text(action) + "\n";
    } else {
      // As the last member of the event, in place of one from an earlier decision.
      written = call.json.substr(0, call.json.rfind('}'));
      if (const std::size_t earlier = written.rfind(",\"action\":{"); earlier != std::string::npos)
        written.resize(earlier);
      written += ",\"action\":";
      append_action(written, action);
      written += "}\n";
    }
    std::fwrite(written.data(), 1, written.size(), out.get());
  };
  int status = kOk;
  for (const std::string& path : o.inputs) {
    if (!events.read(path, sensor, decide)) status = kDamagedInput;
  }
  if (!flushed(out)) return kUsage;
  if (!o.quiet) summary(policy, counts, events.others());
  return status;
}

// -- learn, convert, export -----------------------------------------------------------------------

int learn(const PolicyOptions& o) {
  const LoadedCatalogue loaded = load_definitions(o.definitions);
  PolicyEvents events(loaded.catalogue);
  policy::Learner learner;
  sigma::FieldIndex index;
  const auto field = [&](const char* name) { return index.intern(name); };
  const sigma::FieldId uuid = field("interface.uuid"), interface = field("interface.name"),
                       operation = field("operation"), opnum = field("opnum"),
                       client = field("client.address"), user = field("user.name"),
                       hosts = field("unc_hosts"), decoded = field("decode.request.status"),
                       protocol = field("transport.protocol");
  logs::JsonDocument document;
  sigma::EventFields values;
  std::string padded;
  SensorOptions sensor;
  sensor.secrets = load_secrets(o.secrets);
  int status = kOk;
  const auto add = [&](const PolicyCall& call) {
    padded = call.json;
    padded.append(logs::JsonDocument::kPadding, ' ');
    if (!document.parse(std::string_view(padded).substr(0, call.json.size()))) return;
    document.fill(index, values, false);
    std::string buffer[8];
    policy::SeenCall seen;
    if (logs::first_text(values, protocol, buffer[7]) == "ncalrpc" && !o.local) return;
    seen.uuid = logs::first_text(values, uuid, buffer[0]);
    seen.interface = logs::first_text(values, interface, buffer[1]);
    seen.operation = logs::first_text(values, operation, buffer[2]);
    seen.opnum = logs::first_text(values, opnum, buffer[3]);
    seen.client = logs::first_text(values, client, buffer[4]);
    seen.user = logs::first_text(values, user, buffer[5]);
    seen.decoded = logs::first_text(values, decoded, buffer[6]) == "complete";
    for (const auto& link : values.links()) {
      if (link.field == hosts) seen.unc_hosts.push_back(values.values()[link.value].text);
    }
    if (const auto id = Guid::parse(seen.uuid)) {
      std::uint16_t number = 0;
      for (const char c : seen.opnum) number = static_cast<std::uint16_t>(number * 10 + (c - '0'));
      const Interface* found = loaded.catalogue.find(*id);
      const Procedure* procedure = found && !seen.opnum.empty() ? found->find(number) : nullptr;
      seen.notable = procedure && lint::severity_rank(*procedure) >= 2;
    }
    learner.add(seen);
  };
  for (const std::string& path : o.inputs) {
    if (!events.read(path, sensor, add)) status = kDamagedInput;
  }
  if (!write_output(o.output, learner.policy(o.name))) return kUsage;
  return status;
}

int convert(const PolicyOptions& o) {
  const LoadedCatalogue loaded = load_definitions(o.definitions);
  const lint::Operations operations(loaded.catalogue);
  std::string text;
  if (!read_file(o.policy, text)) return kUsage;
  sigma::Diagnostics diagnostics;
  const policy::RpcFwPolicy read = policy::read_rpcfw(text, o.policy, operations, diagnostics);
  const auto [errors, warnings] = tell(diagnostics);
  if (!write_output(o.output, o.filters ? read.filters : read.firewall)) return kUsage;
  return errors > 0 || (o.strict && warnings > 0) ? kUsage : kOk;
}

int export_filters(const PolicyOptions& o) {
  const LoadedCatalogue loaded = load_definitions(o.definitions);
  const lint::Operations operations(loaded.catalogue);
  std::string text;
  if (!read_file(o.policy, text)) return kUsage;
  PolicyModel model;
  sigma::Diagnostics diagnostics;
  // Of an RpcFw.conf, the flt: lines are what it wanted to be filters.
  const bool filters = is_rpcfw(o.policy) ? true : o.filters;
  const bool good = load_model(o.policy, text, operations, filters, model, diagnostics);
  tell(diagnostics);
  if (!good) return kUsage;
  const policy::NetshExport result =
      policy::export_netsh(model, operations, o.windows == "24h2", now_seconds());
  if (!write_output(o.output, result.script)) return kUsage;
  for (const policy::NetshRefusal& refusal : result.refused) {
    // Of an RpcFw.conf, the rule's name has the line; its own is of the text it became.
    const std::string at = is_rpcfw(o.policy) ? "" : ":" + std::to_string(refusal.line);
    std::fprintf(stderr, "%s%s: not exported: %s: %s\n", o.policy.c_str(), at.c_str(),
                 refusal.rule.c_str(), refusal.why.c_str());
  }
  std::fprintf(stderr, "%zu rules became %zu filters, %zu rules did not\n", result.exported,
               result.filters, result.refused.size());
  return o.strict && !result.refused.empty() ? kUsage : kOk;
}

CLI::App* command(CLI::App& parent, const char* name, const char* what,
                  const std::shared_ptr<PolicyOptions>& o) {
  CLI::App* out = parent.add_subcommand(name, what);
  out->add_option("--interfaces", o->definitions,
                  "Folder of .idl files that add to the built-in interfaces");
  return out;
}

}  // namespace

void add_policy(CLI::App& app, Run& run) {
  CLI::App* top = app.add_subcommand("policy", "What may be called: check, try, compile policies");
  top->require_subcommand(1);
  top->footer(
      "A policy is YAML (docs/policy.md) or an RpcFw.conf (by that ending).\n"
      "Examples:\n"
      "  rpcmarshal policy check policies/*.yml\n"
      "  rpcmarshal policy simulate servers.yml incident.pcapng events.jsonl\n"
      "  rpcmarshal policy learn monday.pcap tuesday.pcap -o proposed.yml\n"
      "  rpcmarshal policy compile servers.yml -o servers.policy\n"
      "  rpcmarshal policy export --netsh RpcFw.conf -o filters.txt\n"
      "Exit status: 0 done; 1 an input was damaged; 2 the command line, a policy or an output "
      "could "
      "not\nbe used.");
  const auto make = [&](const char* name, const char* what, int (*action)(const PolicyOptions&)) {
    const auto options = std::make_shared<PolicyOptions>();
    CLI::App* out = command(*top, name, what, options);
    out->callback(
        [options, action, &run] { run = [options, action] { return action(*options); }; });
    return std::pair(out, options);
  };
  {
    const auto [c, o] = make("check", "Errors, rules that never match, shadowed rules", check);
    c->add_option("POLICY", o->policies, "Policies, or compiled ones")->required();
    c->add_flag("--strict", o->strict, "Warnings count as errors");
    c->add_flag("--filters", o->filters, "RpcFw.conf: its flt: lines, not its fw: lines");
    c->add_flag("-q,--quiet", o->quiet, "No line per policy");
  }
  {
    const auto [c, o] = make("compile", "The form that the agent loads", compile);
    c->add_option("POLICY", o->policy)->required();
    c->add_option("-o,--output", o->output, "The compiled policy")->required();
    c->add_flag("-q,--quiet", o->quiet, "Say nothing when it worked");
  }
  {
    const auto [c, o] = make("simulate", "What a policy would have done", simulate);
    c->add_option("POLICY", o->policy, "Policy, or compiled one")->required();
    c->add_option(
         "INPUT", o->inputs,
         "Captures, events, Zeek's dce_rpc.log, RPC Firewall events (EVTX, JSON); - for standard "
         "input")
        ->required();
    c->add_option("-f,--format", o->format, "auto (text on a terminal, else json), text, json")
        ->check(CLI::IsMember({"auto", "text", "json"}));
    c->add_option("-o,--output", o->output, "Write the calls to this file");
    c->add_flag("--all", o->all, "Also calls that are allowed");
    c->add_option("--at", o->at, "Time for rules that expire; default now");
    c->add_flag("--filters", o->filters, "RpcFw.conf: its flt: lines, not its fw: lines");
    c->add_flag("--no-summary", o->quiet, "No closing summary on standard error");
    add_secret_options(*c, o->secrets);
  }
  {
    const auto [c, o] = make("learn", "Propose a policy that allows what was seen", learn);
    c->add_option("INPUT", o->inputs, "As of simulate")->required();
    c->add_option("-o,--output", o->output, "Write the policy to this file");
    c->add_option("--name", o->name, "Name of the policy");
    c->add_flag("--local", o->local, "Local calls (ncalrpc), too");
    add_secret_options(*c, o->secrets);
  }
  {
    const auto [c, o] = make("convert", "An RpcFw.conf as a policy", convert);
    c->add_option("RPCFW_CONF", o->policy)->required();
    c->add_option("-o,--output", o->output, "Write the policy to this file");
    c->add_flag("--filters", o->filters, "Its flt: lines, not its fw: lines");
    c->add_flag("--strict", o->strict, "Fail when anything had to be warned of");
  }
  {
    const auto [c, o] = make("export", "Native Windows RPC filters", export_filters);
    bool* netsh = &o->all;
    c->add_flag("--netsh", *netsh, "As a script for 'netsh -f'")->required();
    c->add_option("POLICY", o->policy)->required();
    c->add_option("-o,--output", o->output, "Write the script to this file");
    c->add_option("--windows", o->windows,
                  "any; 24h2: Windows 11 24H2, Server 2025 and later, which filter by opnum")
        ->check(CLI::IsMember({"any", "24h2"}));
    c->add_flag("--strict", o->strict, "Fail when a rule cannot be exported");
  }
}

}  // namespace rpcmarshal::cli
