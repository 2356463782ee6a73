# cmake -D TOP=… -D OUT=… -P bundle.cmake FILES…: a C source with these files (relative to
# TOP) in it, as cli/bundle.h has them. Written for `vastagent onstart` and `uninstall`, which
# need the scripts where there is nothing but the program.
set(text "#include \"cli/bundle.h\"\n\nconst struct bundle_file bundle_files[] = {\n")
set(after FALSE)
foreach(index RANGE ${CMAKE_ARGC})
  set(file "${CMAKE_ARGV${index}}")
  if(after AND file)
    file(READ ${TOP}/${file} hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" hex "${hex}")
    string(REGEX REPLACE "([^\n]+)\n?" "\t\t\"\\1\"\n" hex "${hex}")
    file(SIZE ${TOP}/${file} size)
    string(APPEND text "\t{\"${file}\",\n${hex}\t\t, ${size}},\n")
  elseif(file MATCHES "bundle.cmake$")
    set(after TRUE)
  endif()
endforeach()
file(WRITE ${OUT} "${text}\t{0}\n};\n")
