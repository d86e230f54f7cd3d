# The libraries from the system, found as Debian 12 places them and by plain name elsewhere, under
# one target, rankgrad_dependencies.
function(need variable what debian)
  if(NOT ${variable})
    message(FATAL_ERROR "Rankgrad needs ${what}. Debian: sudo apt-get install ${debian}")
  endif()
endfunction()

find_package(Threads REQUIRED)
find_library(OPENBLAS_LIBRARY openblas)
need(OPENBLAS_LIBRARY "OpenBLAS >= 0.3.20" libopenblas-pthread-dev)
find_path(OPENBLAS_INCLUDE cblas.h PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE}/openblas-pthread
          ${CMAKE_LIBRARY_ARCHITECTURE} openblas)
need(OPENBLAS_INCLUDE "OpenBLAS's cblas.h" libopenblas-pthread-dev)
find_library(HDF5_LIBRARY NAMES hdf5_serial hdf5)
need(HDF5_LIBRARY "HDF5 >= 1.10.8 (serial)" libhdf5-dev)
find_path(HDF5_INCLUDE hdf5.h PATH_SUFFIXES hdf5/serial)
need(HDF5_INCLUDE "hdf5.h" libhdf5-dev)
find_library(JANSSON_LIBRARY jansson)
need(JANSSON_LIBRARY "jansson >= 2.14" libjansson-dev)
find_library(ZLIB_LIBRARY z)
need(ZLIB_LIBRARY "zlib >= 1.2.13" zlib1g-dev)
find_library(XXHASH_LIBRARY xxhash)
need(XXHASH_LIBRARY "xxHash >= 0.8" libxxhash-dev)
find_path(RANDOM123_INCLUDE Random123/philox.h)
need(RANDOM123_INCLUDE "Random123 >= 1.14" librandom123-dev)

add_library(rankgrad_dependencies INTERFACE)
target_include_directories(rankgrad_dependencies SYSTEM INTERFACE ${OPENBLAS_INCLUDE}
                           ${HDF5_INCLUDE} ${RANDOM123_INCLUDE})
set(RANKGRAD_LIBRARIES ${OPENBLAS_LIBRARY} ${HDF5_LIBRARY} ${JANSSON_LIBRARY} ${ZLIB_LIBRARY}
                       ${XXHASH_LIBRARY} Threads::Threads m)
target_link_libraries(rankgrad_dependencies INTERFACE ${RANKGRAD_LIBRARIES})
