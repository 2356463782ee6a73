#!/bin/bash
# The file that is released: the same bytes wherever it is built, small, static; it runs where
# there is nothing else, and on a kernel that has no system call younger than Linux 4.15.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
not_with_sanitizers "what is released has none"

# The bytes hold the commit, which is the same in both only where neither is a checkout.
copy_of_source()
{
	mkdir -p "$1"
	cp -r "$SOURCE"/{CMakeLists.txt,agent,cmake,onstart,packaging} "$1"
	"$1/packaging/release.sh" --url http://192.0.2.1/vastagent "$1/dist"
}

first=$WORLD/first
second=$WORLD/a/directory/of/another/length
check "release.sh builds; linking says what is known, and no more" copy_of_source "$first"
note "$SEEN"
umask 077
check "and elsewhere, with another umask" copy_of_source "$second"
umask 022
program=$(basename "$(find "$first/dist" -name 'vastagent-*' ! -name '*.sha256')")
for file in "$program" "$program.sha256" template.sh; do
	check "the same bytes: $file" cmp "$first/dist/$file" "$second/dist/$file"
done
check "the checksum is right" sh -c 'cd "$1" && sha256sum -c "$2.sha256"' - "$first/dist" "$program"
version=$(sed -n 's/^project(vastagent VERSION \([0-9.]*\).*/\1/p' "$SOURCE/CMakeLists.txt")
expect_eq "its name" "vastagent-$version-$(uname -m)" "$program"
expect_eq "its version" "vastagent $version" "$("$first/dist/$program" version)"
tarball_knows()
{
	local commit
	commit=$(git -c safe.directory='*' -C "$SOURCE" rev-parse --short=12 HEAD) || return
	mkdir "$WORLD/tarball"
	git -c safe.directory='*' -C "$SOURCE" archive HEAD | tar -x -C "$WORLD/tarball"
	cmake -S "$WORLD/tarball" -B "$WORLD/tarball/build" -DVASTAGENT_TESTS=OFF >/dev/null &&
		grep -q "COMMIT \"$commit\"" "$WORLD/tarball/build/generated/version.h"
}
[ ! -e "$SOURCE/.git" ] || check "a tarball of git archive knows its commit" tarball_knows
size=$(stat -c %s "$first/dist/$program")
check "$size bytes are at most 2000000" test "$size" -le 2000000
expect_no_match "it is static and stripped" 'INTERP|DYNAMIC|\.symtab|\.dynamic' \
	"$(readelf -lSW "$first/dist/$program")"
expect_match "what must not change is read-only" 'GNU_RELRO' \
	"$(readelf -lW "$first/dist/$program")"
expect_no_match "the stack, and all else that is written to, is not executable" \
	'RWE' "$(readelf -lW "$first/dist/$program")"
check_fails "nothing tells where it was built" 1 grep -aq "$WORLD" "$first/dist/$program"
text=$(cat "$first/dist/template.sh")
expect_match "the template is filled in" "url=http://192.0.2.1/vastagent.sum=$(cut -d ' ' -f 1 \
	"$first/dist/$program.sha256")" "${text//$'\n'/.}"
check "and short enough: ${#text}" test "${#text}" -le 1500

# ---- where there is nothing else ----

root=$WORLD/empty
mkdir -p "$root"/{etc,proc,dev,root}
echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
cp "$first/dist/$program" "$root/vastagent"

# It finds something here, which is status 1.
doctor_runs()
{
	local status=0
	"$@" doctor || status=$?
	[ "$status" -le 1 ]
}

# story HOW CMD...: the story of a key, the program run by CMD.
story()
{
	local how=$1
	shift
	check "$how: it starts" "$@" start
	check "$how: a key is added" "$@" addkey "$(cat "$WORLD/key.pub")"
	check "$how: the file has it" grep -q "$(cut -d ' ' -f 2 "$WORLD/key.pub")" \
		"$root/root/.ssh/authorized_keys"
	cp /dev/null "$root/root/.ssh/authorized_keys"
	check "$how: it is restored" wait_until 10 grep -q "$(cut -d ' ' -f 2 "$WORLD/key.pub")" \
		"$root/root/.ssh/authorized_keys"
	check "$how: keys" "$@" keys
	check "$how: sessions" "$@" sessions
	check "$how: forwards" "$@" forwards
	check "$how: doctor runs" doctor_runs "$@"
	check "$how: a key is removed" "$@" rmkey --all --force
	check "$how: it stops" "$@" stop
}

ssh-keygen -q -t ed25519 -N '' -f "$WORLD/key"
story "an empty root" chroot "$root" /vastagent

# What came after 4.15, by syscalls(2); strace may not know all of it. The agent is started
# in the background, since strace stays as long as it.
young='?rseq,?clone3,?close_range,?openat2,?faccessat2,?fchmodat2,?pidfd_open,?pidfd_getfd'
young="$young,?pidfd_send_signal,?epoll_pwait2,?statmount,?io_uring_setup,?cachestat"
without_young_calls()
{
	strace -f -qq -A -o "$WORLD/calls" -e "trace=$young" -e "inject=$young:error=ENOSYS" \
		chroot "$root" /vastagent "$@"
}
old_kernel()
{
	if [ "$1" != start ]; then
		without_young_calls "$@"
	else
		without_young_calls start >"$WORLD/started" 2>&1 &
		wait_until 20 chroot "$root" /vastagent status
	fi
}
story "a kernel 4.15" old_kernel
check "it was without the younger calls" grep -q 'close_range.*ENOSYS.*INJECTED' "$WORLD/calls"
