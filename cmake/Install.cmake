# What `cmake --install` and `cpack -G DEB` put where: the library rooms with their public headers and
# a CMake package (find_package(rpcmarshal), targets rpcmarshal::ndr and so on; docs/library.md), and
# the program with the interfaces, the rules and the documentation.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Headers that users may include; each stands alone (tests/install). The others may change any day.
set(RPCM_PUBLIC_HEADERS
  base/bytes.h base/guid.h base/time.h base/unicode.h
  interface/model.h interface/status.h
  idl/diagnostic.h idl/parser.h idl/printer.h
  builtin/builtin.h
  ndr/decode.h ndr/format.h ndr/program.h ndr/value.h)

foreach(room ${RPCM_LIBRARY_ROOMS})
  # The library rooms need nothing but each other and the standard library.
  get_target_property(uses rpcm_${room} LINK_LIBRARIES)
  foreach(use ${uses})
    string(REGEX REPLACE "^rpcm_" "" used "${use}")
    if(use AND NOT used IN_LIST RPCM_LIBRARY_ROOMS)
      message(FATAL_ERROR "the library room ${room} links ${use}: only ${RPCM_LIBRARY_ROOMS} are allowed")
    endif()
  endforeach()
  set_target_properties(rpcm_${room} PROPERTIES EXPORT_NAME ${room} OUTPUT_NAME rpcmarshal_${room})
  target_compile_features(rpcm_${room} PUBLIC cxx_std_20)
  add_library(rpcmarshal::${room} ALIAS rpcm_${room})
endforeach()
if(NOT RPCMARSHAL_INSTALL)
  return()
endif()

foreach(room ${RPCM_LIBRARY_ROOMS})
  install(TARGETS rpcm_${room} EXPORT rpcmarshalTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
endforeach()
foreach(header ${RPCM_PUBLIC_HEADERS})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES src/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/rpcmarshal/${folder} COMPONENT library)
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/rpcmarshal)
install(EXPORT rpcmarshalTargets NAMESPACE rpcmarshal:: DESTINATION ${package_dir} COMPONENT library)
configure_package_config_file(cmake/rpcmarshalConfig.cmake.in ${PROJECT_BINARY_DIR}/rpcmarshalConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rpcmarshalConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)  # Until 1.0, a minor version may change the API.
install(FILES ${PROJECT_BINARY_DIR}/rpcmarshalConfig.cmake ${PROJECT_BINARY_DIR}/rpcmarshalConfigVersion.cmake
  DESTINATION ${package_dir} COMPONENT library)
install(DIRECTORY examples/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT library)

if(RPCMARSHAL_TOOLS)
  install(TARGETS rpcmarshal_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
endif()
# The sensor as a service (docs/sensor.md). Nothing is written to /etc: the package's postinst puts the
# settings there when they are not.
if(RPCMARSHAL_TOOLS)
  install(FILES packaging/sensor.env DESTINATION ${CMAKE_INSTALL_DATADIR}/rpcmarshal COMPONENT service)
  install(FILES packaging/rpcmarshal-sensor.service DESTINATION lib/systemd/system COMPONENT service)
  install(FILES packaging/rpcmarshal.sysusers DESTINATION lib/sysusers.d RENAME rpcmarshal.conf COMPONENT service)
endif()
install(DIRECTORY interfaces/ DESTINATION ${CMAKE_INSTALL_DATADIR}/rpcmarshal/interfaces COMPONENT program
  FILES_MATCHING PATTERN "*.idl" PATTERN "README.md")
install(DIRECTORY rules/ DESTINATION ${CMAKE_INSTALL_DATADIR}/rpcmarshal/rules COMPONENT program
  FILES_MATCHING PATTERN "*.yml" PATTERN "README.md" PATTERN "tests" EXCLUDE)
install(DIRECTORY policies/ DESTINATION ${CMAKE_INSTALL_DATADIR}/rpcmarshal/policies COMPONENT program
  FILES_MATCHING PATTERN "*.yml" PATTERN "README.md")
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs COMPONENT program)
# Where Debian looks for a package's licence.
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright COMPONENT program)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME rpcmarshal)
set(CPACK_PACKAGE_VENDOR "RPC Marshal")
set(CPACK_PACKAGE_CONTACT "RPC Marshal maintainers <maintainers@rpcmarshal.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)  # Dependencies from the libraries that the program links.
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/packaging/debian/postinst
  ${PROJECT_SOURCE_DIR}/packaging/debian/prerm ${PROJECT_SOURCE_DIR}/packaging/debian/postrm)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Decodes Microsoft RPC from packet captures: who called what, with which
arguments, and what came back, as JSON lines or text. With the C++ library
(IDL, NDR and NDR64) that it is made of.")
if(WIN32)
  # The agent's program and its hook, with what their user needs beside them.
  set(CPACK_GENERATOR ZIP)
  set(CPACK_PACKAGE_FILE_NAME rpcmarshal-agent_${PROJECT_VERSION}_x64)
  set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
  set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
  set(CPACK_COMPONENTS_ALL agent)
  set(CPACK_PACKAGING_INSTALL_PREFIX /)
endif()
include(CPack)
