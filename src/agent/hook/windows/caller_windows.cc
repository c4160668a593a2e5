#include "agent/hook/windows/caller_windows.h"

#include <algorithm>
#include <bit>

#include "agent/hook/windows/guard.h"
#include "agent/hook/windows/machine.h"
#include "agent/hook/windows/windows_check.h"
#include "base/unicode.h"

namespace rpcmarshal::agent {
namespace {

constexpr std::size_t kMaxGroups = 1024;  ///< a token has no more

std::u16string_view view(RPC_WSTR text) {
  return text ? std::u16string_view(reinterpret_cast<const char16_t*>(text))
              : std::u16string_view();
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

WindowsCallerRuntime::WindowsCallerRuntime() {
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
bool WindowsCallerRuntime::ask(std::atomic<Function>& function, Arguments... arguments) noexcept {
  const Function call = function.load(std::memory_order_relaxed);
  if (!call) return false;
  RPC_STATUS status = RPC_S_OK;
  if (guarded([&] { status = call(arguments...); }) != 0) {
    function.store(nullptr, std::memory_order_relaxed);  // a stub of Wine: not asked again
    return false;
  }
  return status == RPC_S_OK;
}

void WindowsCallerRuntime::bindings(const RpcMessage& message, Bindings& out) noexcept {
  // Plain data: an exception may pass.
  RPC_WSTR text[2] = {nullptr, nullptr};
  guarded([&] {
    RPC_BINDING_HANDLE client = nullptr;
    if (RpcBindingServerFromClient(message.handle, &client) == RPC_S_OK) {
      RpcBindingToStringBindingW(client, &text[0]);
      RpcBindingFree(&client);
    }
    RpcBindingToStringBindingW(message.handle, &text[1]);
  });
  out.client = view(text[0]);
  out.server = view(text[1]);
  std::ranges::copy(text, out.memory);
}

void WindowsCallerRuntime::release(Bindings& bindings) noexcept {
  for (void* memory : bindings.memory) {
    auto text = static_cast<RPC_WSTR>(memory);
    if (text) RpcStringFreeW(&text);
  }
  bindings = {};
}

bool WindowsCallerRuntime::address(std::atomic<Address>& which, const RpcMessage& message,
                                   SocketBytes& out) noexcept {
  unsigned long size = sizeof out, format = 0;
  return ask(which, message.handle, static_cast<void*>(out.data()), &size, &format);
}

bool WindowsCallerRuntime::remote_address(const RpcMessage& message, SocketBytes& out) noexcept {
  return address(remote_address_, message, out);
}

bool WindowsCallerRuntime::local_address(const RpcMessage& message, SocketBytes& out) noexcept {
  return address(local_address_, message, out);
}

bool WindowsCallerRuntime::attributes(const RpcMessage& message,
                                      RpcCallAttributes& attributes) noexcept {
  return ask(attributes_, message.handle, static_cast<void*>(&attributes));
}

bool WindowsCallerRuntime::authentication(const RpcMessage& message, std::uint32_t& level,
                                          std::uint32_t& service) noexcept {
  unsigned long a = 0, b = 0;
  RPC_STATUS status = RPC_S_CALL_FAILED;
  guarded([&] {
    status = RpcBindingInqAuthClientW(message.handle, nullptr, nullptr, &a, &b, nullptr);
  });
  level = a;
  service = b;
  return status == RPC_S_OK;
}

bool WindowsCallerRuntime::local_client(const RpcMessage& message, std::uint32_t& pid) noexcept {
  unsigned long found = 0;
  if (!ask(client_pid_, message.handle, &found)) return false;
  pid = found;
  return true;
}

bool WindowsCallerRuntime::object(const RpcMessage& message, Guid& out) noexcept {
  UUID object{};
  RPC_STATUS status = RPC_S_CALL_FAILED;
  if (guarded([&] { status = RpcBindingInqObject(message.handle, &object); }) != 0 ||
      status != RPC_S_OK)
    return false;
  out = std::bit_cast<Guid>(object);
  return true;
}

std::shared_ptr<Identity> WindowsCallerRuntime::token(const RpcMessage& message) noexcept {
  RPC_STATUS status = RPC_S_CALL_FAILED;
  if (guarded([&] { status = RpcImpersonateClient(message.handle); }) != 0 || status != RPC_S_OK)
    return nullptr;
  HANDLE token = nullptr;
  const bool opened = OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token) != 0;
  guarded([&] { RpcRevertToSelfEx(message.handle); });
  if (!opened) return nullptr;
  std::shared_ptr<Identity> facts;
  try {
    facts = facts_of(token);
  } catch (...) {
  }
  CloseHandle(token);
  return facts;
}

std::string WindowsCallerRuntime::image(std::uint32_t pid) noexcept {
  std::string path;
  if (const HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid)) {
    try {
      path = image_of(process);
    } catch (...) {
    }
    CloseHandle(process);
  }
  return path;
}

}  // namespace rpcmarshal::agent
