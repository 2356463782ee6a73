#!/bin/bash
# loops.sh WHAT NUMBER SECONDS   one of the loops of contention.sh, in the instance.
# Keys that it was told are added go to /tmp/told.WHATNUMBER, as "WHAT BLOB".
what=$1 number=$2
end=$((${EPOCHREALTIME/[.,]/} + $3 * 1000000))
file=/root/.ssh/authorized_keys
told=/tmp/told.$what$number
exec 2>"/tmp/log.$what$number"
mapfile -t blobs </tmp/keys/all.txt

# Each loop has keys of its own, and each round new ones.
next_key()
{
	index=$((RANDOM * 32768 + RANDOM))
	index=$((index % ${#blobs[@]} / 8 * 8 + number))
	key=/tmp/keys/$((index + 1)).pub
	blob=${blobs[index]}
	[ -n "$blob" ]
}

platform()
{
	"$(dirname "$0")/../lib/platform.sh" refresh "$@"
}

# What vim does with 'backupcopy=no': the new text into a new file, then renamed.
edit_like_vim()
{
	cat "$file" >"$file.swp" &&
		{ cat "$file.swp" && echo "# edited $RANDOM"; } >"$file~new" &&
		mv -f "$file~new" "$file"
	rm -f "$file.swp" "$file~new"
}

while [ "${EPOCHREALTIME/[.,]/}" -lt "$end" ]; do
	case $what in
	addkey)
		next_key && vastagent addkey "$key" >/dev/null && echo "$what $blob" >>"$told"
		;;
	echo)
		next_key && echo "ssh-ed25519 $blob by-echo$index" >>"$file" &&
			echo "$what $blob" >>"$told"
		;;
	sed) sed -i '/^# edited/d; $ a # edited' "$file" ;;
	editor) edit_like_vim ;;
	platform) platform ;;
	platform--*) platform "${what#platform}" ;;
	esac
	# Others get their turn; without it, some of these would write all the time.
	[ "$what" = addkey ] || read -r -t 0.02 <> <(:)
done
exit 0
