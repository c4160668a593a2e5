#include "policy/json_fields.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/json_text.h"
#include "event/unc.h"

namespace rpcmarshal::policy {
namespace {

using match::Value;

/// What is read from the arguments of the request.
constexpr std::string_view kFromArguments[] = {"request",  "details", "unc_hosts", "wmi",
                                               "dispatch", "handles", "dcom"};
/// What the wire never shows.
constexpr std::string_view kHostOnly[] = {"user.sid",       "user.groups", "client.pid",
                                          "client.process", "server.pid",  "server.process"};
/// What a server does not know of every call.
constexpr std::string_view kEndpoints[] = {"client.address", "client.port", "server.address",
                                           "server.port"};
/// Operations whose arguments carry a structure that `details` holds ("details.task") when it could
/// be read.
struct Carried {
  std::string_view operation, detail;
};
constexpr Carried kCarried[] = {
    {"SchRpcRegisterTask", "details.task"},
    {"CertServerRequest", "details.certificate_request"},
    {"CertServerRequest2", "details.certificate_request"},
    {"R_DnssrvUpdateRecord", "details.dns_record"},
    {"R_DnssrvUpdateRecord2", "details.dns_record"},
    {"EvtRpcRegisterLogQuery", "details.event_query"},
};

constexpr const char* kTooDeep = "it is nested too deeply";

bool below(std::string_view name, std::string_view prefix) {
  return name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '.');
}

void skip_space(std::string_view json, std::size_t& at) {
  while (at < json.size() &&
         (json[at] == ' ' || json[at] == '\t' || json[at] == '\n' || json[at] == '\r')) {
    ++at;
  }
}

/// The offset of the next quote or backslash from `at` on, or the size.
std::size_t find_special(std::string_view json, std::size_t at) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  // Eight bytes at a time: one that equals makes a zero byte, which borrows.
  for (; at + 8 <= json.size(); at += 8) {
    std::uint64_t x;
    std::memcpy(&x, json.data() + at, 8);
    const std::uint64_t quote = x ^ kOnes * '"', slash = x ^ kOnes * '\\';
    if ((((quote - kOnes) & ~quote) | ((slash - kOnes) & ~slash)) & kHigh) break;
  }
  while (at < json.size() && json[at] != '"' && json[at] != '\\') ++at;
  return at;
}

/// Passes over a string whose opening quote is at `at`.
bool skip_string(std::string_view json, std::size_t& at) {
  for (at = find_special(json, at + 1); at < json.size(); at = find_special(json, at)) {
    if (json[at] == '"') {
      ++at;
      return true;
    }
    at += 2;  // an escape: what it is does not matter here
  }
  return false;
}

/// Passes over an object or array that holds nothing anybody asks for, `open` levels down.
bool skip_nested(std::string_view json, std::size_t& at, std::size_t open, bool& too_deep) {
  std::uint64_t arrays = 0;  // a bit per level
  std::size_t depth = 0;
  while (at < json.size()) {
    const char c = json[at];
    if (c == '"') {
      if (!skip_string(json, at)) return false;
      continue;
    }
    ++at;
    if (c == '{' || c == '[') {
      too_deep = open + ++depth > JsonFields::kMaxDepth;
      if (too_deep) return false;
      arrays = arrays << 1 | (c == '[' ? 1 : 0);
    } else if (c == '}' || c == ']') {
      if ((arrays & 1) != (c == ']' ? 1u : 0u)) return false;
      arrays >>= 1;
      if (--depth == 0) return true;
    }
  }
  return false;
}

}  // namespace

JsonFields::JsonFields(const Policy& policy) : policy_(policy), nodes_(1) {
  for (std::size_t i = 0; i < policy.field_count(); ++i) add(policy.field_name(i));
  sensor_ = add("sensor");
  status_ = add("decode.request.status");
  operation_ = add("operation");
  interface_ = add("interface.name");
  protocol_ = add("transport.protocol");
  anonymous_ = add("user.anonymous");
  level_ = add("user.level");
  uuid_ = add("interface.uuid");
  opnum_ = add("opnum");
  offered_ = add("interface.offered");
  open_.reserve(kMaxDepth);
}

