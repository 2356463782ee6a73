#!/bin/bash
# cppcheck has nothing to say of any file that is compiled. NULL at the end of variable
# arguments is a pointer in every C library of Linux.
. "$(dirname "$0")/lint.sh"
need cppcheck

compiled=$BUILD/compile_commands.json
cppcheck --project="$compiled" --file-filter="agent/*" --file-filter="*/agent/*" --library=tests/lint/cppcheck.cfg \
	--enable=warning,performance,portability --inline-suppr --suppress=varFuncNullUB \
	--quiet --error-exitcode=1 -j "$(nproc)" || finding "cppcheck found the above"
finish "compiled files" "$(grep -c "\"file\": \"$PWD/agent/" "$compiled")"
