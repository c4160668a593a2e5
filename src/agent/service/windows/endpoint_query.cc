#include "agent/service/windows/endpoint_query.h"

#include <algorithm>

#include "agent/service/windows/system.h"
#include "base/unicode.h"

namespace rpcmarshal::agent {
namespace {

constexpr std::size_t kMaxPipes = 4096, kMaxElements = 8192, kMaxAsked = 256;

SyntaxId to_id(const RPC_IF_ID& id) {
  SyntaxId out;
  out.uuid.data1 = id.Uuid.Data1;
  out.uuid.data2 = id.Uuid.Data2;
  out.uuid.data3 = id.Uuid.Data3;
  std::copy(std::begin(id.Uuid.Data4), std::end(id.Uuid.Data4), out.uuid.data4.begin());
  out.major = id.VersMajor;
  out.minor = id.VersMinor;
  return out;
}

std::string rpc_text(RPC_STATUS status) { return error_text(static_cast<DWORD>(status)); }

// Rows of MIB_TCPTABLE_OWNER_PID or its IPv6 sibling.
template <typename Table>
void add_listeners(EndpointFacts& facts, ULONG family) {
  DWORD size = 64u << 10;
  std::vector<std::byte> buffer;
  DWORD error = ERROR_INSUFFICIENT_BUFFER;
  for (int attempt = 0; attempt < 5 && error == ERROR_INSUFFICIENT_BUFFER; ++attempt) {
    if (size > (64u << 20)) break;
    buffer.resize(size);
    error =
        GetExtendedTcpTable(buffer.data(), &size, FALSE, family, TCP_TABLE_OWNER_PID_LISTENER, 0);
  }
  if (error != NO_ERROR) {
    facts.unavailable.push_back(std::string("listening ") + (family == AF_INET ? "IPv4" : "IPv6") +
                                " sockets: " + error_text(error));
    return;
  }
  const auto* table = reinterpret_cast<const Table*>(buffer.data());
  for (DWORD i = 0; i < table->dwNumEntries; ++i) {
    const auto& row = table->table[i];
    // The port's two bytes in network order, in the low half.
    const auto port =
        static_cast<std::uint16_t>((row.dwLocalPort & 0xFF) << 8 | (row.dwLocalPort >> 8 & 0xFF));
    const bool known = std::any_of(facts.listeners.begin(), facts.listeners.end(),
                                   [&](const EndpointFacts::Listener& other) {
                                     return other.pid == row.dwOwningPid && other.port == port;
                                   });
    if (!known) facts.listeners.push_back({row.dwOwningPid, port});
  }
}

void add_pipes(EndpointFacts& facts, std::vector<std::string> names) {
  WIN32_FIND_DATAW found;
  const HANDLE search = FindFirstFileW(L"\\\\.\\pipe\\*", &found);
  if (search == INVALID_HANDLE_VALUE) {
    facts.unavailable.push_back("list of pipes: " + error_text(GetLastError()) +
                                "; only pipes of known interfaces were looked for");
  } else {
    do {
      std::string name = "\\pipe\\" + utf8(found.cFileName);
      const bool known = std::any_of(names.begin(), names.end(), [&](const std::string& other) {
        return equal_ignoring_case(other, name);
      });
      if (!known && names.size() < kMaxPipes) names.push_back(std::move(name));
    } while (FindNextFileW(search, &found));
    FindClose(search);
  }
  for (const std::string& name : names) {
    // Attributes only: no instance is kept from a client for longer than this takes.
    const Handle pipe(CreateFileW(wide("\\\\." + name).c_str(), FILE_READ_ATTRIBUTES,
                                  FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING,
                                  SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, nullptr));
    ULONG pid = 0;
    if (pipe && GetNamedPipeServerProcessId(pipe.get(), &pid)) facts.pipes.push_back({pid, name});
  }
}

struct StringBinding {
  std::string sequence, endpoint;
};

StringBinding parse_binding(RPC_BINDING_HANDLE binding) {
  StringBinding out;
  RPC_WSTR text = nullptr, sequence = nullptr, endpoint = nullptr;
  if (RpcBindingToStringBindingW(binding, &text) != RPC_S_OK) return out;
  if (RpcStringBindingParseW(text, nullptr, &sequence, nullptr, &endpoint, nullptr) == RPC_S_OK) {
    if (sequence) out.sequence = utf8(reinterpret_cast<wchar_t*>(sequence));
    if (endpoint) out.endpoint = utf8(reinterpret_cast<wchar_t*>(endpoint));
    if (sequence) RpcStringFreeW(&sequence);
    if (endpoint) RpcStringFreeW(&endpoint);
  }
  RpcStringFreeW(&text);
  return out;
}

void add_elements(EndpointFacts& facts) {
  RPC_EP_INQ_HANDLE inquiry = nullptr;
  RPC_STATUS status =
      RpcMgmtEpEltInqBegin(nullptr, RPC_C_EP_ALL_ELTS, nullptr, 0, nullptr, &inquiry);
  while (status == RPC_S_OK && facts.elements.size() < kMaxElements) {
    RPC_IF_ID id{};
    RPC_BINDING_HANDLE binding = nullptr;
    RPC_WSTR annotation = nullptr;
    status = RpcMgmtEpEltInqNextW(inquiry, &id, &binding, nullptr, &annotation);
    if (status != RPC_S_OK) break;
    EndpointFacts::MapElement element;
    element.id = to_id(id);
    if (binding) {
      StringBinding parsed = parse_binding(binding);
      element.sequence = std::move(parsed.sequence);
      element.endpoint = std::move(parsed.endpoint);
      RpcBindingFree(&binding);
    }
    if (annotation) {
      element.annotation = utf8(reinterpret_cast<wchar_t*>(annotation));
      RpcStringFreeW(&annotation);
    }
    if (!element.sequence.empty()) facts.elements.push_back(std::move(element));
  }
  if (inquiry) RpcMgmtEpEltInqDone(&inquiry);
  if (status != RPC_S_OK && status != RPC_X_NO_MORE_ENTRIES)
    facts.unavailable.push_back("endpoint mapper: " + rpc_text(status));
}

// True when the server answered.
bool ask_endpoint(EndpointFacts& facts, const std::string& sequence, const std::string& endpoint,
                  RPC_STATUS& status) {
  RPC_WSTR text = nullptr;
  RPC_BINDING_HANDLE binding = nullptr;
  std::wstring w_sequence = wide(sequence), w_endpoint = wide(endpoint);
  std::wstring address = sequence == "ncacn_ip_tcp" ? L"127.0.0.1" : L"";
  const auto rpc = [](std::wstring& s) { return reinterpret_cast<RPC_WSTR>(s.data()); };
  status = RpcStringBindingComposeW(nullptr, rpc(w_sequence), rpc(address), rpc(w_endpoint),
                                    nullptr, &text);
  if (status != RPC_S_OK) return false;
  status = RpcBindingFromStringBindingW(text, &binding);
  RpcStringFreeW(&text);
  if (status != RPC_S_OK) return false;
  // A listener that speaks another protocol must not keep us: seconds, not minutes.
  RpcMgmtSetComTimeout(binding, RPC_C_BINDING_MIN_TIMEOUT);
  RPC_IF_ID_VECTOR* ids = nullptr;
  status = RpcMgmtInqIfIds(binding, &ids);
  if (status == RPC_S_OK && ids) {
    EndpointFacts::Answer answer{sequence, endpoint, {}};
    for (unsigned long i = 0; i < ids->Count; ++i) {
      if (ids->IfId[i]) answer.interfaces.push_back(to_id(*ids->IfId[i]));
    }
    facts.answers.push_back(std::move(answer));
    RpcIfIdVectorFree(&ids);
  }
  RpcBindingFree(&binding);
  return status == RPC_S_OK;
}

}  // namespace

EndpointFacts query_endpoints(const std::vector<std::string>& pipes,
                              const std::vector<std::uint32_t>& pids, bool ask) {
  EndpointFacts facts;
  add_listeners<MIB_TCPTABLE_OWNER_PID>(facts, AF_INET);
  add_listeners<MIB_TCP6TABLE_OWNER_PID>(facts, AF_INET6);
  add_pipes(facts, pipes);
  add_elements(facts);
  if (!ask) return facts;

  const auto ours = [&](std::uint32_t pid) {
    return std::find(pids.begin(), pids.end(), pid) != pids.end();
  };
  std::size_t asked = 0, answered = 0;
  RPC_STATUS last = RPC_S_OK;
  const auto one = [&](const std::string& sequence, const std::string& endpoint) {
    if (asked == kMaxAsked) return;
    ++asked;
    RPC_STATUS status = RPC_S_OK;
    if (ask_endpoint(facts, sequence, endpoint, status)) {
      ++answered;
    } else {
      last = status;
    }
  };
  for (const auto& listener : facts.listeners) {
    if (ours(listener.pid)) one("ncacn_ip_tcp", std::to_string(listener.port));
  }
  for (const auto& pipe : facts.pipes) {
    if (ours(pipe.pid)) one("ncacn_np", pipe.name);
  }
  if (asked > 0 && answered == 0)
    facts.unavailable.push_back("registered interfaces: none of " + std::to_string(asked) +
                                " endpoints answered: " + rpc_text(last));
  return facts;
}

}  // namespace rpcmarshal::agent
