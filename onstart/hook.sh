#!/bin/sh
# hook.sh install|remove [--root DIR] [--bin PATH]
#
# Puts the login hook in place for the shells that this machine has, or takes it out
# again. Prints one line for each thing that it changed; a second run changes nothing.
# --root: work on the files below DIR. --bin: where the vastagent program is
# (/usr/local/bin/vastagent).
# shellcheck disable=SC2317 # replace calls what it is given
set -u
hook=$(cd "$(dirname "$0")/hook" && pwd) || exit 1
default_bin=/usr/local/bin/vastagent
bin=$default_bin
root=
begin='# BEGIN vastagent'
end='# END vastagent'
status=0

usage()
{
	echo 'usage: hook.sh install|remove [--root DIR] [--bin PATH]' >&2
	exit 64
}

complain()
{
	echo "hook.sh: $1" >&2
	status=73
}

# replace TARGET WHAT CMD...: what CMD prints becomes the file, at once or not at all.
# An existing file keeps its owner and mode, a link stays a link.
replace()
{
	name=$1
	what=$2
	target=$1
	shift 2
	[ ! -L "$target" ] || target=$(readlink -f "$target")
	new=$target.vastagent-new
	rm -f "$new"
	if [ -e "$target" ]; then
		cp -p "$target" "$new"
	else
		(umask 022 && : >"$new")
	fi && "$@" >"$new" && mv -f "$new" "$target" && echo "$what $name" && return 0
	rm -f "$new"
	complain "cannot write $name"
}

# The shells' search path is not ours: a fish or zsh of --root counts, not our own.
has_program()
{
	for directory in usr/local/bin usr/bin bin; do
		[ ! -x "$root/$directory/$1" ] || return 0
	done
	return 1
}

remove_file()
{
	[ -e "$1" ] || [ -L "$1" ] || return 0
	if rm -f "$1"; then
		echo "removed $1"
	else
		complain "cannot remove $1"
	fi
}

# ---- files that are ours alone ----

own_file()
{
	sed "s|$default_bin|$bin|g" "$hook/$1"
}

install_file()
{
	mkdir -p "$(dirname "$2")" || {
		complain "cannot make $(dirname "$2")"
		return
	}
	if [ ! -f "$2" ] || ! own_file "$1" | cmp -s - "$2"; then
		replace "$2" wrote own_file "$1"
	fi
}

# ---- our block in a file that is not ours ----

has_block()
{
	[ -f "$1" ] && grep -q "^$begin" "$1"
}

# Both marks, once each, in this order: else somebody else has been at work.
is_whole()
{
	[ "$(grep -e "^$begin" -e "^$end\$" "$1" | cut -d ' ' -f 2 | tr '\n' ' ')" = 'BEGIN END ' ]
}

# What the file was before is kept in the first line, so that removing is exact.
block()
{
	sed "1s/\$/$1/" "$hook/zprofile"
}

with_block()
{
	if [ ! -s "$1" ] || [ -z "$(tail -c 1 "$1")" ]; then
		cat "$1" && block ''
	else
		cat "$1" && echo && block ' [no newline before]'
	fi
}

append_block()
{
	file=$1
	! has_block "$file" || return 0
	if [ -e "$file" ]; then
		replace "$file" 'added the hook to' with_block "$file"
	else
		replace "$file" wrote block ' [new file]'
	fi
}

without_block()
{
	sed "/^$begin/,/^$end\$/d" "$1"
}

# The shell cuts off the newline that was added: it is the last one.
without_block_and_newline()
{
	rest=$(without_block "$1") && printf '%s' "$rest"
}

remove_block()
{
	file=$1
	has_block "$file" || return 0
	if ! is_whole "$file"; then
		complain "$file: the hook's marks are not as they were; take it out by hand"
		return
	fi
	case $(grep "^$begin" "$file"):$(tail -n 1 "$file") in
	*'[new file]':"$end")
		[ -n "$(without_block "$file")" ] || {
			remove_file "$file"
			return
		}
		;;
	*'[no newline before]':"$end")
		replace "$file" 'took the hook out of' without_block_and_newline "$file"
		return
		;;
	esac
	replace "$file" 'took the hook out of' without_block "$file"
}

# Debian, Alpine and Arch build zsh with /etc/zsh, Fedora and zsh itself with /etc.
zsh_files()
{
	if [ -d "$root/etc/zsh" ]; then
		echo "$root/etc/zsh/zprofile"
	fi
	if [ -e "$root/etc/zprofile" ] || { [ ! -d "$root/etc/zsh" ] && has_program zsh; }; then
		echo "$root/etc/zprofile"
	fi
}

install()
{
	install_file zz-vastagent.sh "$root/etc/profile.d/zz-vastagent.sh"
	for file in $(zsh_files); do
		append_block "$file"
	done
	if has_program fish; then
		install_file vastagent.fish "$root/etc/fish/conf.d/vastagent.fish"
	fi
}

remove()
{
	remove_file "$root/etc/profile.d/zz-vastagent.sh"
	remove_block "$root/etc/zsh/zprofile"
	remove_block "$root/etc/zprofile"
	remove_file "$root/etc/fish/conf.d/vastagent.fish"
}

[ $# -gt 0 ] || usage
verb=$1
shift
while [ $# -gt 0 ]; do
	[ $# -ge 2 ] || usage
	case $1 in
	--root) root=${2%/} ;;
	--bin) bin=$2 ;;
	*) usage ;;
	esac
	shift 2
done
case $bin in
/*[!A-Za-z0-9/._+-]* | [!/]* | '')
	echo "hook.sh: --bin takes an absolute path without special characters" >&2
	exit 64
	;;
esac
case $verb in
install) install ;;
remove) remove ;;
*) usage ;;
esac
exit "$status"
