#include "agent/service/endpoints.h"

#include <algorithm>

#include "base/unicode.h"

namespace rpcmarshal::agent {
namespace {

constexpr char kPipeSequence[] = "ncacn_np";
constexpr std::size_t kMaxPipes = 512;

// "ncacn_np:[\pipe\svcctl]" -> {"ncacn_np", "\pipe\svcctl"}.
std::pair<std::string, std::string> split_endpoint(const std::string& text) {
  const std::size_t open = text.find(":[");
  if (open == std::string::npos || !text.ends_with(']')) return {};
  return {text.substr(0, open), text.substr(open + 2, text.size() - open - 3)};
}

void add_pipe(std::vector<std::string>& pipes, const std::string& endpoint) {
  auto [sequence, name] = split_endpoint(endpoint);
  if (sequence != kPipeSequence || !to_lower(name).starts_with("\\pipe\\")) return;
  for (const std::string& known : pipes) {
    if (equal_ignoring_case(known, name)) return;
  }
  if (pipes.size() < kMaxPipes) pipes.push_back(std::move(name));
}

void add_endpoint(ProcessReport& report, const std::string& sequence, const std::string& endpoint,
                  const char* how) {
  for (const ReportedEndpoint& known : report.endpoints) {
    if (known.sequence == sequence && equal_ignoring_case(known.endpoint, endpoint)) return;
  }
  report.endpoints.push_back({sequence, endpoint, how});
}

bool has_endpoint(const ProcessReport& report, const std::string& sequence,
                  const std::string& endpoint) {
  return std::any_of(report.endpoints.begin(), report.endpoints.end(), [&](const auto& known) {
    return known.sequence == sequence && equal_ignoring_case(known.endpoint, endpoint);
  });
}

bool same(const SyntaxId& a, const SyntaxId& b) { return a.uuid == b.uuid && a.major == b.major; }

ReportedInterface& interface_of(ProcessReport& report, const SyntaxId& id,
                                const Catalogue& catalogue) {
  for (ReportedInterface& known : report.interfaces) {
    if (same(known.found.id, id)) return known;
  }
  ReportedInterface added;
  added.found.id = id;
  added.known = catalogue.find(id.uuid, id.major);
  return report.interfaces.emplace_back(std::move(added));
}

}  // namespace

const char* to_string(Presence presence) {
  switch (presence) {
    case Presence::kMapped:
      return "mapped";
    case Presence::kRegistered:
      return "registered";
    case Presence::kCompiledIn:
      break;
  }
  return "compiled_in";
}

std::vector<std::string> pipes_to_ask(const std::vector<FoundInterface>& found,
                                      const std::vector<const Interface*>& known) {
  std::vector<std::string> pipes;
  for (const FoundInterface& one : found) {
    for (const std::string& endpoint : one.endpoints) add_pipe(pipes, endpoint);
  }
  for (const Interface* interface : known) {
    for (const std::string& endpoint : interface->endpoints) add_pipe(pipes, endpoint);
  }
  return pipes;
}

ProcessReport make_report(ProcessFacts process, std::vector<FoundInterface> found,
                          const EndpointFacts& facts, const std::vector<SyntaxId>& elsewhere,
                          const Catalogue& catalogue) {
  ProcessReport report;
  const std::uint32_t pid = process.pid;
  report.process = std::move(process);
  for (FoundInterface& one : found) {
    ReportedInterface& reported = interface_of(report, one.id, catalogue);
    // The same interface in two modules is listed once, the first.
    if (reported.in_module) continue;
    reported.found = std::move(one);
    reported.in_module = true;
  }

  for (const auto& listener : facts.listeners) {
    if (listener.pid == pid)
      add_endpoint(report, "ncacn_ip_tcp", std::to_string(listener.port), "socket");
  }
  for (const auto& pipe : facts.pipes) {
    if (pipe.pid == pid) add_endpoint(report, kPipeSequence, pipe.name, "pipe");
  }
  // An endpoint that is compiled in is the process's unless somebody else is seen to have it.
  for (const ReportedInterface& one : report.interfaces) {
    for (const std::string& text : one.found.endpoints) {
      const auto parts = split_endpoint(text);
      // Lambdas cannot capture structured bindings in C++20 as clang 14 has it.
      const auto& sequence = std::get<0>(parts);
      const auto& endpoint = std::get<1>(parts);
      if (sequence.empty()) continue;
      const bool taken = sequence == kPipeSequence &&
                         std::any_of(facts.pipes.begin(), facts.pipes.end(), [&](const auto& pipe) {
                           return pipe.pid != pid && equal_ignoring_case(pipe.name, endpoint);
                         });
      if (!taken) add_endpoint(report, sequence, endpoint, "compiled in");
    }
  }

  for (const auto& element : facts.elements) {
    bool ours = has_endpoint(report, element.sequence, element.endpoint);
    const bool has = std::any_of(report.interfaces.begin(), report.interfaces.end(), [&](auto& i) {
      return i.in_module && same(i.found.id, element.id);
    });
    if (!ours && has && element.sequence == "ncalrpc") {
      ours = std::none_of(elsewhere.begin(), elsewhere.end(),
                          [&](const SyntaxId& id) { return same(id, element.id); });
      if (ours) add_endpoint(report, element.sequence, element.endpoint, "endpoint mapper");
    }
    if (!ours) continue;
    ReportedInterface& reported = interface_of(report, element.id, catalogue);
    reported.presence = std::max(reported.presence, Presence::kMapped);
    if (reported.annotation.empty()) reported.annotation = element.annotation;
  }
  for (const auto& answer : facts.answers) {
    if (!has_endpoint(report, answer.sequence, answer.endpoint)) continue;
    for (const SyntaxId& id : answer.interfaces)
      interface_of(report, id, catalogue).presence = Presence::kRegistered;
  }
  std::stable_sort(report.interfaces.begin(), report.interfaces.end(),
                   [](const ReportedInterface& a, const ReportedInterface& b) {
                     return a.presence > b.presence;
                   });
  return report;
}

}  // namespace rpcmarshal::agent
