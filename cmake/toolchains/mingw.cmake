# Toolchain: 64-bit Windows programs, compiled on Debian by mingw-w64 (posix threads, as std::mutex
# and std::thread need), run by Wine when ctest starts them.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
# CMAKE_PREFIX_PATH may name a folder of Windows libraries anywhere.
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)
# One file to copy: no libstdc++ or winpthread DLL beside it.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")
# Wine with a prefix of its own, not the user's; nothing to show, and neither .NET nor HTML needed.
find_program(RPCM_WINE NAMES wine64 wine PATHS /usr/lib/wine)
if(RPCM_WINE)
  set(CMAKE_CROSSCOMPILING_EMULATOR env WINEPREFIX=${CMAKE_BINARY_DIR}/wine WINEDEBUG=-all
    WINEDLLOVERRIDES=mscoree,mshtml= ${RPCM_WINE})
endif()
