#!/bin/bash
# No function is longer than 100 lines. In this style a function's braces stand in the
# first column, and nothing else's opening brace does.
. "$(dirname "$0")/lint.sh"

count=0
for file in agent/*.c agent/*/*.c tests/unit/*.c tests/fuzz/*.c; do
	[ -e "$file" ] || continue
	count=$((count + 1))
	long=$(awk -v limit=100 '
		/^[A-Za-z_].*\(/ { name = $0 }
		/^\{/ { start = FNR }
		/^\}/ && start {
			if (FNR - start - 1 > limit)
				printf "%s:%d: %d lines: %s\n", FILENAME, start, FNR - start - 1, name
			start = 0
		}' "$file")
	[ -z "$long" ] || finding "$long"
done
finish "source files" "$count"
