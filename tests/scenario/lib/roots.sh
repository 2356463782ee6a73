#!/bin/bash
# roots.sh DIRECTORY NAME...
#
# Makes the roots of other images as DIRECTORY/NAME with debootstrap, where they are not there
# yet: minbase and what the stories need. NAME is debian-11, debian-12, debian-13,
# ubuntu-18.04, ubuntu-20.04, ubuntu-22.04 or ubuntu-24.04. Packages are set up in namespaces
# without a network, which end with it: nothing can start on this machine, or stay. The status
# is 77 where one is not to be had, and 1 where everything must run (CI=true).
set -eu
packages=openssh-server,tmux,procps,iproute2,rsync,zsh,fish,sudo,python3
ubuntu=http://archive.ubuntu.com/ubuntu

complain()
{
	echo "roots.sh: $*" >&2
	[ "${CI:-}" != true ] || exit 1
	exit 77
}

# Debian has no keyring of Ubuntu's: it comes from there, and must be this one.
keyring_package="ubuntu-keyring_2023.11.28.1_all.deb"
keyring_sum=36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8

ubuntu_keyring()
{
	local package=$directory/$keyring_package
	[ ! -e "$directory/ubuntu.gpg" ] || return 0
	curl -fsS --max-time 60 -o "$package" "$ubuntu/pool/main/u/ubuntu-keyring/$keyring_package" ||
		complain "Ubuntu's keyring is not to be had"
	echo "$keyring_sum  $package" | sha256sum --quiet -c ||
		complain "that is not Ubuntu's keyring: $package"
	dpkg-deb --fsys-tarfile "$package" |
		tar -xO ./usr/share/keyrings/ubuntu-archive-keyring.gpg >"$directory/ubuntu.gpg.new"
	mv "$directory/ubuntu.gpg.new" "$directory/ubuntu.gpg"
}

# suite_of NAME: debootstrap's name of it.
suite_of()
{
	case $1 in
	debian-11) echo bullseye ;;
	debian-12) echo bookworm ;;
	debian-13) echo trixie ;;
	ubuntu-18.04) echo bionic ;;
	ubuntu-20.04) echo focal ;;
	ubuntu-22.04) echo jammy ;;
	ubuntu-24.04) echo noble ;;
	*) complain "there is no recipe for $1" ;;
	esac
}

# set_up NAME DIRECTORY SUITE
set_up()
{
	local options=() mirror=http://deb.debian.org/debian script=()
	case $1 in
	ubuntu-*)
		options=("--components=main,universe" "--keyring=$directory/ubuntu.gpg")
		mirror=$ubuntu
		script=(gutsy) # what those of all later ones are links to, where they are known
		;;
	esac
	debootstrap --foreign --variant=minbase "--include=$packages" "${options[@]}" \
		"$3" "$2" "$mirror" "${script[@]}" &&
		unshare --mount --pid --net --ipc --uts --fork --kill-child \
			chroot "$2" /debootstrap/debootstrap --second-stage
}

make_root()
{
	local new=$directory/$1.new log=$directory/$1.log suite
	suite=$(suite_of "$1")
	rm -rf --one-file-system "$new"
	if ! set_up "$1" "$new" "$suite" >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		complain "debootstrap of $1 failed: see $log"
	fi
	rm -rf "$new"/var/cache/apt/archives/*.deb "$new"/var/lib/apt/lists/*
	mv "$new" "$directory/$1"
}

[ "$(id -u)" -eq 0 ] || complain "debootstrap needs root"
mkdir -p "$1"
directory=$(cd "$1" && pwd)
shift
exec 9>"$directory/lock"
flock 9
for name; do
	case $name in
	ubuntu-*) ubuntu_keyring ;;
	esac
	[ -d "$directory/$name" ] || make_root "$name" 9>&-
done
