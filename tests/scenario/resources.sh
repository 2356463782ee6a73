#!/bin/bash
# What the agent needs is missing, used up or taken by somebody else: it says what, works as
# far as it can, and is whole again once that is over.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one --user yes
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
socket=/run/vastagent/agent.sock
status()
{
	in_instance vastagent status --json | jq -r "$1"
}
stop()
{
	in_instance vastagent stop >/dev/null
}

note "what an agent and a crash left behind"
in_instance sh -c 'mkdir -p /run/vastagent; for file in agent parent; do
	echo 1 >/run/vastagent/$file.lock; done'
in_instance python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('$socket')"
check "stale locks and a stale socket are in nobody's way" in_instance vastagent start
check_fails "an account can hold no lock" any in_instance_as user flock -n -s /run/vastagent/agent.lock true
check_fails "neither of them" any in_instance_as user flock -n -s /run/vastagent/parent.lock true
stop

note "another program on the socket's path"
in_instance python3 -c "import socket, time
s = socket.socket(socket.AF_UNIX); s.bind('$socket'); s.listen(); time.sleep(60)" &
other=$!
listens()
{
	in_instance python3 -c "import socket; socket.socket(socket.AF_UNIX).connect('$socket')"
}
check "it listens" wait_until 20 listens
check_fails "a daemon does not take it away" 73 in_instance vastagent daemon
expect_match "and says so" "another program listens on $socket" "$SEEN"
check "the other one still listens" listens
kill "$other"
wait "$other" 2>/dev/null
in_instance pkill -f 's.listen'
check "once it is gone, the path is free" in_instance vastagent start
stop

note "/run is read-only"
in_instance rm -rf /run/vastagent
machine_enter one mount -t tmpfs -o ro none /run
check_fails "start says so" 69 in_instance vastagent start
expect_match "by what it is" '/run/vastagent.*Read-only' "$SEEN"
machine_enter one umount /run

note "/proc is not mounted"
machine_enter one mount -t tmpfs none /proc
check "the agent starts" in_instance vastagent start
check "and answers" in_instance vastagent status
stop
machine_enter one umount /proc

note "no watch is to be had"
machine_enter one strace -f -o /dev/null -e inject=inotify_add_watch:error=ENOSPC \
	/usr/local/bin/vastagent daemon >/dev/null 2>&1 &
daemon=$!
warned()
{
	status '.warnings[]' | grep -q 'keys of root: the file is not watched.*max_user_watches'
}
check "status says so" wait_until 10 warned
check "a key is added all the same" in_instance vastagent addkey "$(laptop_key mate)"
stop
wait "$daemon"

# limited LIMIT...: under hard limits that a start cannot raise, all works or says why.
limited()
{
	in_instance bash -c "ulimit -H $1; exec vastagent daemon" >"$WORLD/limited" 2>&1 &
	daemon=$!
	wait_until 20 in_instance vastagent status || ! kill -0 "$daemon" 2>/dev/null ||
		fail "limit $1: it answers or ends" "$(cat "$WORLD/limited")"
}
note "few descriptors, little memory"
limited '-n 24'
check "with 24 descriptors it answers" in_instance vastagent keys
stop
wait "$daemon"
before=$(in_instance cat /root/.ssh/authorized_keys)
for kib in 3000 3400 4000; do
	limited "-v $kib"
	SEEN=$(in_instance env VASTAGENT_SOCKET=$socket timeout 15 vastagent keys 2>&1)
	expect_match "with $kib KiB of addresses a command gets an answer or a reason" \
		'mate@laptop|^vastagent: ' "$SEEN"
	in_instance vastagent stop >/dev/null 2>&1
	wait "$daemon"
	status=$?
	[ "$status" -lt 128 ] || fail "with $kib KiB it does not crash" "status $status"
	expect_eq "and the keys stay" "$before" "$(in_instance cat /root/.ssh/authorized_keys)"
done
check "without the limits all is well" in_instance vastagent addkey "$(laptop_key mate)"
