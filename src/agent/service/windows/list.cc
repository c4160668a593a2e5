#include "agent/service/windows/list.h"

#include <algorithm>

#include "agent/common/protocol.h"
#include "agent/service/signatures.h"
#include "agent/service/windows/endpoint_query.h"
#include "agent/service/windows/processes.h"
#include "base/unicode.h"

namespace rpcmarshal::agent {

ProcessScan scan_process(std::uint32_t pid, const Catalogue* catalogue) {
  ProcessScan scan;
  const auto modules = list_modules(pid, scan.error);
  if (!modules) return scan;
  const LoadedModule* rpcrt4 = find_module(*modules, "rpcrt4.dll");
  if (!rpcrt4) return scan;
  scan.rpc = true;
  const auto memory = ProcessMemory::open(pid, scan.error);
  if (!memory) return scan;
  ScanContext context;
  context.interpreter_entries = interpreter_entries(*memory, *rpcrt4);
  const LoadedModule* hook = find_module(*modules, kHookFile);
  if (hook) {
    context.hook = *hook;
    scan.hook_loaded = true;
  }
  for (const LoadedModule& module : *modules) {
    if (&module == hook) continue;
    auto found = scan_module(*memory, module, context);
    for (FoundInterface& one : found) {
      scan.hooked += one.hooked;
      const Interface* known = catalogue ? catalogue->find(one.id.uuid, one.id.major) : nullptr;
      // A hooked table does not show what it led to before; the strings tell by their version.
      if (catalogue && (!known || known->names_only) &&
          (one.stubs != Stubs::kInline || one.hooked > 0))
        one.signatures = read_signatures(*memory, one.server_info, one.operations);
      scan.interfaces.push_back(std::move(one));
    }
  }
  return scan;
}

ListResult list_servers(const ListOptions& options, const Catalogue& catalogue) {
  struct Candidate {
    ProcessFacts process;
    ProcessScan scan;
  };
  std::vector<Candidate> candidates;
  const bool chosen = options.pid || !options.name.empty();
  std::vector<FoundInterface> everything;
  for (ProcessFacts& process : list_processes()) {
    if (process.pid == GetCurrentProcessId() && !chosen) continue;
    const bool wanted =
        options.pid ? process.pid == *options.pid
                    : options.name.empty() || equal_ignoring_case(process.name, options.name);
    if (!wanted) continue;
    Candidate candidate{std::move(process), {}};
    candidate.scan = scan_process(candidate.process.pid, &catalogue);
    everything.insert(everything.end(), candidate.scan.interfaces.begin(),
                      candidate.scan.interfaces.end());
    candidates.push_back(std::move(candidate));
  }

  std::vector<const Interface*> known;
  std::vector<std::uint32_t> pids;
  for (const FoundInterface& one : everything) {
    if (const Interface* definition = catalogue.find(one.id.uuid, one.id.major))
      known.push_back(definition);
  }
  for (const Candidate& candidate : candidates) {
    if (!candidate.scan.interfaces.empty()) pids.push_back(candidate.process.pid);
  }
  EndpointFacts facts = query_endpoints(pipes_to_ask(everything, known), pids, options.ask);

  ListResult result;
  result.unavailable = std::move(facts.unavailable);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    Candidate& candidate = candidates[i];
    std::vector<SyntaxId> elsewhere;
    for (std::size_t j = 0; j < candidates.size(); ++j) {
      if (j == i) continue;
      for (const FoundInterface& one : candidates[j].scan.interfaces) elsewhere.push_back(one.id);
    }
    const auto refusal = why_not_enter(candidate.process, GetCurrentProcessId(), false);
    // make_report() takes them away, and the other candidates still need theirs.
    ProcessReport report =
        make_report(candidate.process, candidate.scan.interfaces, facts, elsewhere, catalogue);
    report.refusal = refusal.value_or("");
    report.unreadable = candidate.scan.error;
    if (candidate.scan.hook_loaded)
      report.hook = candidate.scan.hooked > 0
                        ? std::to_string(candidate.scan.hooked) + " operations hooked"
                        : std::string("loaded, nothing hooked");
    // Without a server there is nothing to list; a socket alone may be anything.
    if (report.interfaces.empty() && !chosen) continue;
    result.processes.push_back(std::move(report));
  }
  std::sort(
      result.processes.begin(), result.processes.end(),
      [](const ProcessReport& a, const ProcessReport& b) { return a.process.pid < b.process.pid; });
  return result;
}

}  // namespace rpcmarshal::agent
