# The version stands in one place, project(VERSION); the commit is added when the
# source is a git checkout or a tarball of git-archive(1), which writes it into
# cmake/commit, so that a bug report names the very code it speaks of.
find_package(Git QUIET)
set(VASTAGENT_COMMIT "" CACHE STRING "The commit, where the source is no checkout")
if(NOT VASTAGENT_COMMIT AND GIT_FOUND AND EXISTS ${CMAKE_SOURCE_DIR}/.git)
  execute_process(
    COMMAND ${GIT_EXECUTABLE} -C ${CMAKE_SOURCE_DIR} rev-parse --short=12 HEAD
    OUTPUT_VARIABLE VASTAGENT_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
elseif(EXISTS ${CMAKE_SOURCE_DIR}/cmake/commit)
  file(STRINGS ${CMAKE_SOURCE_DIR}/cmake/commit VASTAGENT_COMMIT REGEX "^[0-9a-f]+$")
  string(SUBSTRING "${VASTAGENT_COMMIT}" 0 12 VASTAGENT_COMMIT)
endif()
configure_file(${CMAKE_SOURCE_DIR}/cmake/version.h.in ${CMAKE_BINARY_DIR}/generated/version.h @ONLY)
target_include_directories(va_flags INTERFACE ${CMAKE_BINARY_DIR}/generated)
