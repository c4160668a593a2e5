#include "cli/event_options.h"

#include <cstdlib>
#include <string_view>

#include "base/unicode.h"
#include "interface/names.h"

namespace rpcmarshal::cli {
namespace {

/// "*" at the end matches any rest; letters match in either case.
bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.ends_with('*')) {
    pattern.remove_suffix(1);
    text = text.substr(0, pattern.size());
  }
  return equal_ignoring_case(pattern, text);
}

template <typename... Texts>
bool any_matches(const std::vector<std::string>& patterns, const Texts&... texts) {
  if (patterns.empty()) return true;
  for (const std::string& pattern : patterns) {
    if ((matches(pattern, texts) || ...)) return true;
  }
  return false;
}

}  // namespace

bool EventOptions::wanted(const Event& e) const {
  if (!interfaces.empty()) {
    const std::string uuid = e.interface_id ? e.interface_id->uuid.to_string() : std::string();
    if (!any_matches(interfaces, uuid,
                     e.interface ? std::string_view(e.interface->name) : std::string_view(),
                     e.interface ? zeek_endpoint(*e.interface) : std::string_view()))
      return false;
  }
  if (!operations.empty() &&
      !any_matches(operations, e.operation(),
                   e.procedure ? e.procedure->annotations.value("alias") : std::string_view(),
                   e.procedure ? zeek_operation(*e.procedure) : std::string_view(),
                   e.opnum ? std::to_string(*e.opnum) : std::string())) {
    return false;
  }
  if (!clients.empty() && !any_matches(clients, e.client.address.to_string(), e.client_host))
    return false;
  return servers.empty() || any_matches(servers, e.server.address.to_string(), e.server_host);
}

SinkOptions EventOptions::sink(bool terminal) const {
  SinkOptions options;
  options.present.show_secrets = show_secrets;
  options.max_bytes = max_bytes;
  options.colour = colour == "always" || (colour == "auto" && terminal && !std::getenv("NO_COLOR"));
  return options;
}

SensorOptions EventOptions::sensor() const {
  SensorOptions options;
  options.dce.answer_timeout = static_cast<Timestamp>(answer_timeout * 1e9);
  return options;
}

void add_event_options(CLI::App& command, EventOptions& o) {
  command
      .add_option("-f,--format", o.format,
                  "auto (text on a terminal, else json), text, json, zeek (dce_rpc.log with our "
                  "columns after Zeek's), zeek-json")
      ->check(CLI::IsMember({"auto", "text", "json", "zeek", "zeek-json"}));
  command.add_option(
      "--interface", o.interfaces,
      "Only this interface: a name or UUID ('*' at the end matches any rest); may be repeated");
  command.add_option("--operation", o.operations,
                     "Only this operation: a name, alias or opnum; may be repeated");
  command.add_option("--client", o.clients,
                     "Only calls from this address or workstation; may be repeated");
  command.add_option("--server", o.servers, "Only calls to this address or host; may be repeated");
  command
      .add_option(
          "--interfaces", o.definitions,
          "Folder of .idl files (or a file) that add to the built-in interfaces, or override them")
      ->check(CLI::ExistingPath);
  add_secret_options(command, o.secrets);
  command.add_option("--colour,--color", o.colour, "auto, always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  command.add_option("--max-bytes", o.max_bytes, "Bytes shown of binary data and raw stubs (JSON)");
  command.add_flag("--show-secrets", o.show_secrets,
                   "Show passwords and other secrets in arguments instead of withholding them");
  command
      .add_option("--answer-timeout", o.answer_timeout,
                  "Seconds after which a call without an answer is told as no_response "
                  "(default: when its connection ends)")
      ->check(CLI::Range(0.0, 86400.0 * 365));
}

}  // namespace rpcmarshal::cli
