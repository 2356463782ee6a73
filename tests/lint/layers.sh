#!/bin/bash
# Arrows between the layers go down only: a file may include from its own folder and
# from those that this table names.
. "$(dirname "$0")/lint.sh"

declare -A may_use=(
	[base]=''
	[sys]='base'
	[keys]='sys base'
	[net]='sys base'
	[login]='sys base'
	[control]='sys base'
	[daemon]='login keys net control sys base'
	[cli]='login control keys net sys base'
)

for folder in agent/*/; do
	layer=$(basename "$folder")
	[ -n "${may_use[$layer]+known}" ] || finding "$folder: no such layer in the table of $0"
done

count=0
while IFS=: read -r file line text; do
	count=$((count + 1))
	layer=${file#agent/}
	layer=${layer%%/*}
	used=${text#*\"}
	used=${used%%\"*}
	case " $layer ${may_use[$layer]:-} " in
	*" ${used%%/*} "*) ;;
	*)
		# A header that CMake writes has no folder and no layer.
		[ "$used" = version.h ] || finding "$file:$line: $layer may not use $used"
		;;
	esac
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' agent/*/ --include='*.[ch]')

while IFS=: read -r file line text; do
	case $file in
	agent/daemon/*) ;;
	*) finding "$file:$line: libevent lives in daemon/ only: $text" ;;
	esac
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<(event2/|event\.h|evhttp)' agent \
	--include='*.[ch]')

finish includes "$count"
