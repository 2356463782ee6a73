#!/bin/bash
# An account's owner puts links, FIFOs, directories and the like at every name that the
# agent touches in the home, and swaps them while it works. Root's files stay as they
# are, root opens nothing under that home, the agent answers, and everybody else's keys
# are looked after.
#
# HOSTILE_SECONDS (2) is how long each name is swapped.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
helpers=$SOURCE/tests/scenario/hostile_home
seconds=${HOSTILE_SECONDS:-2}
tmp=$WORLD/machines/one/tmp

instance_start one --user yes
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
cc -O1 -Wall -o "$tmp/swapper" "$helpers/swapper.c" || fail "the swapper is built"
for name in new second; do
	in_instance ssh-keygen -q -t ed25519 -N '' -C "$name@test" -f "/tmp/$name"
done

# What must not change: a secret, a directory, a file of keys that root would like to
# keep, and a file anybody can read.
in_instance sh -c 'mkdir -m 700 /root/canary; mkdir -m 755 /srv/canary
	echo secret >/root/canary/secret; echo secret >/etc/canary; chmod 600 /etc/canary
	echo open >/srv/canary/open; cp /root/.ssh/authorized_keys /srv/canary/authorized_keys'
canaries()
{
	in_instance sh -c 'find /root/canary /srv/canary /etc/canary /etc/shadow /etc/passwd \
		-printf "%p %i %u %g %m %s %T@ %n\n" | sort; cat /root/canary/* /srv/canary/* /etc/canary |
		sha256sum'
}

check "the agent starts" in_instance vastagent start
check "with a key of that account" in_instance vastagent addkey --user user /tmp/second.pub
before=$(canaries)
daemon=$(in_instance vastagent status --json | jq .pid)
helper=$(in_instance pgrep -x vastagent-help)
strace --version >/dev/null || skip "strace is not installed"

# From here on every call with a path is recorded, with those that change ids.
machine_enter one strace -f -q -y -o /tmp/trace -e trace=%file,setresuid,clone,clone3,fork,vfork \
	-p "$daemon" -p "$helper" 2>"$tmp/strace.err" &
tracing=$!
attached()
{
	[ "$(machine_enter one cat "/proc/$daemon/status" "/proc/$helper/status" |
		grep -c 'TracerPid:[[:space:]]*[1-9]')" -eq 2 ]
}

# As the owner: the same shape at one name, then addkey and rmkey by root and by owner.
attempt()
{
	in_instance timeout 20 vastagent addkey --user user /tmp/new.pub >"$tmp/out" 2>&1
	status=$?
	[[ $status =~ ^(0|73|75)$ ]] || fail "$1: addkey ends in an answer" "status $status: $(cat "$tmp/out")"
	in_instance timeout 20 vastagent rmkey --force --user user new@test >/dev/null 2>&1
	in_instance vastagent status >/dev/null || fail "$1: the agent answers"
	[ "$(canaries)" = "$before" ] || fail "$1: root's files are as they were" "$(diff <(echo "$before") <(canaries))"
}

owner()
{
	in_instance_as user sh -c "$1"
}

wait_until 20 attached || fail "strace is attached" "$(cat "$tmp/strace.err")"

note "at each name, each thing"
names='.ssh .ssh/authorized_keys .bashrc'
for name in $names; do
	for thing in 'ln -s /root/canary/secret' 'ln -s /root/canary' 'ln -s /srv/canary' \
		'ln -s /srv/canary/authorized_keys' 'ln -s /etc/canary' 'ln -s /etc/shadow' \
		'ln -s /proc/self/fd/3' 'ln -s /proc/1/root/etc/canary' 'ln -s /nowhere' 'ln -s .' \
		'ln /srv/canary/open' mkfifo mkdir; do
		owner "cd; mv $name $name.away 2>/dev/null; $thing $name" 2>/dev/null
		attempt "$thing $name"
		owner "cd; rm -rf $name; ! test -e $name.away || mv $name.away $name"
	done
	passed "$name"
done

note "a leftover that is no file"
for thing in 'ln -s /root/canary/secret' mkdir mkfifo; do
	owner "cd ~/.ssh && $thing .authorized_keys.vastagent-0123456789abcdef"
	attempt "$thing at a temporary name"
	owner 'cd ~/.ssh && rm -rf .authorized_keys.vastagent-*'
done
passed "at a temporary name"

note "swapped while it works, $seconds s each"
for name in .ssh .ssh/authorized_keys .bashrc; do
	owner "/tmp/swapper $seconds ~/$name /root/canary/secret /srv/canary" >"$tmp/swapped" &
	swapping=$!
	tries=0
	while kill -0 "$swapping" 2>/dev/null; do
		attempt "swapped $name"
		tries=$((tries + 1))
	done
	wait "$swapping"
	[ "$(cat "$tmp/swapped")" -gt 100 ] || fail "$name was swapped often enough"
	owner "cd; rm -rf .ssh.real .ssh.other .ssh/*.other .bashrc.other"
	passed "$name: $tries tries, $(cat "$tmp/swapped") swaps"
done

note "afterwards"
expect_eq "root's files are as they were" "$before" "$(canaries)"
restored()
{
	in_instance vastagent addkey --user user /tmp/new.pub
}
owner 'cd; test -d .ssh && ! test -L .ssh || { rm -rf .ssh; mkdir -m 700 .ssh; }
	test -f .ssh/authorized_keys || rm -rf .ssh/authorized_keys'
check "the account can have keys again" wait_until 10 restored
platform refresh
check "root's keys were looked after" in_instance vastagent addkey /tmp/second.pub

machine_enter one kill -INT "$(machine_enter one pgrep -x strace)"
wait "$tracing"
cp "$tmp/trace" "$WORLD/trace"
check "root opened, made, changed and asked for nothing under that home" \
	python3 "$helpers/trace.py" "$WORLD/trace" "$daemon" /home/user
note "$SEEN"
