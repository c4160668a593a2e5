# A room of docs/design.md is a static library of every .cc below src/NAME, and depends only on the
# rooms it names.

# rpcm_room(NAME [USES room...] [LIBRARIES lib...] [PORTABLE file...])
# A build for Windows has only the files of PORTABLE, when it is given ("headers": none), and none of
# LIBRARIES.
# Files named *_windows.cc are for Windows only.
function(rpcm_room name)
  cmake_parse_arguments(R "" "" "USES;LIBRARIES;PORTABLE" ${ARGN})
  if(WIN32 AND R_PORTABLE)
    set(sources ${R_PORTABLE})
    list(REMOVE_ITEM sources headers)
    set(R_LIBRARIES)
  else()
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
    if(NOT WIN32)
      list(FILTER sources EXCLUDE REGEX "_windows\\.cc$")
    endif()
  endif()
  if(sources)
    set(scope PUBLIC)
    add_library(rpcm_${name} STATIC ${sources})
  else()
    set(scope INTERFACE)
    add_library(rpcm_${name} INTERFACE)
  endif()
  target_include_directories(rpcm_${name} ${scope}
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src> $<INSTALL_INTERFACE:include/rpcmarshal>)
  list(TRANSFORM R_USES PREPEND rpcm_)
  target_link_libraries(rpcm_${name} ${scope} ${R_USES} ${R_LIBRARIES})
endfunction()

# rpcm_test(NAME [USES room...] [LIBRARIES lib...]): test program of every .cc in this folder; each
# TEST is one ctest test. RPCM_SOURCE_DIR and RPCM_SHARED_DIR (may not exist) are defined for it.
function(rpcm_test name)
  cmake_parse_arguments(R "" "" "USES;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(NOT sources)
    message(WARNING "no tests for the room ${name}")
    return()
  endif()
  add_executable(test_${name} ${sources})
  list(TRANSFORM R_USES PREPEND rpcm_)
  target_link_libraries(test_${name} PRIVATE ${R_USES} ${R_LIBRARIES} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(test_${name} PRIVATE RPCM_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    RPCM_SHARED_DIR="${PROJECT_SOURCE_DIR}/../shared" RPCM_BINARY_DIR="${PROJECT_BINARY_DIR}")
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  add_test(NAME ${name} COMMAND test_${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES TIMEOUT 900)
endfunction()

# rpcm_fuzz(NAME [USES room...]): libFuzzer target fuzz_NAME from fuzz/NAME.cc; seeds live in fuzz/corpus/NAME.
function(rpcm_fuzz name)
  cmake_parse_arguments(R "" "" "USES" ${ARGN})
  add_executable(fuzz_${name} ${name}.cc)
  list(TRANSFORM R_USES PREPEND rpcm_)
  target_link_libraries(fuzz_${name} PRIVATE ${R_USES} -fsanitize=fuzzer)
endfunction()
