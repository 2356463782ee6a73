#!/bin/bash
# agent/README.md is the map of the source: it names every file that there is, and no
# file that there is not.
. "$(dirname "$0")/lint.sh"

count=0
if [ ! -e agent/README.md ]; then
	finding "agent/README.md is missing"
else
	for file in agent/*.c agent/*/*.c; do
		[ -e "$file" ] || continue
		count=$((count + 1))
		name=$(basename "$file")
		grep -qE "(^|[^A-Za-z0-9_])${name%.c}\.(c|\[ch\])" agent/README.md ||
			finding "agent/README.md does not name ${file#agent/}"
	done
	while read -r name; do
		[ -n "$(find agent -name "${name%%.*}.c")" ] ||
			finding "agent/README.md names $name, which is not there"
	done < <(grep -oE '[A-Za-z0-9_]+\.(c|\[ch\])' agent/README.md | sort -u)
fi
finish "source files" "$count"
