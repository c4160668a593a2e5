#include "agent/service/windows/system.h"

#include <sddl.h>

#include <vector>

#include "base/unicode.h"

namespace rpcmarshal::agent {

const GENERIC_MAPPING kFileMapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
                                      FILE_ALL_ACCESS};
const GENERIC_MAPPING kSectionMapping = {STANDARD_RIGHTS_READ | SECTION_QUERY | SECTION_MAP_READ,
                                         STANDARD_RIGHTS_WRITE | SECTION_MAP_WRITE,
                                         STANDARD_RIGHTS_EXECUTE | SECTION_MAP_EXECUTE,
                                         SECTION_ALL_ACCESS};
const GENERIC_MAPPING kMutexMapping = {STANDARD_RIGHTS_READ | MUTANT_QUERY_STATE,
                                       STANDARD_RIGHTS_WRITE, STANDARD_RIGHTS_EXECUTE | SYNCHRONIZE,
                                       MUTEX_ALL_ACCESS};

std::wstring wide(std::string_view text) {
  const std::u16string units = utf8_to_utf16(text);
  return {units.begin(), units.end()};
}

std::string utf8(std::wstring_view text) {
  std::string out;
  append_utf8(out, Bytes(reinterpret_cast<const std::byte*>(text.data()), text.size() * 2));
  return out;
}

std::string error_text(DWORD error) {
  wchar_t* text = nullptr;
  const DWORD size = FormatMessageW(
      FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS,
      nullptr, error, 0, reinterpret_cast<wchar_t*>(&text), 0, nullptr);
  std::string out = size > 0 ? utf8(std::wstring_view(text, size)) : "error";
  LocalFree(text);
  while (!out.empty() && (out.back() == '\n' || out.back() == '\r' || out.back() == '.'))
    out.pop_back();
  return out + " (" + std::to_string(error) + ")";
}

std::uint64_t filetime_now() {
  FILETIME now;
  GetSystemTimeAsFileTime(&now);
  return to_number(now);
}

std::int64_t unix_now() {
  // FILETIME counts 100 ns from 1601.
  return static_cast<std::int64_t>(filetime_now() / 10'000'000) - 11'644'473'600;
}

std::wstring program_folder() {
  std::wstring path(32768, L'\0');
  path.resize(GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size())));
  return path.substr(0, path.find_last_of(L'\\') + 1);
}

bool enable_privilege(const wchar_t* name) {
  HANDLE raw = nullptr;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &raw))
    return false;
  const Handle token(raw);
  TOKEN_PRIVILEGES wanted{};
  wanted.PrivilegeCount = 1;
  wanted.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
  if (!LookupPrivilegeValueW(nullptr, name, &wanted.Privileges[0].Luid)) return false;
  return AdjustTokenPrivileges(token.get(), FALSE, &wanted, 0, nullptr, nullptr) &&
         GetLastError() == ERROR_SUCCESS;
}

SecurityAttributes::SecurityAttributes(const wchar_t* sddl) {
  attributes_.nLength = sizeof attributes_;
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(
          sddl, SDDL_REVISION_1, &attributes_.lpSecurityDescriptor, nullptr))
    throw SystemError("cannot make a security descriptor", GetLastError());
}

SecurityAttributes::~SecurityAttributes() { LocalFree(attributes_.lpSecurityDescriptor); }

namespace {

// Windows maps generic rights when an object gets its descriptor, Wine when it is used.
std::wstring mapped_text(PSECURITY_DESCRIPTOR descriptor, const GENERIC_MAPPING& mapping) {
  BOOL present = FALSE, defaulted = FALSE;
  ACL* acl = nullptr;
  if (!GetSecurityDescriptorDacl(descriptor, &present, &acl, &defaulted) || !present || !acl)
    return L"(everybody)";
  for (DWORD i = 0; i < acl->AceCount; ++i) {
    void* ace = nullptr;
    if (!GetAce(acl, i, &ace)) break;
    const auto* header = static_cast<const ACE_HEADER*>(ace);
    if (header->AceType == ACCESS_ALLOWED_ACE_TYPE || header->AceType == ACCESS_DENIED_ACE_TYPE) {
      GENERIC_MAPPING copy = mapping;
      MapGenericMask(&static_cast<ACCESS_ALLOWED_ACE*>(ace)->Mask, &copy);
    }
  }
  wchar_t* text = nullptr;
  if (!ConvertSecurityDescriptorToStringSecurityDescriptorW(
          descriptor, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text, nullptr))
    throw SystemError("cannot read a security descriptor", GetLastError());
  std::wstring out = text;
  LocalFree(text);
  // "D:P(...)", with flags that depend on how the object was made: the entries are what counts.
  const std::size_t first = out.find(L'(');
  return first == std::wstring::npos ? std::wstring(L"(nobody)") : out.substr(first);
}

}  // namespace

std::wstring read_dacl(HANDLE object, const GENERIC_MAPPING& mapping) {
  DWORD size = 0;
  GetKernelObjectSecurity(object, DACL_SECURITY_INFORMATION, nullptr, 0, &size);
  std::vector<std::byte> descriptor(std::max<DWORD>(size, 64));
  if (!GetKernelObjectSecurity(object, DACL_SECURITY_INFORMATION, descriptor.data(),
                               static_cast<DWORD>(descriptor.size()), &size))
    throw SystemError("cannot read the security of an object", GetLastError());
  return mapped_text(descriptor.data(), mapping);
}

std::wstring expected_dacl(const wchar_t* sddl, const GENERIC_MAPPING& mapping) {
  SecurityAttributes attributes(sddl);
  return mapped_text(attributes.get()->lpSecurityDescriptor, mapping);
}

}  // namespace rpcmarshal::agent
