#include "agent/service/windows/event_log.h"

#include <array>

namespace rpcmarshal::agent {
namespace {

constexpr std::size_t kMaxStrings = 20;
constexpr DWORD kLogSize = 64u << 20;

std::wstring log_key() {
  return std::wstring(L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\") + kLogName;
}
std::wstring source_key() { return log_key() + L"\\" + kLogSource; }

class Key {
 public:
  explicit Key(const std::wstring& path) {
    const LSTATUS status = RegCreateKeyExW(HKEY_LOCAL_MACHINE, path.c_str(), 0, nullptr, 0,
                                           KEY_SET_VALUE, nullptr, &key_, nullptr);
    if (status != ERROR_SUCCESS)
      throw SystemError("cannot write HKLM\\" + utf8(path), static_cast<DWORD>(status));
  }
  ~Key() { RegCloseKey(key_); }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  void set(const wchar_t* name, DWORD value) {
    RegSetValueExW(key_, name, 0, REG_DWORD, reinterpret_cast<const BYTE*>(&value), sizeof value);
  }
  void set(const wchar_t* name, const std::wstring& text) {
    RegSetValueExW(key_, name, 0, REG_EXPAND_SZ, reinterpret_cast<const BYTE*>(text.c_str()),
                   static_cast<DWORD>((text.size() + 1) * sizeof(wchar_t)));
  }

 private:
  HKEY key_ = nullptr;
};

}  // namespace

EventLog::EventLog() : source_(RegisterEventSourceW(nullptr, kLogSource)) {}

EventLog::~EventLog() {
  if (source_) DeregisterEventSource(source_);
}

void EventLog::write(Kind kind, std::uint32_t id, const std::vector<std::string_view>& strings) {
  std::vector<std::wstring> texts;
  for (std::size_t i = 0; i < strings.size() && i < kMaxStrings; ++i) {
    std::wstring text = wide(strings[i]);
    // A NUL would end the string, and hide what follows.
    for (wchar_t& c : text) {
      if (c == L'\0') c = L'?';
    }
    if (text.size() > kMaxLogString) {
      text.resize(kMaxLogString);
      text += L" (cut)";
    }
    texts.push_back(std::move(text));
  }
  std::vector<const wchar_t*> pointers;
  for (const std::wstring& text : texts) pointers.push_back(text.c_str());
  WORD type = EVENTLOG_INFORMATION_TYPE;
  switch (kind) {
    case Kind::kInformation:
      break;
    case Kind::kWarning:
      type = EVENTLOG_WARNING_TYPE;
      break;
    case Kind::kError:
      type = EVENTLOG_ERROR_TYPE;
      break;
    case Kind::kAllowed:
      type = EVENTLOG_AUDIT_SUCCESS;
      break;
    case Kind::kBlocked:
      type = EVENTLOG_AUDIT_FAILURE;
      break;
  }
  const bool good =
      source_ && ReportEventW(source_, type, 0, id, nullptr, static_cast<WORD>(pointers.size()), 0,
                              pointers.data(), nullptr);
  ++(good ? written_ : failed_);
}

void register_event_source() {
  std::wstring program(32768, L'\0');
  program.resize(GetModuleFileNameW(nullptr, program.data(), static_cast<DWORD>(program.size())));
  Key log(log_key());
  log.set(L"MaxSize", kLogSize);
  log.set(L"Retention", DWORD{0});
  // Events hold arguments: administrators, SYSTEM and event log readers (S-1-5-32-573).
  log.set(L"CustomSD", L"O:BAG:SYD:(A;;0xf0007;;;SY)(A;;0x7;;;BA)(A;;0x1;;;S-1-5-32-573)");
  Key source(source_key());
  source.set(L"EventMessageFile", program);
  source.set(L"TypesSupported",
             DWORD{EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE |
                   EVENTLOG_AUDIT_SUCCESS | EVENTLOG_AUDIT_FAILURE});
}

void unregister_event_source() {
  RegDeleteKeyW(HKEY_LOCAL_MACHINE, source_key().c_str());
  RegDeleteKeyW(HKEY_LOCAL_MACHINE, log_key().c_str());
}

}  // namespace rpcmarshal::agent
