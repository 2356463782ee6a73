#!/bin/bash
# The man pages are well formed.
. "$(dirname "$0")/lint.sh"
need mandoc

shopt -s nullglob
pages=(packaging/*.[1578])
[ "${#pages[@]}" -eq 0 ] || mandoc -Tlint -Wwarning "${pages[@]}" ||
	finding "mandoc found the above"
finish "man pages" "${#pages[@]}"
