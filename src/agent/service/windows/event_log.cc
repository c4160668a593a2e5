#include "agent/service/windows/event_log.h"

#include <cstring>

#include "log_events.h"

namespace rpcmarshal::agent {
namespace {

constexpr DWORD kLogSize = 64u << 20;
constexpr DWORD kRegistrationMilliseconds = 60'000;

static_assert(sizeof(LogGuid) == sizeof(GUID) && offsetof(LogGuid, data4) == offsetof(GUID, Data4));

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

/// Whether Windows knows the provider of the manifest.
bool provider_registered() {
  const std::wstring path =
      std::wstring(L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WINEVT\\Publishers\\") +
      kLogProvider.key;
  HKEY key = nullptr;
  if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, path.c_str(), 0, KEY_QUERY_VALUE, &key) != ERROR_SUCCESS)
    return false;
  RegCloseKey(key);
  return true;
}

std::wstring program_path() {
  std::wstring program(32768, L'\0');
  program.resize(GetModuleFileNameW(nullptr, program.data(), static_cast<DWORD>(program.size())));
  return program;
}

std::wstring manifest_path() { return program_folder() + L"rpcmarshal-agent.man"; }

/// The manifest that lies in this program, with the program's path in it. Throws SystemError.
std::string manifest() {
  const HRSRC found = FindResourceW(nullptr, L"EVENTS", RT_RCDATA);
  const HGLOBAL loaded = found ? LoadResource(nullptr, found) : nullptr;
  const void* data = loaded ? LockResource(loaded) : nullptr;
  if (!data) throw SystemError("the program lacks its manifest of events", GetLastError());
  std::string text(static_cast<const char*>(data), SizeofResource(nullptr, found));
  std::string path;
  for (const char c : utf8(program_path())) {  // in an attribute
    path += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '"' ? "&quot;" : std::string(1, c);
  }
  constexpr std::string_view kPlace = "@PROGRAM@";
  for (std::size_t at = text.find(kPlace); at != std::string::npos;
       at = text.find(kPlace, at + path.size()))
    text.replace(at, kPlace.size(), path);
  return text;
}

/// Runs wevtutil of the system's folder; its exit code. Throws SystemError.
DWORD wevtutil(const std::wstring& arguments) {
  std::wstring program(MAX_PATH, L'\0');
  program.resize(GetSystemDirectoryW(program.data(), static_cast<UINT>(program.size())));
  program += L"\\wevtutil.exe";
  std::wstring command = L"\"" + program + L"\" " + arguments;
  STARTUPINFOW startup{};
  startup.cb = sizeof startup;
  PROCESS_INFORMATION process{};
  if (!CreateProcessW(program.c_str(), command.data(), nullptr, nullptr, FALSE, CREATE_NO_WINDOW,
                      nullptr, nullptr, &startup, &process))
    throw SystemError("cannot run " + utf8(program), GetLastError());
  const Handle running(process.hProcess), thread(process.hThread);
  if (WaitForSingleObject(running.get(), kRegistrationMilliseconds) != WAIT_OBJECT_0) {
    TerminateProcess(running.get(), ERROR_TIMEOUT);
    throw SystemError("wevtutil does not end", ERROR_TIMEOUT);
  }
  DWORD code = 0;
  GetExitCodeProcess(running.get(), &code);
  return code;
}

void write_file(const std::wstring& path, const std::string& text) {
  const Handle file(CreateFileW(path.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS,
                                FILE_ATTRIBUTE_NORMAL, nullptr));
  DWORD written = 0;
  if (!file ||
      !WriteFile(file.get(), text.data(), static_cast<DWORD>(text.size()), &written, nullptr) ||
      written != text.size())
    throw SystemError("cannot write " + utf8(path), GetLastError());
}

void register_classic() {
  Key log(log_key());
  log.set(L"MaxSize", kLogSize);
  log.set(L"Retention", DWORD{0});
  // Events hold arguments: administrators, SYSTEM and event log readers (S-1-5-32-573).
  log.set(L"CustomSD", L"O:BAG:SYD:(A;;0xf0007;;;SY)(A;;0x7;;;BA)(A;;0x1;;;S-1-5-32-573)");
  Key source(source_key());
  source.set(L"EventMessageFile", program_path());
  source.set(L"TypesSupported",
             DWORD{EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE |
                   EVENTLOG_AUDIT_SUCCESS | EVENTLOG_AUDIT_FAILURE});
}

WORD classic_type(const LogEvent& event) {
  if (event.blocked()) return EVENTLOG_AUDIT_FAILURE;
  if (event.allowed()) return EVENTLOG_AUDIT_SUCCESS;
  return event.level <= 2   ? EVENTLOG_ERROR_TYPE
         : event.level == 3 ? EVENTLOG_WARNING_TYPE
                            : EVENTLOG_INFORMATION_TYPE;
}

}  // namespace

