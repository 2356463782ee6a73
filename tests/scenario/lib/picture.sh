# shellcheck shell=bash
# picture: what stands in the instance where vastagent writes: names, modes, owners, links
# and bytes. Two of them are compared with diff(1).

picture()
{
	in_instance bash -c 'cd /
		{
			find etc root/.ssh home usr/local/bin var/lib/vastagent run/vastagent -not -type d
			find root var/log usr/bin -maxdepth 1 \( -name ".*" -o -name "*vastagent*" \) -not -type d
		} 2>/dev/null | sort >/tmp/names
		xargs -d "\n" stat -c "%n %a %u:%g %F %N" </tmp/names
		xargs -d "\n" sha256sum </tmp/names 2>/dev/null
		rm /tmp/names'
}

# picture_differences BEFORE AFTER: the names of the files that are not the same in both.
picture_differences()
{
	diff <(echo "$1") <(echo "$2") |
		sed -n 's/^[<>] \([0-9a-f]\{64\}  \)\{0,1\}\([^ ]*\).*/\2/p' | sort -u
}
