#!/bin/bash
# machine.sh DIRECTORY KIND PROGRAM ARG...
#
# Turns the namespaces that it is started in into a machine of its own: a
# copy-on-write copy of the root, with its own /dev, /proc, /tmp and /run, and
# becomes PROGRAM as its process 1, with the environment in DIRECTORY/environ.
# KIND "container" has Docker's default capabilities, "full" keeps all.
#
# DIRECTORY holds what stays when the machine is stopped: upper/ (changed files),
# tmp/ and run/. Its caller puts there: base (the root that is copied), environ (NAME=VALUE, each ended by a zero
# byte), files/ (laid over the copy at the first start), shown (directories to be
# seen, one a line). Nothing outside of it is written to.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/scenario/lib/capabilities.sh
. "$here/capabilities.sh"
directory=$1
kind=$2
shift 2
root=$directory/root

# /proc is still the outer one here, so this is the process id as others see it. It
# is told when the machine stands: from then on, others may enter.
read -r pid _ </proc/self/stat
exec 3>"$directory/pid"

# Caches of whoever works on the machine that lends its root: large, and changing all the while.
hide_caches()
{
	local path
	[ ! -e "$directory/cleaned" ] || return 0
	install -d -m 700 "$directory/upper/root"
	for path in .cache .config .npm; do
		mknod "$directory/upper/root/$path" c 0 0
	done
}

mount_root()
{
	mkdir -p "$root" "$directory"/{upper,work,tmp,run}
	chmod 1777 "$directory/tmp"
	hide_caches
	mount -t overlay overlay \
		-o "lowerdir=$(cat "$directory/base"),upperdir=$directory/upper,workdir=$directory/work" "$root"
	mount --bind "$directory/tmp" "$root/tmp"
	mount --bind "$directory/run" "$root/run"
	mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
}

mount_dev()
{
	local dev=$root/dev
	mount -t tmpfs -o mode=755,nosuid,size=64k tmpfs "$dev"
	mkdir "$dev/pts" "$dev/shm"
	mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$dev/pts"
	mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$dev/shm"
	cp -a /dev/{null,zero,full,random,urandom,tty} "$dev"
	ln -s pts/ptmx "$dev/ptmx"
	ln -s /proc/self/fd "$dev/fd"
	ln -s /proc/self/fd/0 "$dev/stdin"
	ln -s /proc/self/fd/1 "$dev/stdout"
	ln -s /proc/self/fd/2 "$dev/stderr"
}

# What the copy of the root does not show, because it is mounted from elsewhere or
# lies in /tmp, stands at its path in the machine too, copy-on-write like the rest.
show_directory()
{
	local path=$1
	local layers=$directory/shown-layers${path//\//-}
	[ -d "$path" ] && [ -z "$(ls -A "$root$path" 2>/dev/null)" ] || return 0
	mkdir -p "$layers/upper" "$layers/work" "$root$path"
	mount -t overlay overlay \
		-o "lowerdir=$path,upperdir=$layers/upper,workdir=$layers/work" "$root$path"
}

# The machine that lends its root is a developer's or a builder's: what would make
# the copy differ from a fresh Debian goes, and so does a vastagent installed on it.
clean_files()
{
	cd "$root"
	rm -rf root/.ssh root/.no_auto_tmux root/.hushlogin root/.tmux.conf root/.inputrc \
		root/.bash_profile root/.bash_login root/.bash_logout root/.bash_history \
		root/.zshenv root/.zprofile root/.zshrc root/.zlogin root/.gitconfig \
		root/onstart.sh root/hasbooted \
		usr/local/bin/vastagent usr/bin/vastagent etc/vastagent.conf etc/vastagent \
		var/lib/vastagent var/log/vastagent* etc/profile.d/*vastagent* \
		etc/fish/conf.d/*vastagent* etc/vast_agents etc/vast_boot.d etc/ssh/ssh_host_*
	local file
	for file in bashrc profile; do
		[ ! -e "usr/share/base-files/dot.$file" ] ||
			cp "usr/share/base-files/dot.$file" "root/.$file"
	done
	for file in etc/bash.bashrc etc/zsh/zprofile etc/zsh/zshenv; do
		! grep -qs vastagent "$file" || sed -i /vastagent/d "$file"
	done
	: >etc/environment
	touch "$directory/cleaned"
}

lay_files()
{
	cp -a "$directory/files/." "$root"
	touch "$directory/laid"
}

enter_root()
{
	cd "$root"
	mkdir -p .outside
	pivot_root . .outside
	cd /
	umount -l /.outside
	rmdir /.outside
}

mount_root
mount_dev
while read -r path; do
	show_directory "$path"
done <"$directory/shown"
if [ ! -e "$directory/cleaned" ]; then
	clean_files
fi
if [ ! -e "$directory/laid" ]; then
	lay_files
fi
hostname "$(basename "$directory")"
ip link set lo up

mapfile -d '' -t environment <"$directory/environ"
with_capabilities=()
[ "$kind" = full ] || with_capabilities=("${CONTAINER_CAPABILITIES[@]}")
enter_root
echo "$pid" >&3
exec 3>&-
exec "${with_capabilities[@]}" env -i "${environment[@]}" "$@"
