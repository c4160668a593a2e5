#include "agent/hook/windows/caller_windows.h"

#include <algorithm>
#include <bit>

#include "agent/hook/windows/guard.h"
#include "agent/hook/windows/machine.h"
#include "agent/hook/windows/windows_check.h"
#include "base/unicode.h"

namespace rpcmarshal::agent {
namespace {

constexpr std::size_t kMaxName = 512;
constexpr std::size_t kMaxGroups = 1024;  ///< a token has no more

/// What is asked of the runtime at once, as plain data: an exception may pass.
struct Strings {
  RPC_WSTR client = nullptr, server = nullptr;
};

std::u16string_view view(RPC_WSTR text) {
  return text ? std::u16string_view(reinterpret_cast<const char16_t*>(text))
              : std::u16string_view();
}

Endpoint endpoint_of(const sockaddr_storage& from) {
  Endpoint endpoint;
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    std::memcpy(endpoint.address.bytes.data(), &v4.sin_addr, 4);
    endpoint.port = ntohs(v4.sin_port);
  } else if (from.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
    endpoint.address.v6 = true;
    std::memcpy(endpoint.address.bytes.data(), &v6.sin6_addr, 16);
    endpoint.port = ntohs(v6.sin6_port);
  }
  return endpoint;
}

std::string sid_text(PSID sid) {
  LPWSTR text = nullptr;
  if (!ConvertSidToStringSidW(sid, &text)) return {};
  std::string out = utf16_to_utf8(std::as_bytes(std::span(text, wcslen(text))));
  LocalFree(text);
  return out;
}

/// Of a token that may be queried. Names are not looked up: that would be a call to LSASS, which
/// may be waiting for this very process.
std::shared_ptr<Identity> facts_of(HANDLE token) {
  auto facts = std::make_shared<Identity>();
  alignas(TOKEN_USER) std::byte user[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
  DWORD size = 0;
  if (!GetTokenInformation(token, TokenUser, user, sizeof user, &size)) return nullptr;
  facts->sid = sid_text(reinterpret_cast<const TOKEN_USER*>(user)->User.Sid);
  facts->anonymous = facts->sid == "S-1-5-7";
  facts->known_by = "impersonation";
  GetTokenInformation(token, TokenGroups, nullptr, 0, &size);
  std::vector<std::byte> buffer(std::min<DWORD>(size, 1u << 18));
  if (!buffer.empty() && GetTokenInformation(token, TokenGroups, buffer.data(),
                                             static_cast<DWORD>(buffer.size()), &size)) {
    const auto* groups = reinterpret_cast<const TOKEN_GROUPS*>(buffer.data());
    for (DWORD i = 0; i < groups->GroupCount && facts->groups.size() < kMaxGroups; ++i) {
      // One that only denies is no membership.
      if (groups->Groups[i].Attributes & SE_GROUP_ENABLED)
        facts->groups.push_back(sid_text(groups->Groups[i].Sid));
    }
  }
  return facts;
}

}  // namespace

WindowsCallers::WindowsCallers() {
  const HMODULE rpcrt4 = GetModuleHandleW(L"rpcrt4.dll");
  const auto find = [&](const char* name) {
    return reinterpret_cast<void*>(GetProcAddress(rpcrt4, name));
  };
  client_pid_ = reinterpret_cast<ClientPid>(find("I_RpcBindingInqLocalClientPID"));
  // Wine 8 has placeholders for these. What they raise passes by our guard now and then (the trace
  // shows Wine's stack walk leave the guard's frame out), and the call is lost: not tried there.
  if (GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version")) return;
  attributes_ = reinterpret_cast<Attributes>(find("RpcServerInqCallAttributesW"));
  remote_address_ = reinterpret_cast<Address>(find("I_RpcServerInqRemoteConnAddress"));
  local_address_ = reinterpret_cast<Address>(find("I_RpcServerInqLocalConnAddress"));
}

template <typename Function, typename... Arguments>
bool WindowsCallers::ask(std::atomic<Function>& function, Arguments... arguments) {
  const Function call = function.load(std::memory_order_relaxed);
  if (!call) return false;
  RPC_STATUS status = RPC_S_OK;
  if (guarded([&] { status = call(arguments...); }) != 0) {
    function.store(nullptr, std::memory_order_relaxed);  // a stub of Wine: not asked again
    return false;
  }
  return status == RPC_S_OK;
}

void WindowsCallers::transport(const RpcMessage& message, Caller& caller) noexcept {
  // Strings first on systems that cannot be asked otherwise; they say protocol, address, endpoint.
  Strings strings;
  guarded([&] {
    RPC_BINDING_HANDLE client = nullptr;
    if (RpcBindingServerFromClient(message.handle, &client) == RPC_S_OK) {
      RpcBindingToStringBindingW(client, &strings.client);
      RpcBindingFree(&client);
    }
    RpcBindingToStringBindingW(message.handle, &strings.server);
  });
  try {
    if (const auto binding = parse_binding(view(strings.client))) {
      if (const auto protocol = protocol_of(binding->protocol)) caller.protocol = *protocol;
      caller.local = caller.protocol == EventTransport::Protocol::kLocal;
      if (caller.protocol == EventTransport::Protocol::kTcp ||
          caller.protocol == EventTransport::Protocol::kHttp) {
        if (const auto address = parse_address(binding->address)) caller.client.address = *address;
      }
    }
    if (auto binding = parse_binding(view(strings.server))) {
      caller.endpoint = std::move(binding->endpoint);
      if (!strings.client) {
        if (const auto protocol = protocol_of(binding->protocol)) caller.protocol = *protocol;
        caller.local = caller.protocol == EventTransport::Protocol::kLocal;
      }
    }
  } catch (...) {
  }
  if (strings.client) RpcStringFreeW(&strings.client);
  if (strings.server) RpcStringFreeW(&strings.server);
}

void WindowsCallers::identify(const RpcMessage& message, Caller& caller) noexcept {
  try {
    addresses(message, caller);
    RpcCallAttributes attributes{};
    char16_t name[kMaxName];
    name[0] = 0;
    attributes.version = 2;
    attributes.flags = kQueryClientName | kQueryNoAuthRequired | kQueryClientPid | kQueryIsLocal;
    attributes.client_name = name;
    attributes.client_name_length = sizeof name;
    const bool asked = ask(attributes_, message.handle, static_cast<void*>(&attributes));
    if (asked) {
      caller.level = static_cast<AuthLevel>(attributes.authentication_level);
      caller.service = static_cast<AuthService>(attributes.authentication_service);
      if (caller.local) caller.client_pid = static_cast<std::uint32_t>(attributes.client_pid);
    } else {
      unsigned long level = 0, service = 0;
      RPC_STATUS status = RPC_S_OK;
      guarded([&] {
        status =
            RpcBindingInqAuthClientW(message.handle, nullptr, nullptr, &level, &service, nullptr);
      });
      if (status == RPC_S_OK && level != 0) {
        caller.level = static_cast<AuthLevel>(level);
        caller.service = static_cast<AuthService>(service);
      } else {
        caller.level = AuthLevel::kNone;
      }
      name[0] = 0;
    }
    if (caller.level <= AuthLevel::kNone) caller.service = AuthService::kNone;
    if (caller.local) {
      if (caller.client_pid == 0) {
        unsigned long pid = 0;
        if (ask(client_pid_, message.handle, &pid))
          caller.client_pid = static_cast<std::uint32_t>(pid);
      }
      image(caller);
    }
    UUID object{};
    RPC_STATUS status = RPC_S_OK;
    if (guarded([&] { status = RpcBindingInqObject(message.handle, &object); }) == 0 &&
        status == RPC_S_OK) {
      const Guid guid = std::bit_cast<Guid>(object);
      if (!guid.is_nil()) caller.object = guid;
    }
    user(message, caller, std::u16string_view(name, std::char_traits<char16_t>::length(name)));
  } catch (...) {
  }
}

void WindowsCallers::addresses(const RpcMessage& message, Caller& caller) {
  using Protocol = EventTransport::Protocol;
  if (caller.protocol == Protocol::kLocal) return;
  const auto look = [&](std::atomic<Address>& which, Endpoint& endpoint) {
    sockaddr_storage address{};
    unsigned long size = sizeof address, format = 0;
    if (ask(which, message.handle, static_cast<void*>(&address), &size, &format))
      endpoint = endpoint_of(address);
  };
  look(remote_address_, caller.client);
  look(local_address_, caller.server);
  if (caller.server.port == 0 && (caller.protocol == Protocol::kTcp)) {
    unsigned port = 0;
    for (const char c : caller.endpoint) {
      if (c < '0' || c > '9' || port > 65535) break;
      port = port * 10 + static_cast<unsigned>(c - '0');
    }
    if (port <= 65535) caller.server.port = static_cast<std::uint16_t>(port);
  }
}

void WindowsCallers::image(Caller& caller) {
  if (caller.client_pid == 0) return;
  const std::lock_guard lock(mutex_);
  const std::uint64_t now = GetTickCount64();
  ClientImage* known = images_.find(caller.client_pid);
  // Pids are used again: what is known is believed for a short time only.
  if (!known || now - known->since > 5000) {
    ClientImage found{nullptr, now};
    if (const HANDLE process =
            OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, caller.client_pid)) {
      std::string path = image_of(process);
      CloseHandle(process);
      if (!path.empty()) found.path = std::make_shared<const std::string>(std::move(path));
    }
    known = &images_.put(caller.client_pid, std::move(found));
  }
  caller.client_image = known->path;
}

void WindowsCallers::user(const RpcMessage& message, Caller& caller, std::u16string_view name) {
  using Protocol = EventTransport::Protocol;
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
    if ((caller.user = users_.find(key, GetTickCount64()))) return;
  }
  std::shared_ptr<Identity> facts;
  RPC_STATUS status = RPC_S_CALL_FAILED;
  if (guarded([&] { status = RpcImpersonateClient(message.handle); }) == 0 && status == RPC_S_OK) {
    HANDLE token = nullptr;
    const bool opened = OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token) != 0;
    guarded([&] { RpcRevertToSelfEx(message.handle); });
    if (opened) {
      facts = facts_of(token);
      CloseHandle(token);
    }
  }
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
    users_.put(key, caller.user, GetTickCount64());
  }
}

}  // namespace rpcmarshal::agent
