# How everything is compiled. No -ffast-math (it changes the whole process) and no -march=native (it
# crashes elsewhere); -ffp-contract=off, so that the same source gives the same bits.
add_library(rankgrad_flags INTERFACE)
target_compile_options(rankgrad_flags INTERFACE -ffp-contract=off -Wall -Wextra -Wpedantic
  -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
  -Wdouble-promotion -Wcast-qual)
if(RANKGRAD_WERROR)
  target_compile_options(rankgrad_flags INTERFACE -Werror)
endif()

# rankgrad_together: for what is compiled into the library and linked with it. A graph is many small
# functions in many files: optimised across them, an operator takes 46 ns in place of 64. That is for
# the shared library. In the static one ordinary code alone is left, for any compiler and linker;
# Clang keeps none beside its own, and so goes without.
add_library(rankgrad_together INTERFACE)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_OBJCOPY)
  set(RANKGRAD_TOGETHER ON)
  target_compile_options(rankgrad_together INTERFACE -flto=auto -ffat-lto-objects
                                                     -fno-semantic-interposition)
  target_link_options(rankgrad_together INTERFACE -flto=auto)
endif()
