# va_memory_test(NAME LIBRARIES...): as va_unit_test, where memory can be made to fail.
function(va_memory_test name)
  va_unit_test(${name} ${ARGN} va_control)
  target_sources(test_${name} PRIVATE memory_faults.c)
  target_compile_definitions(test_${name} PRIVATE
    SEEDS="${CMAKE_SOURCE_DIR}/tests/fuzz/seeds")
  foreach(function malloc calloc realloc reallocarray strdup strndup asprintf vasprintf free)
    target_link_options(test_${name} PRIVATE -Wl,--wrap=${function})
  endforeach()
endfunction()

va_memory_test(keys_memory va_keys)
