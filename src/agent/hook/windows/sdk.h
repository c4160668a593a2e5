// Windows' headers, in the one order and with the few macros that go together with ours. No other
// header of this folder includes them itself.
#pragma once

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
// clang-format off
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <psapi.h>
#include <tlhelp32.h>
#include <sddl.h>
#include <rpc.h>
#include <rpcndr.h>
// clang-format on
#undef interface
