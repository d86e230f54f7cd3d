# How everything is compiled. No -ffast-math (it changes the whole process) and no -march=native (it
# crashes elsewhere); -ffp-contract=off, so that the same source gives the same bits.
add_library(rankgrad_flags INTERFACE)
target_compile_options(rankgrad_flags INTERFACE -ffp-contract=off -Wall -Wextra -Wpedantic
  -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
  -Wdouble-promotion -Wcast-qual)
if(RANKGRAD_WERROR)
  target_compile_options(rankgrad_flags INTERFACE -Werror)
endif()
