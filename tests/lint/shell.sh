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

# What every scenario sources would be read again for each of them. They get it with empty
# functions, found in the working directory first; it is checked itself like any other.
outline=$(mktemp -d)
trap 'rm -r "$outline"' EXIT
mkdir -p "$outline/tests/scenario/lib"
for file in tests/scenario/lib/*.sh; do
	awk '/^\{/ { body = 1; print "{\n\t:" } !body { print } /^\}/ { if (body) print; body = 0 }' \
		"$file" >"$outline/$file"
done
root=$PWD
cd "$outline" || exit 1
shellcheck --external-sources --source-path="SCRIPTDIR:$root" --exclude=SC2317,SC2016 \
	"${files[@]/#/$root/}" || finding "shellcheck found the above"
finish "shell scripts" "${#files[@]}"
