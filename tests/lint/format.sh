#!/bin/bash
# clang-format would change nothing.
. "$(dirname "$0")/lint.sh"
need clang-format

mapfile -t files < <(find agent tests -name '*.[ch]' | sort)
clang-format --dry-run --Werror "${files[@]}" 2>&1 | grep -A 2 'error:' &&
	finding "clang-format -i would change the above"
finish "source files" "${#files[@]}"
