va_unit_test(keys_import_forms va_keys)

# The fuzz target over its seeds. To fuzz: clang -fsanitize=fuzzer,address,undefined.
set(fuzz ${CMAKE_CURRENT_SOURCE_DIR}/../fuzz)
add_executable(fuzz_import_forms_replay
  ${fuzz}/fuzz_import_forms.c ${fuzz}/import_forms_replay.c)
target_link_libraries(fuzz_import_forms_replay PRIVATE va_keys)
add_test(NAME fuzz.import_forms COMMAND fuzz_import_forms_replay ${fuzz}/seeds/import_forms)
set_tests_properties(fuzz.import_forms PROPERTIES TIMEOUT 60 LABELS fuzz)
