#include "agent/hook/caller_reader.h"

#include <algorithm>
#include <cstring>

#include "base/unicode.h"

namespace rpcmarshal::agent {
namespace {

using Protocol = EventTransport::Protocol;

/// SOCKADDR_IN and SOCKADDR_IN6 of Windows: the family in the machine's order, the rest in the
/// network's.
struct SocketAddress4 {
  std::uint16_t family;
  std::uint8_t port[2];
  std::uint8_t address[4];
};
struct SocketAddress6 {
  std::uint16_t family;
  std::uint8_t port[2];
  std::uint8_t flow[4];
  std::uint8_t address[16];
};
static_assert(offsetof(SocketAddress4, port) == 2 && offsetof(SocketAddress4, address) == 4);
static_assert(offsetof(SocketAddress6, port) == 2 && offsetof(SocketAddress6, address) == 8);
constexpr std::uint16_t kInet = 2, kInet6 = 23;  // AF_INET, AF_INET6 of Windows

std::uint16_t port_of(const std::uint8_t (&port)[2]) {
  return static_cast<std::uint16_t>(port[0] << 8 | port[1]);
}

}  // namespace

Endpoint endpoint_of(const CallerRuntime::SocketBytes& from) {
  Endpoint endpoint;
  SocketAddress6 v6;
  std::memcpy(&v6, from.data(), sizeof v6);
  if (v6.family == kInet) {
    SocketAddress4 v4;
    std::memcpy(&v4, from.data(), sizeof v4);
    std::memcpy(endpoint.address.bytes.data(), v4.address, 4);
    endpoint.port = port_of(v4.port);
  } else if (v6.family == kInet6) {
    static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    endpoint.port = port_of(v6.port);
    endpoint.address.v6 = std::memcmp(v6.address, kMapped, sizeof kMapped) != 0;
    if (endpoint.address.v6) {
      std::memcpy(endpoint.address.bytes.data(), v6.address, 16);
    } else {
      std::memcpy(endpoint.address.bytes.data(), v6.address + 12, 4);
    }
  }
  return endpoint;
}

void CallerReader::transport(const RpcMessage& message, Caller& caller) noexcept {
  CallerRuntime::Bindings bindings;
  runtime_.bindings(message, bindings);
  try {
    if (const auto binding = parse_binding(bindings.client)) {
      if (const auto protocol = protocol_of(binding->protocol)) caller.protocol = *protocol;
      caller.local = caller.protocol == Protocol::kLocal;
      if (caller.protocol == Protocol::kTcp || caller.protocol == Protocol::kHttp) {
        if (const auto address = parse_address(binding->address)) caller.client.address = *address;
      }
    }
    if (auto binding = parse_binding(bindings.server)) {
      caller.endpoint = std::move(binding->endpoint);
      if (bindings.client.empty()) {
        if (const auto protocol = protocol_of(binding->protocol)) caller.protocol = *protocol;
        caller.local = caller.protocol == Protocol::kLocal;
      }
    }
  } catch (...) {
  }
  runtime_.release(bindings);
}

void CallerReader::identify(const RpcMessage& message, Caller& caller) noexcept {
  try {
    addresses(message, caller);
    RpcCallAttributes attributes{};
    char16_t name[kMaxName];
    name[0] = 0;
    attributes.version = 2;
    attributes.flags = kQueryClientName | kQueryNoAuthRequired | kQueryClientPid | kQueryIsLocal;
    attributes.client_name = name;
    attributes.client_name_length = sizeof name;
    if (runtime_.attributes(message, attributes)) {
      caller.level = static_cast<AuthLevel>(attributes.authentication_level);
      caller.service = static_cast<AuthService>(attributes.authentication_service);
      if (caller.local) caller.client_pid = static_cast<std::uint32_t>(attributes.client_pid);
    } else {
      std::uint32_t level = 0, service = 0;
      caller.level = AuthLevel::kNone;
      if (runtime_.authentication(message, level, service) && level != 0) {
        caller.level = static_cast<AuthLevel>(level);
        caller.service = static_cast<AuthService>(service);
      }
      name[0] = 0;
    }
    if (caller.level <= AuthLevel::kNone) caller.service = AuthService::kNone;
    if (caller.local) {
      if (caller.client_pid == 0) {
        std::uint32_t pid = 0;
        if (runtime_.local_client(message, pid)) caller.client_pid = pid;
      }
      image(caller);
    }
    Guid object;
    if (runtime_.object(message, object) && !object.is_nil()) caller.object = object;
    const char16_t* end = std::find(name, name + kMaxName, u'\0');
    user(message, caller, {name, static_cast<std::size_t>(end - name)});
  } catch (...) {
  }
}

void CallerReader::addresses(const RpcMessage& message, Caller& caller) {
  if (caller.protocol == Protocol::kLocal) return;
  CallerRuntime::SocketBytes address{};
  if (runtime_.remote_address(message, address)) caller.client = endpoint_of(address);
  address = {};
  if (runtime_.local_address(message, address)) caller.server = endpoint_of(address);
  if (caller.server.port == 0 && caller.protocol == Protocol::kTcp) {
    unsigned port = 0;
    for (const char c : caller.endpoint) {
      if (c < '0' || c > '9' || port > 65535) break;
      port = port * 10 + static_cast<unsigned>(c - '0');
    }
    if (port <= 65535) caller.server.port = static_cast<std::uint16_t>(port);
  }
}

void CallerReader::image(Caller& caller) {
  if (caller.client_pid == 0) return;
  const std::lock_guard lock(mutex_);
  const std::uint64_t now = runtime_.milliseconds();
  ClientImage* known = images_.find(caller.client_pid);
  if (!known || now - known->since > kImageBelieved) {
    ClientImage found{nullptr, now};
    std::string path = runtime_.image(caller.client_pid);
    if (!path.empty()) found.path = std::make_shared<const std::string>(std::move(path));
    known = &images_.put(caller.client_pid, std::move(found));
  }
  caller.client_image = known->path;
}

void CallerReader::user(const RpcMessage& message, Caller& caller, std::u16string_view name) {
  // Nobody authenticated: a token would be the anonymous one, if any.
  if (caller.level <= AuthLevel::kNone &&
      (caller.protocol == Protocol::kTcp || caller.protocol == Protocol::kHttp))
    return;
  std::string principal;
  append_utf8(principal, std::as_bytes(std::span(name)));
  // A principal's token is the same on every connection of its host; without a name each call is
  // asked for anew, for nothing says that the connection has one user only.
  std::string key;
  if (!principal.empty()) {
    key = principal + '|' + caller.client.address.to_string() + '|' +
          std::to_string(static_cast<int>(caller.protocol)) + '|' +
          std::to_string(static_cast<int>(caller.service)) + '|' +
          std::to_string(static_cast<int>(caller.level)) + '|' + std::to_string(caller.client_pid);
    const std::lock_guard lock(mutex_);
    if ((caller.user = users_.find(key, runtime_.milliseconds()))) return;
  }
  std::shared_ptr<Identity> facts = runtime_.token(message);
  if (!principal.empty()) {
    if (!facts) facts = std::make_shared<Identity>();
    const std::size_t slash = principal.find('\\');
    facts->user = slash == std::string::npos ? principal : principal.substr(slash + 1);
    if (slash != std::string::npos) facts->domain = principal.substr(0, slash);
    if (facts->known_by.empty()) facts->known_by = "call attributes";
  }
  if (!facts) return;
  facts->mechanism = caller.service;
  caller.user = std::move(facts);
  if (!key.empty()) {
    const std::lock_guard lock(mutex_);
    users_.put(key, caller.user, runtime_.milliseconds());
  }
}

}  // namespace rpcmarshal::agent