std::uint32_t JsonFields::add(std::string_view name) {
  std::uint32_t node = 0;
  for (std::string_view rest = name; !rest.empty();) {
    const std::string_view key = rest.substr(0, rest.find('.'));
    rest.remove_prefix(std::min(rest.size(), key.size() + 1));
    std::uint32_t next = kNowhere;
    for (const auto& [k, n] : nodes_[node].children) {
      if (k == key) next = n;
    }
    if (next == kNowhere) {
      next = static_cast<std::uint32_t>(nodes_.size());
      nodes_.emplace_back();
      nodes_[node].children.emplace_back(std::string(key), next);
    }
    node = next;
  }
  // Two fields of one name (the policy's and ours) are one.
  if (nodes_[node].field == kNowhere) {
    nodes_[node].field = static_cast<std::uint32_t>(fields_.size());
  }
  fields_.emplace_back();
  names_.emplace_back(name);
  return nodes_[node].field;
}

std::uint32_t JsonFields::child(std::uint32_t node, std::string_view key) const {
  // A key may hold dots itself.
  while (node != kNowhere) {
    const std::string_view segment = key.substr(0, key.find('.'));
    std::uint32_t next = kNowhere;
    for (const auto& [k, n] : nodes_[node].children) {
      if (k == segment) {
        next = n;
        break;
      }
    }
    node = next;
    if (segment.size() == key.size()) break;
    key.remove_prefix(segment.size() + 1);
  }
  return node;
}

bool JsonFields::parse(std::string_view json) {
  for (Field& field : fields_) {
    field.values.clear();
    field.unknown = false;
  }
  error_.clear();
  decoded_.clear();
  arguments_.clear();
  details_.clear();
  request_begin_ = request_end_ = 0;
  // Nothing decoded is longer than it was: the buffer does not move while values refer to it.
  if (json.size() > kMaxSize) {
    error_ = "an event of more than 64 MB";
    return good_ = false;
  }
  decoded_.reserve(json.size());
  good_ = walk(json);
  if (good_) {
    forget_hosts(json);
    judge();
  } else if (error_.empty()) {
    error_ = "this is no JSON object";
  }
  return good_;
}

FieldValues JsonFields::lookup(FieldId field) {
  if (!good_ || field >= policy_.field_count()) return {{}, true};
  return {fields_[field].values, fields_[field].unknown};
}

bool JsonFields::walk(std::string_view json) {
  open_.clear();
  std::size_t at = 0;
  skip_space(json, at);
  if (at >= json.size() || json[at] != '{') return false;
  ++at;
  open_.push_back({});
  open_.back().node = 0;
  bool first = true;
  while (!open_.empty()) {
    Frame& frame = open_.back();
    skip_space(json, at);
    if (at >= json.size()) return false;
    if (json[at] == (frame.array ? ']' : '}')) {
      ++at;
      if (frame.role == Frame::Role::kRequest) request_end_ = at;
      close(frame);
      open_.pop_back();
      first = false;
      continue;
    }
    if (!first) {
      if (json[at] != ',') return false;
      ++at;
      skip_space(json, at);
      if (at >= json.size()) return false;
    }
    first = false;
    std::uint32_t node = frame.node;
    std::string_view key;
    if (!frame.array) {
      if (json[at] != '"' || !string(json, at, key)) return false;
      skip_space(json, at);
      if (at >= json.size() || json[at] != ':') return false;
      ++at;
      skip_space(json, at);
      if (at >= json.size()) return false;
      if (frame.node != kNowhere) note_key(json, at, key, frame);
      if (frame.role == Frame::Role::kRequest) arguments_.push_back(key);
      if (frame.role == Frame::Role::kEntry && of_response(json, at, key)) {
        if (frame.node != kNowhere && nodes_[frame.node].field != kNowhere)
          fields_[nodes_[frame.node].field].values.pop_back();  // the entry itself
        frame.node = kNowhere;
      }
      node = child(frame.node, key);
    }
    if (json[at] == '{' || json[at] == '[') {
      // The arguments of the request are always looked at, for their names.
      const bool request = open_.size() == 1 && key == "request";
      if (node == kNowhere && !request) {
        bool too_deep = false;
        if (!skip_nested(json, at, open_.size(), too_deep)) {
          if (too_deep) error_ = kTooDeep;
          return false;
        }
      } else {
        if (!open(json, at, node, key)) return false;
        first = true;
      }
    } else if (!scalar(json, at, node)) {
      return false;
    }
  }
  skip_space(json, at);
  return at == json.size();
}

