# The libraries that the agent stands on. inih has no pkg-config file of the same
# name on every distribution, so the libraries are looked up by their own names.
find_package(PkgConfig REQUIRED)

if(VASTAGENT_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
endif()

function(va_dependency name library header)
  find_library(VA_LIB_${name} NAMES ${library})
  find_path(VA_INC_${name} NAMES ${header})
  if(NOT VA_LIB_${name} OR NOT VA_INC_${name})
    message(FATAL_ERROR
      "vastagent needs ${library} (header ${header}); on Debian: apt-get install "
      "libevent-dev libsodium-dev libinih-dev libjansson-dev")
  endif()
  add_library(va_dep_${name} INTERFACE)
  target_include_directories(va_dep_${name} SYSTEM INTERFACE ${VA_INC_${name}})
  target_link_libraries(va_dep_${name} INTERFACE ${VA_LIB_${name}})
endfunction()

va_dependency(event_core event_core event2/event.h)
va_dependency(event_extra event_extra event2/http.h)
va_dependency(sodium sodium sodium.h)
va_dependency(inih inih ini.h)
va_dependency(jansson jansson jansson.h)
target_link_libraries(va_dep_event_extra INTERFACE va_dep_event_core)

# Lists of many keys are worked on by threads; part of the C library since glibc 2.34.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
