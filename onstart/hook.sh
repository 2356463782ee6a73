#!/bin/sh
# hook.sh install|remove [--root DIR] [--bin PATH]
#
# Puts the login hook and the lines that read the instance's variables in place for the
# shells that this machine has, or takes them out again. Prints one line for each thing
# that it changed; a second run changes nothing.
# --root: work on the files below DIR. --bin: where the vastagent program is
# (/usr/local/bin/vastagent).
# shellcheck disable=SC2317 # replace calls what it is given
set +e -u
unset CDPATH
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
	[ "$bin" = "$default_bin" ] && cmp -s "$hook/$1" "$2" && return
	[ -d "${2%/*}" ] || mkdir -p "${2%/*}" || {
		complain "cannot make ${2%/*}"
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
	sed "1s/\$/$2/" "$hook/$1"
}

with_block_last()
{
	if [ ! -s "$1" ] || [ -z "$(tail -c 1 "$1")" ]; then
		cat "$1" && block "$2" ''
	else
		cat "$1" && echo && block "$2" ' [no newline before]'
	fi
}

with_block_first()
{
	block "$2" '' && cat "$1"
}

# What stands in the file is this block, whatever the note in its first line.
has_this_block()
{
	sed -n "/^$begin/,/^$end\$/{/^$begin/s/ \[[a-z ]*]\$//;p;}" "$1" | cmp -s - "$hook/$2"
}

# add_block FILE BLOCK first|last: another version's is taken out first.
add_block()
{
	file=$1
	mkdir -p "${file%/*}"
	[ ! -f "$file" ] || ! has_this_block "$file" "$2" || return 0
	if has_block "$file"; then
		remove_block "$file"
		! has_block "$file" || return 0
	fi
	if [ -e "$file" ]; then
		replace "$file" 'added the hook to' "with_block_$3" "$file" "$2"
	else
		replace "$file" wrote block "$2" ' [new file]'
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

# Debian, Alpine and Arch build zsh with /etc/zsh, Fedora and zsh itself with /etc. Where an
# image has no such directory, the program knows.
reads_etc_zsh()
{
	[ -d "$root/etc/zsh" ] || grep -qs /etc/zsh/ \
		"$root/usr/local/bin/zsh" "$root/usr/bin/zsh" "$root/bin/zsh"
}

zsh_files()
{
	if reads_etc_zsh; then
		echo "$root/etc/zsh/$1"
	fi
	if [ -e "$root/etc/$1" ] || { ! reads_etc_zsh && has_program zsh; }; then
		echo "$root/etc/$1"
	fi
}

# What bash reads for commands, too: Debian's and Arch's, Alpine's, Fedora's.
bash_files()
{
	for file in "$root/etc/bash.bashrc" "$root/etc/bash/bashrc" "$root/etc/bashrc"; do
		[ ! -e "$file" ] || echo "$file"
	done
}

install()
{
	# First: the login comes after it, and takes the variables along.
	install_file environment "$root/etc/profile.d/zz-vastagent-environment.sh"
	install_file zz-vastagent.sh "$root/etc/profile.d/zz-vastagent.sh"
	# Every distribution's reads profile.d; one that an image wrote itself may not.
	if has_block "$root/etc/profile" || ! grep -qs '^[^#]*profile\.d' "$root/etc/profile"; then
		add_block "$root/etc/profile" profile last
	fi
	# At its top, since distributions return early where nobody types.
	for file in $(bash_files); do
		add_block "$file" environment first
	done
	for file in $(zsh_files zshenv); do
		add_block "$file" environment last
	done
	for file in $(zsh_files zprofile); do
		add_block "$file" zprofile last
	done
	if has_program fish; then
		install_file vastagent.fish "$root/etc/fish/conf.d/vastagent.fish"
	fi
}

remove()
{
	remove_file "$root/etc/profile.d/zz-vastagent.sh"
	remove_file "$root/etc/profile.d/zz-vastagent-environment.sh"
	for file in profile bash.bashrc bash/bashrc bashrc zsh/zshenv zshenv zsh/zprofile zprofile; do
		remove_block "$root/etc/$file"
	done
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
