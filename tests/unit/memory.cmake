# va_memory_test(NAME LIBRARIES...): as va_unit_test, where memory can be made to fail.
function(va_memory_test name)
  va_unit_test(${name} ${ARGN})
  target_sources(test_${name} PRIVATE memory_faults.c)
  target_compile_definitions(test_${name} PRIVATE
    SEEDS="${CMAKE_SOURCE_DIR}/tests/fuzz/seeds")
  foreach(function malloc calloc realloc reallocarray strdup strndup asprintf vasprintf free)
    target_link_options(test_${name} PRIVATE -Wl,--wrap=${function})
  endforeach()
endfunction()

va_memory_test(keys_memory va_keys)
va_memory_test(parse_memory va_control va_login va_net va_sys)
target_link_options(test_parse_memory PRIVATE -Wl,--wrap=socket -Wl,--wrap=connect)

va_unit_test(state_damage va_daemon)
target_link_options(test_state_damage PRIVATE -Wl,--wrap=instance_read -Wl,--wrap=instance_id)
