#!/bin/bash
# An agent that is killed answers again (a note says how soon) with its keys, its store and
# its journal as they were; one that cannot live is started with growing pauses. Where its
# parent is killed too, root's next command or login brings it back; one that was stopped
# stays stopped.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
check "the hook is installed" in_instance "$SOURCE/onstart/hook.sh" install
check "the agent starts" in_instance vastagent start
check "a key is added" in_instance vastagent addkey "$(laptop_key mate)"

status()
{
	in_instance vastagent status --json | jq -r "$1"
}
agent()
{
	in_instance pgrep -x -o vastagent
}
parent()
{
	in_instance pgrep -x vastagent-keep
}
none_runs()
{
	! in_instance pgrep -x 'vastagent|vastagent-keep'
}
# answers PID: another agent than that.
answers()
{
	local now
	now=$(status '.pid // empty' 2>/dev/null) && [ -n "$now" ] && [ "$now" != "$1" ]
}
# What must be the same before and after: what is promised, and what is written down.
kept()
{
	in_instance sh -c 'jq -S "del(.generation, .written)" /var/lib/vastagent/keys/root.json
		jq -r "[.event, .fingerprint, .time] | @tsv" /var/lib/vastagent/events.jsonl
		grep -v "^#" /root/.ssh/authorized_keys'
}
# Milliseconds from the agent's death by a signal to the next one's first answer.
death_to_answer()
{
	local old start
	old=$(agent)
	start=${EPOCHREALTIME/[.,]/}
	in_instance kill -"$1" "$old"
	wait_until 30 answers "$old" || fail "an agent killed by $1 comes back"
	echo $(((${EPOCHREALTIME/[.,]/} - start) / 1000))
}
log_lines()
{
	in_instance grep -c 'parent: ' /var/log/vastagent.log
}

before=$(kept)
count=0
# Sanitizers would report SIGSEGV.
crash=(SEGV 11)
! sanitized || crash=(ABRT 6)
for signal in KILL "${crash[0]}"; do
	took=$(death_to_answer "$signal") || exit 1
	count=$((count + 1))
	note "SIG$signal to answer: $took ms"
	passed "SIG$signal: it answers again"
	expect_eq "with all it had" "$before" "$(kept)"
	expect_eq "status counts" $count "$(status .restarts)"
	expect_eq "the log has a line for each" $count "$(log_lines)"
done
expect_match "status says why" "restarted: 2 times, the last time after signal ${crash[1]}" \
	"$(in_instance vastagent status)"
expect_match "an agent without a past has none" '^[0-9]+ 0 null$' "$(in_instance sh -c 'vastagent stop >/dev/null
	vastagent start >/dev/null; vastagent status --json | jq -r "\"\(.pid) \(.restarts) \(.restarted_after)\""')"

note "while it was dead the file was rewritten"
old=$(agent)
in_instance sh -c "kill -KILL $old; grep -v mate@ /root/.ssh/authorized_keys | grep -v '^#' >/tmp/rest
	cat /tmp/rest >/root/.ssh/authorized_keys"
has_mate()
{
	in_instance grep -q mate@ /root/.ssh/authorized_keys
}
check "the next one puts the key back" wait_until 20 has_mate
check "which lets its owner in" laptop_ssh -i .ssh/mate root@one true

