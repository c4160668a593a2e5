#include "agent/service/list_report.h"

#include <algorithm>

#include "sink/json_writer.h"

namespace rpcmarshal::agent {
namespace {

// Control characters could steer the terminal.
void append_clean(std::string& out, std::string_view text) {
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
}

std::string version_of(const SyntaxId& id) {
  return std::to_string(id.major) + "." + std::to_string(id.minor);
}

const char* name_of(const Interface* known) {
  return known && !known->name.empty() ? known->name.c_str() : nullptr;
}

std::string operation_name(const ReportedInterface& one, std::uint32_t opnum) {
  if (!one.known || opnum > 0xFFFF) return {};
  const Procedure* procedure = one.known->find(static_cast<std::uint16_t>(opnum));
  return procedure && !procedure->reserved ? procedure->name : std::string();
}

// What is known without the table: of an interface that only the server names.
std::uint32_t operation_count(const ReportedInterface& one) {
  if (one.in_module) return one.found.operations;
  return one.known ? static_cast<std::uint32_t>(one.known->procedures.size()) : 0;
}

void append_interface_text(std::string& out, const ReportedInterface& one, bool operations) {
  out += "  ";
  out += name_of(one.known) ? name_of(one.known) : "(unknown)";
  out += "  " + one.found.id.uuid.to_string() + " v" + version_of(one.found.id);
  if (one.in_module) {
    out += "  " + std::to_string(one.found.operations) +
           (one.found.operations == 1 ? " operation, " : " operations, ");
    if (one.found.hooked > 0) {
      out += std::to_string(one.found.hooked) + " hooked";
    } else {
      out += std::string(to_string(one.found.stubs)) + " stubs";
    }
    out += one.found.ndr64 ? ", NDR and NDR64, " : ", NDR, ";
    append_clean(out, one.found.module);
  }
  switch (one.presence) {
    case Presence::kRegistered:
      out += "; registered";
      break;
    case Presence::kMapped:
      out += "; in the endpoint mapper";
      break;
    case Presence::kCompiledIn:
      out += "; compiled in";
      break;
  }
  if (!one.annotation.empty()) {
    out += "  \"";
    append_clean(out, one.annotation);
    out += '"';
  }
  out += '\n';
  if (!operations) return;
  for (std::uint32_t opnum = 0; opnum < operation_count(one); ++opnum) {
    const std::string number = std::to_string(opnum);
    out += std::string(10 - std::min<std::size_t>(number.size(), 9), ' ') + number + "  ";
    const std::string name = operation_name(one, opnum);
    out += name.empty() ? "-" : name;
    if (opnum < one.found.signatures.size() && !one.found.signatures[opnum].empty())
      out += "  " + one.found.signatures[opnum];
    out += '\n';
  }
}

void write_interface(JsonWriter& json, const ReportedInterface& one) {
  json.begin_object();
  json.key("uuid");
  json.plain_string(one.found.id.uuid.to_string());
  json.key("version");
  json.plain_string(version_of(one.found.id));
  if (name_of(one.known)) json.member("name", name_of(one.known));
  if (one.known && !one.known->document.empty()) json.member("document", one.known->document);
  json.member("presence", to_string(one.presence));
  if (!one.annotation.empty()) json.member("annotation", one.annotation);
  if (one.in_module) {
    json.member("module", one.found.module);
    if (one.found.hooked > 0) {
      json.member_number("hooked", one.found.hooked);
    } else {
      json.member("stubs", to_string(one.found.stubs));
    }
    json.member_bool("ndr64", one.found.ndr64);
    json.key("endpoints");
    json.begin_array();
    for (const std::string& endpoint : one.found.endpoints) json.string(endpoint);
    json.end_array();
  }
  json.key("operations");
  json.begin_array();
  for (std::uint32_t opnum = 0; opnum < operation_count(one); ++opnum) {
    json.begin_object();
    json.member_number("opnum", opnum);
    const std::string name = operation_name(one, opnum);
    if (!name.empty()) json.member("name", name);
    if (opnum < one.found.signatures.size() && !one.found.signatures[opnum].empty())
      json.member("signature", one.found.signatures[opnum]);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

}  // namespace

void append_text(std::string& out, const ProcessReport& report, bool operations) {
  append_clean(out, report.process.name);
  out += "  pid " + std::to_string(report.process.pid);
  if (!report.process.services.empty()) {
    out += "  (";
    for (std::size_t i = 0; i < report.process.services.size(); ++i) {
      if (i > 0) out += ", ";
      append_clean(out, report.process.services[i]);
    }
    out += ')';
  }
  if (!report.process.path.empty()) {
    out += "  ";
    append_clean(out, report.process.path);
  }
  out += '\n';
  if (!report.hook.empty()) out += "  hook: " + report.hook + "\n";
  if (!report.unreadable.empty()) out += "  not readable: " + report.unreadable + "\n";
  if (!report.refusal.empty()) out += "  cannot be protected: " + report.refusal + "\n";
  for (const ReportedEndpoint& endpoint : report.endpoints) {
    out += "  ";
    append_clean(out, endpoint.sequence);
    out += " [";
    append_clean(out, endpoint.endpoint);
    out += "]  " + endpoint.how + "\n";
  }
  for (const ReportedInterface& one : report.interfaces)
    append_interface_text(out, one, operations);
}

void append_json(std::string& out, const ProcessReport& report) {
  JsonWriter json(out);
  json.begin_object();
  json.member_number("pid", report.process.pid);
  json.member("name", report.process.name);
  if (!report.process.path.empty()) json.member("path", report.process.path);
  json.member("machine", to_string(report.process.machine));
  json.member("protection", to_string(report.process.protection));
  json.key("services");
  json.begin_array();
  for (const std::string& service : report.process.services) json.string(service);
  json.end_array();
  if (!report.hook.empty()) json.member("hook", report.hook);
  if (!report.unreadable.empty()) json.member("unreadable", report.unreadable);
  if (!report.refusal.empty()) json.member("cannot_be_protected", report.refusal);
  json.key("endpoints");
  json.begin_array();
  for (const ReportedEndpoint& endpoint : report.endpoints) {
    json.begin_object();
    json.member("sequence", endpoint.sequence);
    json.member("endpoint", endpoint.endpoint);
    json.member("how", endpoint.how);
    json.end_object();
  }
  json.end_array();
  json.key("interfaces");
  json.begin_array();
  for (const ReportedInterface& one : report.interfaces) write_interface(json, one);
  json.end_array();
  json.end_object();
  out += '\n';
}

}  // namespace rpcmarshal::agent
