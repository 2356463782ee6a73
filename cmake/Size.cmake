# What is released is one small file: optimised for size, without the tables for unwinding
# that only a debugger reads, and without a trace of where it was built. What works
# through long lists of keys is compiled for speed.

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT VASTAGENT_SANITIZE)
  va_probe_compile(-Os -fno-asynchronous-unwind-tables -fno-unwind-tables
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
  va_probe_link(-Wl,--build-id=none)
endif()

# va_fast(SOURCES...): of the folder that this is called in.
function(va_fast)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -O2)
  endif()
endfunction()