/// Keys that say that not everything is here.
void JsonFields::note_key(std::string_view json, std::size_t at, std::string_view key,
                          Frame& frame) {
  if (key == "handle") frame.has_handle = true;
  if (key == "name") frame.has_name = true;
  if (key == "omitted" || (key == "incomplete" && json[at] == 't')) mark_below(frame.node);
  if (key != "size" && key != "hex") return;
  // Bytes are shown in part when there are many.
  std::int64_t& number = key == "size" ? frame.size : frame.shown;
  if (json[at] == '"') {
    const std::size_t end = json.find('"', at + 1);
    if (end != std::string_view::npos) number = static_cast<std::int64_t>(end - at - 1) / 2;
  } else {
    std::from_chars(json.data() + at, json.data() + json.size(), number);
  }
}

bool JsonFields::open(std::string_view json, std::size_t& at, std::uint32_t node,
                      std::string_view key) {
  if (open_.size() == kMaxDepth) {
    error_ = kTooDeep;
    return false;
  }
  const bool array = json[at] == '[';
  if (!array && node != kNowhere && nodes_[node].field != kNowhere) {
    Value object;
    object.kind = Value::Kind::kObject;
    fields_[nodes_[node].field].values.push_back(object);
  }
  using Role = Frame::Role;
  Role role = Role::kOther;
  const Role above = open_.back().role;
  if (open_.size() == 1) {
    role = key == "request"   ? Role::kRequest
           : key == "details" ? Role::kDetails
           : key == "handles" ? Role::kList
                              : Role::kOther;
  } else if (above == Role::kDetails) {
    role = Role::kList;
    details_.push_back(key);
  } else if (above == Role::kList) {
    role = Role::kEntry;
  }
  if (role == Role::kRequest) request_begin_ = at;
  open_.emplace_back();
  open_.back().node = node;
  open_.back().array = array;
  open_.back().role = role;
  ++at;
  return true;
}

/// Whether an entry of details or handles says, at `at`, that it is about an argument that the
/// request does not have. The writer puts this before all else in the entry, and the request before
/// the entries.
bool JsonFields::of_response(std::string_view json, std::size_t at, std::string_view key) const {
  if ((key != "argument" && key != "parameter") || json[at] != '"') return false;
  const std::size_t end = json.find('"', at + 1);
  if (end == std::string_view::npos) return false;
  return std::ranges::find(arguments_, json.substr(at + 1, end - at - 1)) == arguments_.end();
}

/// A UNC host is the request's when it stands in the request.
void JsonFields::forget_hosts(std::string_view json) {
  const std::string_view request = json.substr(request_begin_, request_end_ - request_begin_);
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (std::size_t i = 0; i < policy_.field_count(); ++i) {
    if (names_[i] != "unc_hosts") continue;
    std::erase_if(fields_[i].values, [&](const Value& host) {
      // Of other characters the request may have escapes.
      const bool plain = std::ranges::all_of(host.text, [](char c) { return c > ' ' && c < 0x7F; });
      return host.kind == Value::Kind::kText && plain &&
             std::search(request.begin(), request.end(), host.text.begin(), host.text.end(),
                         [&](char a, char b) { return lower(a) == lower(b); }) == request.end();
    });
  }
}

void JsonFields::close(const Frame& frame) {
  if (frame.node == kNowhere || frame.array) return;
  if (frame.has_handle && !frame.has_name) {
    const std::uint32_t name = child(frame.node, "name");
    if (name != kNowhere) mark_below(name);
  }
  if (frame.shown >= 0 && frame.size > frame.shown) {
    const std::uint32_t hex = child(frame.node, "hex");
    if (hex != kNowhere) mark_below(hex);
  }
}

void JsonFields::mark_below(std::uint32_t node) {
  // Trees of names are as deep as the longest name in the policy; a stack instead of recursion.
  std::vector<std::uint32_t> open{node};
  while (!open.empty()) {
    const std::uint32_t n = open.back();
    open.pop_back();
    if (nodes_[n].field != kNowhere) fields_[nodes_[n].field].unknown = true;
    for (const auto& [key, next] : nodes_[n].children) open.push_back(next);
  }
}

