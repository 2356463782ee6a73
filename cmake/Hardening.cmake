# Flags of every target. Each one is probed: compilers differ in what they know,
# and a flag that is missing weakens the build but must not break it.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)

add_library(va_flags INTERFACE)
target_compile_definitions(va_flags INTERFACE _GNU_SOURCE)

function(va_probe_compile)
  foreach(flag ${ARGN})
    string(MAKE_C_IDENTIFIER "VA_HAS${flag}" known)
    check_c_compiler_flag("${flag}" ${known})
    if(${known})
      target_compile_options(va_flags INTERFACE ${flag})
    endif()
  endforeach()
endfunction()

function(va_probe_link)
  foreach(flag ${ARGN})
    string(MAKE_C_IDENTIFIER "VA_HAS${flag}" known)
    check_linker_flag(C "${flag}" ${known})
    if(${known})
      target_link_options(va_flags INTERFACE ${flag})
    endif()
  endforeach()
endfunction()

va_probe_compile(
  -Wall -Wextra -Wvla -Wundef -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wpointer-arith -Wwrite-strings -Wformat=2 -Wconversion
  -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wno-missing-field-initializers
  -fno-common -fno-strict-overflow -fno-delete-null-pointer-checks -fno-strict-aliasing)

if(VASTAGENT_DEVELOPER)
  target_compile_options(va_flags INTERFACE -Werror)
endif()

if(VASTAGENT_SANITIZE AND NOT VASTAGENT_SANITIZE STREQUAL "valgrind")
  target_compile_options(va_flags INTERFACE
    -fsanitize=${VASTAGENT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(va_flags INTERFACE -fsanitize=${VASTAGENT_SANITIZE})
else()
  # FORTIFY needs optimisation, and the sanitizers replace the functions that it wraps.
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    va_probe_compile(-D_FORTIFY_SOURCE=3)
  endif()
  va_probe_compile(
    -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
    -ftrivial-auto-var-init=zero)
  va_probe_link(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
  if(NOT VASTAGENT_STATIC)
    set(VASTAGENT_PIE ON)
    target_compile_options(va_flags INTERFACE -fPIE)
  endif()
endif()

target_compile_options(va_flags INTERFACE -ffunction-sections -fdata-sections)
va_probe_link(-Wl,--gc-sections)
