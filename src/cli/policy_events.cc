#include "cli/policy_events.h"

#include <charconv>
#include <cstdio>

#include "base/unicode.h"
#include "capture/capture_file.h"
#include "cli/captures.h"
#include "logs/reader.h"
#include "sink/json_writer.h"
#include "sink/sink.h"

namespace rpcmarshal::cli {

PolicyEvents::PolicyEvents(const Catalogue& catalogue)
    : catalogue_(catalogue),
      operations_(catalogue),
      known_(index_),
      derived_(index_, known_, {}),
      kind_(index_.intern("kind")),
      outcome_(index_.intern("outcome")),
      endpoint_(index_.intern("endpoint")),
      operation_(index_.intern("operation")),
      pipe_(index_.intern("named_pipe")),
      orig_host_(index_.intern("id.orig_h")),
      orig_port_(index_.intern("id.orig_p")),
      resp_host_(index_.intern("id.resp_h")),
      resp_port_(index_.intern("id.resp_p")),
      event_log_(index_.intern("EventLog")),
      uuid_(index_.intern("InterfaceUuid")),
      opnum_(index_.intern("OpNum")),
      protocol_(index_.intern("Protocol")),
      rpc_endpoint_(index_.intern("Endpoint")),
      client_(index_.intern("ClientAddress")),
      client_port_(index_.intern("ClientPort")),
      server_(index_.intern("ServerAddress")),
      server_port_(index_.intern("ServerPort")),
      principal_(index_.intern("SecurityId")),
      sid_(index_.intern("Sid")),
      level_(index_.intern("AuthenticationLevel")) {}

std::string_view PolicyEvents::text(const sigma::EventFields& fields, sigma::FieldId field) {
  return logs::first_text(fields, field, buffer_);
}

bool PolicyEvents::read_capture(const std::string& path, std::unique_ptr<InputFile> file,
                                const SensorOptions& options,
                                const std::function<void(const PolicyCall&)>& call) {
  CaptureFile::Opened opened = CaptureFile::open(std::move(file), path);
  if (!opened.file) {
    std::fprintf(stderr, "rpcmarshal: %s\n", opened.error.c_str());
    return false;
  }
  EventJson json;
  Sensor sensor(catalogue_, options, [&](const Event& event) {
    if (event.is_bind || event.outcome == Outcome::kResponseOnly) {
      ++others_;
      return;
    }
    json_.clear();
    json.append(json_, event);
    call({json_, &event});
  });
  RawPacket packet;
  while (opened.file->next(packet)) sensor.packet(packet);
  sensor.finish();
  if (opened.file->error().empty()) return true;
  std::fprintf(stderr, "rpcmarshal: %s\n", opened.file->error().c_str());
  return false;
}

void PolicyEvents::translate(const sigma::EventFields& fields) {
  json_.clear();
  const bool firewall =
      equal_ignoring_case(text(fields, event_log_), "RPCFW") || !text(fields, uuid_).empty();
  std::string uuid(text(fields, uuid_)), opnum(text(fields, opnum_));
  std::string interface, operation(firewall ? std::string_view() : text(fields, operation_));
  const std::string endpoint(firewall ? std::string_view() : text(fields, endpoint_));
  if (firewall ? uuid.empty() : endpoint.empty()) return;
  if (firewall) {
    uuid = to_lower(uuid);
    if (uuid.starts_with('{') && uuid.ends_with('}')) uuid = uuid.substr(1, uuid.size() - 2);
    const auto id = Guid::parse(uuid);
    const Interface* found = id ? catalogue_.find(*id) : nullptr;
    std::uint16_t number = 0;
    const bool numbered =
        !opnum.empty() &&
        std::from_chars(opnum.data(), opnum.data() + opnum.size(), number).ec == std::errc();
    if (!numbered) opnum.clear();
    if (found) {
      interface = found->name;
      if (const Procedure* procedure = numbered ? found->find(number) : nullptr)
        operation = procedure->name;
    }
  } else {
    // Zeek says its own names: ours are in the catalogue.
    interface = endpoint;
    const std::vector<const Interface*> named = operations_.interfaces_called(endpoint);
    if (!named.empty()) {
      interface = named[0]->name;
      uuid = named[0]->id.uuid.to_string();
    } else if (endpoint.starts_with("unknown-")) {
      uuid = endpoint.substr(8);
      interface.clear();
    }
    for (const lint::Operation* one : operations_.called(operation)) {
      if (!named.empty() && one->interface != named[0]) continue;
      operation = one->procedure->name;
      opnum = std::to_string(one->procedure->opnum);
      break;
    }
    if (operation.starts_with("unknown-")) {
      opnum = operation.substr(8);
      operation.clear();
    }
  }

  JsonWriter json(json_);
  const auto member = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) json.member(name, value);
  };
  const auto number = [&](std::string_view name, std::string_view value) {
    std::uint64_t n = 0;
    if (!value.empty() &&
        std::from_chars(value.data(), value.data() + value.size(), n).ec == std::errc())
      json.member_number(name, n);
  };
  json.begin_object();
  if (const std::int64_t time = logs::event_time(fields, known_); time != 0) {
    std::string ts;
    append_time(ts, time);
    json.member("ts", ts);
  }
  json.member("sensor", firewall ? "evtx" : "zeek");
  json.key("transport");
  json.begin_object();
  if (firewall) {
    member("protocol", text(fields, protocol_));
    if (text(fields, protocol_) == "ncacn_np") member("pipe", text(fields, rpc_endpoint_));
  } else {
    const std::string pipe(text(fields, pipe_));
    const bool is_pipe = to_lower(pipe).starts_with("\\pipe\\");
    if (!pipe.empty()) json.member("protocol", is_pipe ? "ncacn_np" : "ncacn_ip_tcp");
    if (is_pipe) json.member("pipe", pipe);
  }
  json.end_object();
  json.key("client");
  json.begin_object();
  member("address", text(fields, firewall ? client_ : orig_host_));
  number("port", text(fields, firewall ? client_port_ : orig_port_));
  json.end_object();
  json.key("server");
  json.begin_object();
  member("address", text(fields, firewall ? server_ : resp_host_));
  number("port", text(fields, firewall ? server_port_ : resp_port_));
  json.end_object();
  if (firewall) {
    json.key("user");
    json.begin_object();
    const std::string principal(text(fields, principal_));
    const std::size_t slash = principal.find('\\');
    if (principal != "UNKNOWN" && !principal.empty()) {
      if (slash != std::string::npos)
        member("domain", std::string_view(principal).substr(0, slash));
      member("name",
             std::string_view(principal).substr(slash == std::string::npos ? 0 : slash + 1));
    }
    if (text(fields, sid_) != "S-1-0-0") member("sid", text(fields, sid_));
    static constexpr std::pair<std::string_view, std::string_view> kLevels[] = {
        {"DEFAULT", "default"},    {"NONE", "none"},  {"CONNECT", "connect"},
        {"CALL", "call"},          {"PKT", "packet"}, {"PKT_INTEGRITY", "integrity"},
        {"PKT_PRIVACY", "privacy"}};
    for (const auto& [theirs, ours] : kLevels) {
      if (text(fields, level_) == theirs) json.member("level", ours);
    }
    json.end_object();
  }
  json.key("interface");
  json.begin_object();
  member("uuid", uuid);
  member("name", interface);
  json.end_object();
  number("opnum", opnum);
  member("operation", operation);
  json.raw("\"decode\":{\"request\":{\"status\":\"absent\"}}");
  json.end_object();
}

bool PolicyEvents::read(const std::string& path, const SensorOptions& options,
                        const std::function<void(const PolicyCall&)>& call) {
  logs::OpenedLog log = logs::open_log(path, index_);
  if (log.format == logs::LogFormat::kCapture)
    return read_capture(path, std::move(log.capture), options, call);
  if (!log.reader) {
    std::fprintf(stderr, "rpcmarshal: %s\n", log.error.c_str());
    return false;
  }
  while (log.reader->next()) {
    auto& fields = const_cast<sigma::EventFields&>(log.reader->fields());
    bool own = false;
    for (const auto& link : fields.links()) own |= link.field == known_.own_event;
    if (own) {
      if (text(fields, kind_) == "bind" || text(fields, outcome_) == "response_only") {
        ++others_;
        continue;
      }
      json_.clear();
      log.reader->append_json(json_);
    } else {
      derived_.add(fields);
      translate(fields);
    }
    if (json_.empty()) {
      ++others_;
    } else {
      call({json_, nullptr});
    }
  }
  return read_well(*log.reader, path);
}

}  // namespace rpcmarshal::cli