note "the parent"
inside=$(in_instance sh -c "grep '^Rss' /proc/$(parent)/smaps_rollup | tr -dc 0-9
	echo; grep '^Private_Dirty' /proc/$(parent)/smaps_rollup | tr -dc 0-9; echo; ls /proc/$(parent)/fd | wc -l")
note "resident and written KiB, descriptors:" "$(tr '\n' ' ' <<<"$inside")"
in_valgrind || # which has some of its own
	expect_eq "holds its lock and the standard three" 4 "$(sed -n 3p <<<"$inside")"
wakeups()
{
	in_instance grep ctxt_switches "/proc/$(parent)/status"
}
# What a killed agent left behind may end once more.
alone()
{
	[ "$(in_instance pgrep -P "$(parent)")" = "$(agent)" ]
}
check "it has the agent and no other child" wait_until 15 alone
before=$(wakeups)
in_instance vastagent addkey "$(laptop_key other)" >/dev/null
expect_eq "it is not woken while the agent works" "$before" "$(wakeups)"
old=$(status .pid)
in_instance kill -HUP "$(parent)"
reloaded()
{
	in_instance grep -q 'read /etc/vastagent.conf again' /var/log/vastagent.log
}
check "passes SIGHUP on" wait_until 20 reloaded
expect_eq "to an agent that lives on" "$old" "$(status .pid)"
in_instance kill -TERM "$(parent)"
check "and SIGTERM, after which nothing is left" wait_until 20 none_runs
check_fails "nor a socket" any in_instance test -e /run/vastagent/agent.sock

note "an agent that dies again and again"
in_instance vastagent start >/dev/null
old_parent=$(parent)
# Its state is no directory: it cannot start, until that is over.
cannot_live()
{
	in_instance sh -c 'mv /var/lib/vastagent /var/lib/vastagent-away; touch /var/lib/vastagent'
	in_instance kill -KILL "$(agent)"
}
can_live()
{
	in_instance sh -c 'rm /var/lib/vastagent; mv /var/lib/vastagent-away /var/lib/vastagent'
}
pauses()
{
	in_instance sed -n 's/.*started again in \([0-9]*\) ms.*/\1/p' /var/log/vastagent.log | tail -n 3
}
pauses_are()
{
	[ "$(pauses | tr '\n' ' ')" = "$1" ]
}
cannot_live
check "is started with growing pauses" wait_until 20 pauses_are '200 400 800 '
check "stop in a pause says that none runs" in_instance vastagent stop
check "and ends the parent" none_runs
check_fails "a start tells why it fails" 69 in_instance vastagent start
expect_match "with the agent's own words" '/var/lib/vastagent must be a directory' "$SEEN"
check "it is tried again all the same" wait_until 20 pauses_are '200 400 800 '
can_live
check "so that it comes back by itself" wait_until 20 answers 0
cannot_live
check "it cannot live once more" wait_until 20 pauses_are '800 1600 3200 '
can_live
old_parent=$(parent)
soon=3
! in_valgrind || soon=30
check "a start in a pause does not wait for its end" in_instance timeout "$soon" vastagent start
check "and is one with a new parent" test "$(parent)" != "$old_parent"
expect_eq "of which there is one" 1 "$(parent | wc -l)"

note "the parent is killed, and the agent lives"
in_instance kill -KILL "$(parent)"
check "it answers" in_instance vastagent keys
expect_match "status warns" "parent was ended" "$(status '.warnings[]')"
check "stop" in_instance vastagent stop
check "start" in_instance vastagent start
expect_eq "that is over" '' "$(status '.warnings[]')"

kill_both()
{
	in_instance pkill -KILL -x 'vastagent|vastagent-keep'
	wait_until 20 none_runs || fail "both are dead"
}
note "both are killed"
kill_both
check "root's next command brings them back" in_instance vastagent keys
expect_match "with the key" 'mate@' "$SEEN"
parent >/dev/null || fail "and a parent"
kill_both
in_instance touch /root/.no_auto_tmux
# A whole login, until the shell takes a command and has ended.
log_in()
{
	term_ssh login one
	term_type login 'echo welcome $((6 * 7)); exit'
	term_wait login 'welcome 42'
	term_gone login 10 || fail "the login ends"
	term_close login
}
log_in
check "and so does root's next login" wait_until 20 answers 0
kill_both
in_instance useradd -m mortal
in_instance_as mortal vastagent login >/dev/null 2>&1
check_fails "nobody else's does" any wait_until 1 answers 0
check "start" in_instance vastagent start
check "stop" in_instance vastagent stop
log_in
check_fails "nor does any login after a stop" any wait_until 1 answers 0
check "nothing runs" none_runs

note "commands of one moment"
clients=()
for _ in 1 2 3 4 5; do
	in_instance vastagent keys >/dev/null &
	clients+=($!)
done
wait "${clients[@]}"
expect_eq "start one parent" 1 "$(parent | wc -l)"
expect_eq "and one agent" 1 "$(in_instance pgrep -x -P "$(parent)" vastagent | wc -l)"
expect_eq "the agent may be killed for memory as before" 0 "$(in_instance cat "/proc/$(agent)/oom_score_adj")"

note "limits of the shell that starts it are not the agent's"
in_instance vastagent stop >/dev/null
memory=100000 size=0
! sanitized || memory=unlimited
! in_valgrind || size=unlimited
check "start" in_instance bash -c "ulimit -S -f $size; ulimit -S -n 12; ulimit -S -v $memory; exec vastagent start"
check "an addkey writes its files" in_instance vastagent addkey "$(laptop_key other)"
in_instance vastagent stop >/dev/null

note "in the foreground, as a service manager starts it"
in_instance vastagent daemon >/dev/null 2>&1 &
daemon=$!
check "it answers" wait_until 20 answers 0
check_fails "there is no parent" any parent
expect_eq "and no warning of that" '' "$(status '.warnings[]')"
check "stop" in_instance vastagent stop
wait "$daemon"
expect_eq "it ends well" 0 $?

spares()
{
	sh -c 'echo -1000 >/proc/self/oom_score_adj' 2>/dev/null
}
if spares; then
	note "a VM's kernel lets the parent be spared"
	instance_start two --vm 0123456789abcdef0123456789abcdef
	machine_enter two install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
	check "the agent starts" machine_enter two /usr/local/bin/vastagent start
	expect_eq "the parent is, the agent is not" '-1000 0' "$(machine_enter two sh -c 'echo $(
		cat /proc/$(pgrep -x vastagent-keep)/oom_score_adj /proc/$(pgrep -o -x vastagent)/oom_score_adj)')"
else
	note "this kernel lets nobody be spared by the OOM killer"
fi