EventLog::EventLog() {
  GUID guid;
  std::memcpy(&guid, &kLogProvider.guid, sizeof guid);
  if (provider_registered() &&
      EventRegister(&guid, nullptr, nullptr, &provider_) == ERROR_SUCCESS) {
    write_ = &EventWrite;
  } else {
    source_ = RegisterEventSourceW(nullptr, kLogSource);
  }
}

EventLog::~EventLog() {
  if (provider_) EventUnregister(provider_);
  if (source_) DeregisterEventSource(source_);
}

void EventLog::write(const LogEvent& event, const std::vector<std::string_view>& values) {
  bool good = values.size() == event.fields.size();  // else a name would stand at another's value
  if (good) {
    const std::vector<std::u16string> texts = log_values(values);
    if (write_) {
      const EVENT_DESCRIPTOR descriptor{event.id, 0, event.channel, event.level,
                                        0,        0, event.keywords};
      std::vector<EVENT_DATA_DESCRIPTOR> data(texts.size());
      for (std::size_t i = 0; i < texts.size(); ++i) {
        EventDataDescCreate(&data[i], texts[i].c_str(),
                            static_cast<ULONG>((texts[i].size() + 1) * sizeof(char16_t)));
      }
      good = write_(provider_, &descriptor, static_cast<ULONG>(data.size()), data.data()) ==
             ERROR_SUCCESS;
    } else {
      std::vector<const wchar_t*> pointers;
      for (const std::u16string& text : texts)
        pointers.push_back(reinterpret_cast<const wchar_t*>(text.c_str()));
      good =
          source_ && ReportEventW(source_, classic_type(event), 0, event.id, nullptr,
                                  static_cast<WORD>(pointers.size()), 0, pointers.data(), nullptr);
    }
  }
  ++(good ? written_ : failed_);
}

std::string register_event_log() {
  std::string why;
  try {
    write_file(manifest_path(), manifest());
    if (provider_registered()) wevtutil(L"um \"" + manifest_path() + L"\"");  // from elsewhere
    const DWORD code = wevtutil(L"im \"" + manifest_path() + L"\"");
    if (provider_registered()) return {};
    why = "wevtutil ended with " + std::to_string(code);
  } catch (const SystemError& error) {
    why = error.what();
  }
  register_classic();
  return "the event log's manifest could not be registered (" + why +
         "): events go to the log \"RPC Marshal\" of the classic kind, without names of values";
}

void unregister_event_log() {
  if (GetFileAttributesW(manifest_path().c_str()) != INVALID_FILE_ATTRIBUTES) {
    try {
      wevtutil(L"um \"" + manifest_path() + L"\"");
    } catch (const SystemError&) {  // then it stays registered, and does no harm
    }
    DeleteFileW(manifest_path().c_str());
  }
  RegDeleteKeyW(HKEY_LOCAL_MACHINE, source_key().c_str());
  RegDeleteKeyW(HKEY_LOCAL_MACHINE, log_key().c_str());
}

}  // namespace rpcmarshal::agent
