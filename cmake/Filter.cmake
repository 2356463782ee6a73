# The filter of the agent's system calls: cmake/filter.c is built and run with libseccomp,
# and prints a C source. Without libseccomp, or for another machine than this one, there is
# no filter, and the agent's status says so.
option(VASTAGENT_FILTER "Build the filter of the agent's system calls (needs libseccomp)" ON)
find_library(VA_LIB_seccomp NAMES seccomp)
find_path(VA_INC_seccomp NAMES seccomp.h)

# va_filter(TARGET SOURCE): SOURCE of TARGET loads it.
function(va_filter target source)
  if(NOT VASTAGENT_FILTER)
    return()
  endif()
  if(NOT VA_LIB_seccomp OR NOT VA_INC_seccomp OR CMAKE_CROSSCOMPILING)
    message(WARNING "libseccomp is missing, so the agent's system calls are not filtered; on "
      "Debian: apt-get install libseccomp-dev")
    return()
  endif()
  add_executable(filter ${CMAKE_SOURCE_DIR}/cmake/filter.c)
  target_compile_definitions(filter PRIVATE _GNU_SOURCE)
  target_include_directories(filter SYSTEM PRIVATE ${VA_INC_seccomp})
  target_link_libraries(filter PRIVATE ${VA_LIB_seccomp})
  add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/filter_data.c
    COMMAND filter ${CMAKE_CURRENT_BINARY_DIR}/filter_data.c DEPENDS filter VERBATIM)
  target_sources(${target} PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/filter_data.c)
  set_source_files_properties(${source} PROPERTIES COMPILE_DEFINITIONS VASTAGENT_FILTER)
endfunction()
