#!/bin/bash
# No shell script has anything that shellcheck warns of, whatever its name. Two warnings
# are off: SC2317 takes functions that are called indirectly for code that never runs, and
# SC2016 any text in single quotes that is meant for another shell.
. "$(dirname "$0")/lint.sh"
need shellcheck

mapfile -t files < <(
	find onstart tests packaging .ci -name '*.sh' 2>/dev/null
	grep -rlIE '^#!(/usr)?/bin/(env )?(ba|da)?sh' onstart tests packaging .ci 2>/dev/null
)
mapfile -t files < <(printf '%s\n' "${files[@]}" | sort -u)
shellcheck --external-sources --source-path=SCRIPTDIR:"$SOURCE" --exclude=SC2317,SC2016 "${files[@]}" ||
	finding "shellcheck found the above"
finish "shell scripts" "${#files[@]}"
