#!/bin/bash
# clang-tidy finds nothing of what .clang-tidy lists, in any file that is compiled.
. "$(dirname "$0")/lint.sh"
need clang-tidy

compiled=$BUILD/compile_commands.json
run-clang-tidy -quiet -extra-arg=-Wno-unknown-warning-option -j "$(nproc)" -p "$BUILD" "$PWD/agent/" 2>&1 |
	grep -vE '^clang-tidy|^[0-9]+ warnings?|^Suppressed|^Use -header-filter' && finding "clang-tidy found the above"
finish "compiled files" "$(grep -c "\"file\": \"$PWD/agent/" "$compiled")"
