# cmake --install: the headers, both libraries, the program, find_package(rankgrad), pkg-config.
#
# The one idea: nothing installed names a path of this machine. The static library needs OpenBLAS,
# HDF5, jansson, zlib and xxHash at the consumer's link; both package files name them by plain name,
# and the consumer's own CMake or pkg-config finds them there.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/rankgrad)
install(DIRECTORY include/rankgrad DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
set(doc_dir ${CMAKE_INSTALL_DATADIR}/doc/rankgrad)
install(FILES LICENSE NOTICE README.md DESTINATION ${doc_dir})
install(DIRECTORY docs examples DESTINATION ${doc_dir})

# One export file a library, so that a package may ship either alone.
foreach(kind static shared)
  install(TARGETS rankgrad_${kind} EXPORT rankgrad-${kind}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT rankgrad-${kind} NAMESPACE rankgrad:: DESTINATION ${package_dir})
endforeach()
if(TARGET rankgrad)
  install(TARGETS rankgrad RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# The names to link, with the plain name alone: /usr/lib/.../libhdf5_serial.so is hdf5_serial.
set(RANKGRAD_LIBRARY_NAMES)
foreach(library OPENBLAS ${HDF5} JANSSON ZLIB XXHASH)
  get_filename_component(name ${${library}_LIBRARY} NAME_WE)
  string(REGEX REPLACE "^lib" "" name ${name})
  list(APPEND RANKGRAD_LIBRARY_NAMES ${name})
endforeach()
list(TRANSFORM RANKGRAD_LIBRARY_NAMES PREPEND "-l" OUTPUT_VARIABLE RANKGRAD_PRIVATE)
list(JOIN RANKGRAD_PRIVATE " " RANKGRAD_PRIVATE)

configure_package_config_file(cmake/rankgrad-config.cmake.in rankgrad-config.cmake
                              INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(rankgrad-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rankgrad-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/rankgrad-config-version.cmake
        DESTINATION ${package_dir})

# Relative to the .pc file, so that the whole prefix may be moved.
set(pc_dir ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH RANKGRAD_PC_PREFIX ${pc_dir} ${CMAKE_INSTALL_PREFIX})
file(RELATIVE_PATH RANKGRAD_PC_INCLUDE ${pc_dir} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
configure_file(cmake/rankgrad.pc.in rankgrad.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rankgrad.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