bool JsonFields::scalar(std::string_view json, std::size_t& at, std::uint32_t node) {
  const std::uint32_t field = node == kNowhere ? kNowhere : nodes_[node].field;
  if (field == kNowhere && json[at] == '"') return skip_string(json, at);
  Value value;
  if (json[at] == '"') {
    std::string_view text;
    if (!string(json, at, text)) return false;
    value = Value::of(text);
  } else if (json.substr(at, 4) == "true" || json.substr(at, 5) == "false") {
    value = Value::of_bool(json[at] == 't');
    at += value.integer != 0 ? 4 : 5;
  } else if (json.substr(at, 4) == "null") {
    at += 4;
  } else {
    const char *from = json.data() + at, *end = json.data() + json.size();
    std::int64_t integer = 0;
    double real = 0;
    const auto whole = std::from_chars(from, end, integer);
    const bool fraction =
        whole.ptr != end && (*whole.ptr == '.' || *whole.ptr == 'e' || *whole.ptr == 'E');
    if (whole.ec == std::errc() && !fraction) {
      value = Value::of(integer);
      at += static_cast<std::size_t>(whole.ptr - from);
    } else {
      const auto r = std::from_chars(from, end, real);
      if (r.ec != std::errc()) return false;
      value = Value::of_real(real);
      at += static_cast<std::size_t>(r.ptr - from);
    }
  }
  if (field != kNowhere) fields_[field].values.push_back(value);
  return true;
}

bool JsonFields::string(std::string_view json, std::size_t& at, std::string_view& out) {
  const std::size_t start = at + 1, special = find_special(json, start);
  if (special < json.size() && json[special] == '"') {
    out = json.substr(start, special - start);
    at = special + 1;
    return true;
  }
  if (!skip_string(json, at)) return false;
  const std::size_t from = decoded_.size();
  if (!append_json_text(decoded_, json.substr(start, at - 1 - start))) return false;
  out = std::string_view(decoded_).substr(from);
  return true;
}

std::string_view JsonFields::text_of(std::uint32_t field) const {
  const std::vector<Value>& values = fields_[field].values;
  return values.empty() || values[0].kind != Value::Kind::kText ? std::string_view()
                                                                : values[0].text;
}

void JsonFields::mark(std::string_view prefix, bool only_absent) {
  for (std::size_t i = 0; i < policy_.field_count(); ++i) {
    if (below(names_[i], prefix) && (!only_absent || fields_[i].values.empty()))
      fields_[i].unknown = true;
  }
}

void JsonFields::judge() {
  const std::string_view status = text_of(status_);
  if (!status.empty() && status != "complete") {
    const std::string_view interface = text_of(interface_);
    for (const std::string_view group : kFromArguments) {
      // Calls of other interfaces have no WMI in them, decoded or not.
      const bool never =
          group == "wmi" && !interface.empty() && interface.find("Wbem") == std::string_view::npos;
      if (!never) mark(group, false);
    }
  }
  const std::string_view operation = text_of(operation_);
  for (const Carried& carried : kCarried) {
    if (operation == carried.operation &&
        std::ranges::find(details_, carried.detail.substr(8)) == details_.end()) {
      mark(carried.detail, true);
    }
  }
  for (std::size_t i = 0; i < policy_.field_count(); ++i) {
    // More hosts may have been in the arguments than are kept.
    if (names_[i] == "unc_hosts" && fields_[i].values.size() >= kMaxUncHosts)
      fields_[i].unknown = true;
  }
  const std::string_view protocol = text_of(protocol_);
  if (protocol == "ncacn_np") mark("transport.pipe", true);
  const std::string_view sensor = text_of(sensor_);
  if (sensor.empty()) return;
  if (sensor != "host") {
    // Whoever watches may have missed what the call was bound to (or, with only the answer, what
    // was called); the server knows.
    const bool offered = fields_[offered_].values.empty();
    if (fields_[uuid_].values.empty() && fields_[interface_].values.empty() && offered) {
      mark("interface", true);
      mark("operation", true);
    }
    if (fields_[opnum_].values.empty() && fields_[operation_].values.empty()) {
      mark("opnum", true);
      mark("operation", true);
    }
    for (const std::string_view name : kHostOnly) mark(name, true);
    // A ticket names groups of the domain; the server adds those of its own.
    mark("user.groups", false);
  } else {
    if (protocol == "ncalrpc") {
      for (const std::string_view name : {"client.pid", "client.process"}) mark(name, true);
    } else {
      // The runtime does not always say where a call is from; over named pipes it cannot.
      for (const std::string_view name : kEndpoints) mark(name, true);
    }
    // Nobody authenticated, and no pipe brought anybody.
    if (text_of(level_) == "none" && (protocol == "ncacn_ip_tcp" || protocol == "ncacn_http"))
      return;
    for (const std::string_view name : {"user.sid", "user.groups"}) mark(name, true);
  }
  if (fields_[anonymous_].values.empty()) {
    mark("user.name", true);
    mark("user.domain", true);
  }
}

}  // namespace rpcmarshal::policy
