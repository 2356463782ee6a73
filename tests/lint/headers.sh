#!/bin/bash
# Every header compiles alone, twice over, and is at most 100 lines long.
. "$(dirname "$0")/lint.sh"
compiler=${CC:-cc}
need "$compiler"

count=0
for header in agent/*/*.h; do
	[ -e "$header" ] || continue
	count=$((count + 1))
	name=${header#agent/}
	printf '#include "%s"\n#include "%s"\nextern int nothing;\n' "$name" "$name" |
		"$compiler" -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wstrict-prototypes -Werror \
			-Iagent -I"$BUILD/generated" -fsyntax-only -x c - ||
		finding "$header does not compile alone"
	[ "$(wc -l <"$header")" -le 100 ] || finding "$header: more than 100 lines"
done
finish headers "$count"
