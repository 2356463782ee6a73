#!/bin/bash
# What the agent gives up once it runs, tried from inside: no program, no network, no code,
# no dump. What needs more is done by its helper, whose end is repaired or said.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
not_with_sanitizers "they need system calls that the filter refuses"

# The agent as it is seen from this world, for what needs every capability.
outside()
{
	local process inside=$1 namespace
	namespace=$(readlink "/proc/$(machine_pid "$INSTANCE")/ns/pid")
	for process in /proc/[0-9]*; do
		[ "$(readlink "$process/ns/pid" 2>/dev/null)" = "$namespace" ] &&
			grep -qsE "^NSpid:.*[[:space:]]$inside\$" "$process/status" &&
			echo "${process#/proc/}"
	done
}
status()
{
	in_instance vastagent status --json | jq -r "$1"
}
agent()
{
	in_instance pgrep -x -o vastagent
}
helper()
{
	in_instance pgrep -x vastagent-help
}
# field NAME PID: of /proc/PID/status
field()
{
	in_instance sed -n "s/^$1:[[:space:]]*//p" "/proc/$2/status"
}

instance_start one --user yes
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
in_instance sh -c 'ulimit -c unlimited; vastagent start' >/dev/null ||
	fail "the agent starts"
agent=$(agent)
if [ "$(status .filter)" != on ]; then
	skip "this build or this kernel has no filter for system calls: $(status .filter)"
fi

note "what the kernel says of it"
# chown, dac_override, fowner, kill, setgid, setuid
kept=00000000000000eb
confined()
{
	local what=$1 pid=$2 set
	expect_eq "$what: no new privileges" 1 "$(field NoNewPrivs "$pid")"
	expect_eq "$what: a filter" 2 "$(field Seccomp "$pid")"
	for set in Prm Eff Bnd; do
		expect_eq "$what: capabilities, $set" "$kept" "$(field Cap$set "$pid")"
	done
	for set in Inh Amb; do
		expect_eq "$what: capabilities, $set" 0000000000000000 "$(field Cap$set "$pid")"
	done
}
confined "the agent" "$agent"
helper=$(helper)
expect_eq "the helper is its child" "$agent" "$(field PPid "$helper")"
expect_eq "the helper: no new privileges" 1 "$(field NoNewPrivs "$helper")"
expect_eq "the helper runs programs" 0 "$(field Seccomp "$helper")"
expect_eq "with what sshd has" "$(field CapEff "$(in_instance pgrep -x -o sshd)")" \
	"$(field CapEff "$helper")"
expect_eq "the helper holds its socket, and what it says" '0 1 2 3' \
	"$(cd "/proc/$(outside "$helper")/fd" && echo *)"

note "a process that works on keys is no freer"
# It waits for this writer.
in_instance sh -c 'exec 3>>/root/.ssh/authorized_keys; echo >/tmp/writes; exec sleep 60' &
wait_until 20 in_instance test -s /tmp/writes || fail "somebody writes to the file"
check "a key is added" in_instance vastagent addkey "$(laptop_key mate)"
worker()
{
	in_instance pgrep -x -P "$agent" vastagent
}
check "who looks for late writers is there" wait_until 20 worker
worker=$(worker | head -n 1)
expect_eq "a worker: no new privileges" 1 "$(field NoNewPrivs "$worker")"
expect_eq "a worker: a filter" 2 "$(field Seccomp "$worker")"
expect_eq "a worker: capabilities" "$kept" "$(field CapBnd "$worker")"
in_instance pkill -x sleep

note "tried from inside"
no_worker()
{
	! in_instance pgrep -P "$agent" -x vastagent
}
wait_until 20 no_worker || fail "the agent waits"
if [ "$(uname -m)" = x86_64 ]; then
	forbidden=(execve 'socket inet' 'socket inet6' 'socket netlink' 'socket packet' ptrace
		mount unshare bpf keyctl init_module kexec_load 'executable memory')
	tried=$(python3 "$SOURCE/tests/scenario/privilege/inject.py" "$(outside "$agent")" getpid \
		'socket unix' "${forbidden[@]}" 'dumpable again' getpid)
	expect_eq "what it needs works" "$(printf '%s: done\n' getpid 'socket unix' getpid)" \
		"$(grep ': done$' <<<"$tried")"
	for call in "${forbidden[@]}"; do
		expect_eq "$call is refused" "$call: EPERM" "$(grep "^$call: " <<<"$tried")"
	done
	expect_eq "it cannot be made dumpable" "dumpable again: ENOSYS" \
		"$(grep '^dumpable' <<<"$tried")"
	# The same on a process without a filter, or the test would prove nothing.
	in_instance sleep 1000 &
	check "a process without a filter" wait_until 20 in_instance pgrep -x sleep
	expect_eq "may do what is its own" "$(printf '%s: done\n' 'socket inet' 'executable memory')" \
		"$(python3 "$SOURCE/tests/scenario/privilege/inject.py" \
			"$(outside "$(in_instance pgrep -x sleep)")" 'socket inet' 'executable memory')"
	in_instance pkill -x sleep
	expect_eq "the agent goes on" "$agent" "$(status .pid)"
