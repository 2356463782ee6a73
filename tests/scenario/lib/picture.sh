# shellcheck shell=bash
# picture: what stands in the instance where vastagent writes: names, modes, owners, links
# and bytes. Two of them are compared with diff(1). Looked at from outside, since an image may
# lack what that takes.

picture()
{
	(
		cd "/proc/$(machine_pid "$INSTANCE")/root" || exit
		names=$({
			find etc root/.ssh home usr/local/bin var/lib/vastagent run/vastagent -not -type d
			find root var/log usr/bin -maxdepth 1 \( -name ".*" -o -name "*vastagent*" \) -not -type d
		} 2>/dev/null | sort)
		xargs -d "\n" stat -c "%n %a %u:%g %F %N" <<<"$names"
		while IFS= read -r name; do
			[ -L "$name" ] || printf '%s\n' "$name"
		done <<<"$names" | xargs -d "\n" sha256sum
	)
}

# picture_differences BEFORE AFTER: the names of the files that are not the same in both.
picture_differences()
{
	diff <(echo "$1") <(echo "$2") |
		sed -n 's/^[<>] \([0-9a-f]\{64\}  \)\{0,1\}\([^ ]*\).*/\2/p' | sort -u
}
