# GoogleTest: the installed libraries, or, for another platform than this one, its sources (Debian's
# package googletest) compiled along.
if(NOT CMAKE_CROSSCOMPILING)
  find_package(GTest REQUIRED)
  return()
endif()
set(RPCMARSHAL_GTEST_SOURCE /usr/src/googletest CACHE PATH "Sources of GoogleTest")
set(INSTALL_GTEST OFF CACHE INTERNAL "")
add_subdirectory(${RPCMARSHAL_GTEST_SOURCE} ${PROJECT_BINARY_DIR}/googletest EXCLUDE_FROM_ALL SYSTEM)
# Our warnings are not its concern.
set_property(TARGET gtest gtest_main gmock gmock_main PROPERTY COMPILE_OPTIONS "")