fi

note "no look into its memory"
check "root of the container sees what is its own" in_instance sh -c 'cat /proc/$$/maps'
check_fails "but not the agent's memory" any in_instance cat "/proc/$agent/maps"
check_fails "nor the helper's" any in_instance cat "/proc/$helper/maps"
in_instance mkdir /tmp/cores
in_instance sh -c 'cd /tmp/cores && ulimit -c unlimited && sh -c "kill -SEGV \$\$"' 2>/dev/null
cores=$(in_instance ls -A /tmp/cores)
note "a shell that crashes leaves: ${cores:-no file on this machine}"
in_instance kill -SEGV "$agent"
# is_back RESTARTS: with a helper
is_back()
{
	[ "$(status .restarts)" = "$1" ] && helper
}
check "the agent crashes and is back" wait_until 20 is_back 1
expect_eq "it was that" 'signal 11 (Segmentation fault)' "$(status .restarted_after)"
expect_eq "it left no core file where it works" '' \
	"$(in_instance find / -maxdepth 1 -name '*core*' -type f)"
agent=$(agent)

note "a helper that is killed"
in_instance kill -KILL "$(helper)"
check "the agent comes back with another" wait_until 20 is_back 2
expect_match "the log says why" 'the helper process has ended; the agent is started again' \
	"$(in_instance cat /var/log/vastagent.log)"
expect_eq "there is nothing to warn of" '' "$(status '.warnings[]')"
check "sessions are told" in_instance vastagent sessions
check "keys are kept" in_instance grep -q mate@laptop /root/.ssh/authorized_keys
expect_eq "one helper" 1 "$(helper | wc -l)"

note "a helper that hangs holds nobody up"
in_instance kill -STOP "$(helper)"
in_instance vastagent sessions >"$WORLD/sessions" 2>&1 &
asked=$!
check "keys are listed meanwhile" in_instance timeout 8 vastagent keys
check "and added" in_instance timeout 8 vastagent addkey "$(laptop_key other)"
in_instance kill -CONT "$(helper)"
wait "$asked" || fail "the question is answered when it goes on" "$(cat "$WORLD/sessions")"
passed "the question is answered when it goes on"
in_instance kill -STOP "$(helper)"
check "a key is taken away, though nobody says who is logged in" \
	in_instance timeout 14 vastagent rmkey other@laptop
expect_match "which is said" 'which sessions are open is not known' "$SEEN"
in_instance kill -CONT "$(helper)"

note "the helper ends with its agent"
gone()
{
	! in_instance pgrep -x 'vastagent|vastagent-keep|vastagent-help'
}
check "the agent stops" in_instance vastagent stop
check "and nothing is left" wait_until 20 gone

note "nobody who starts it again"
in_instance sh -c 'exec vastagent daemon >/tmp/daemon.log 2>&1' &
check "an agent in the foreground" wait_until 20 in_instance vastagent status
agent=$(agent)
in_instance kill -KILL "$(helper)"
warned()
{
	status '.warnings[]' | grep -q 'helper process has ended.*vastagent stop; vastagent start'
}
check "the loss is said" wait_until 20 warned
check_fails "who asks for sessions is told" any in_instance vastagent sessions
expect_match "so" 'helper process, which reads /proc, has ended' "$SEEN"
expect_eq "the agent is the same" "$agent" "$(status .pid)"
check "keys are listed" in_instance vastagent keys
check "and added" in_instance vastagent addkey "$(laptop_key third)"
check "for an account that it did not know, too" \
	in_instance vastagent addkey --user user "$(laptop_key fourth)"
check "which gets in" laptop_ssh -i /root/.ssh/fourth -o IdentitiesOnly=yes user@one true
check "and are taken away" in_instance vastagent rmkey third@laptop
check "it stops" in_instance vastagent stop
check "and nothing is left" wait_until 20 gone
