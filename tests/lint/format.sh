#!/bin/bash
# clang-format would change nothing.
. "$(dirname "$0")/lint.sh"
need clang-format

mapfile -t files < <(find agent tests -name '*.[ch]' | sort)
for file in "${files[@]}"; do
	lines=$(clang-format "$file" | diff "$file" - | grep -c '^[<>]')
	[ "$lines" -eq 0 ] || finding "$file: clang-format -i would change $lines lines"
done
finish "source files" "${#files[@]}"
