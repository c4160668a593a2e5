// Small things every Windows file here needs: handles that close themselves, text conversion, error
// texts, time.
#pragma once

#ifndef NOMINMAX
#define NOMINMAX
#endif
// clang-format off
#include <winsock2.h>
#include <windows.h>
#include <iphlpapi.h>
#include <rpc.h>
#include <shellapi.h>
// clang-format on

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace rpcmarshal::agent {

/// Owns a kernel handle; null and INVALID_HANDLE_VALUE both mean none.
class Handle {
 public:
  Handle() = default;
  explicit Handle(HANDLE handle) : handle_(handle == INVALID_HANDLE_VALUE ? nullptr : handle) {}
  ~Handle() { reset(); }
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  void reset() {
    if (handle_) CloseHandle(handle_);
    handle_ = nullptr;
  }
  HANDLE get() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }

 private:
  HANDLE handle_ = nullptr;
};

std::wstring wide(std::string_view utf8);
std::string utf8(std::wstring_view text);

/// "Access is denied (5)".
std::string error_text(DWORD error);

/// A call to Windows that failed, in words: "cannot open process 7: Access is denied (5)".
class SystemError : public std::runtime_error {
 public:
  SystemError(const std::string& what, DWORD error)
      : std::runtime_error(what + ": " + error_text(error)), error_(error) {}
  DWORD error() const { return error_; }

 private:
  DWORD error_;
};

inline std::uint64_t to_number(const FILETIME& time) {
  return std::uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime;
}
std::uint64_t filetime_now();
/// Seconds since 1970.
std::int64_t unix_now();

/// Folder of this program, with a backslash at its end.
std::wstring program_folder();

/// Turns a privilege of this process on ("SeDebugPrivilege"); false when it has not got it.
bool enable_privilege(const wchar_t* name);

/// SECURITY_ATTRIBUTES made of SDDL; throws SystemError.
class SecurityAttributes {
 public:
  explicit SecurityAttributes(const wchar_t* sddl);
  ~SecurityAttributes();
  SecurityAttributes(const SecurityAttributes&) = delete;
  SecurityAttributes& operator=(const SecurityAttributes&) = delete;
  SECURITY_ATTRIBUTES* get() { return &attributes_; }

 private:
  SECURITY_ATTRIBUTES attributes_{};
};

/// The discretionary access list of a kernel object as SDDL, generic rights mapped by `mapping`.
std::wstring read_dacl(HANDLE object, const GENERIC_MAPPING& mapping);
/// What `sddl` would give an object with that mapping, in the same notation.
std::wstring expected_dacl(const wchar_t* sddl, const GENERIC_MAPPING& mapping);
extern const GENERIC_MAPPING kFileMapping, kSectionMapping, kMutexMapping;

}  // namespace rpcmarshal::agent
