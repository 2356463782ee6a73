#!/bin/bash
# The clock jumps by years, there and back, while the agent runs: no key is lost, an ended
# one goes and comes back with its time, pauses and retries last as long as they should,
# and the journal goes on. After a machine has slept, what ended meanwhile goes at once.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
not_with_sanitizers "a library of theirs would have to come first"
faketime=$(find /usr/lib -name libfaketime.so.1 | head -n 1)
[ -n "$faketime" ] || skip "there is no libfaketime"
binary=$VASTAGENT_BUILD/vastagent_dynamic
[ -x "$binary" ] || binary=$VASTAGENT_BUILD/vastagent
[ -n "$(ldd "$binary" 2>/dev/null)" ] || skip "nothing can come between a static program and its C library: \
cmake --build $VASTAGENT_BUILD --target vastagent_dynamic"
keys_file=/root/.ssh/authorized_keys

instance_start one --user yes --bashrc none
in_instance install -m 755 "$binary" /usr/local/bin/vastagent
# clock OFFSET: from now on the agent's time of day is that much off; what measures spans of
# time is not.
clock()
{
	in_instance sh -c 'echo "$1" >/tmp/clock.new; mv /tmp/clock.new /tmp/clock' - "$1"
}
clock +0
in_instance env LD_PRELOAD="$faketime" FAKETIME_TIMESTAMP_FILE=/tmp/clock FAKETIME_NO_CACHE=1 \
	FAKETIME_DONT_FAKE_MONOTONIC=1 NO_FAKE_STAT=1 vastagent daemon >"$WORLD/daemon" 2>&1 &
status()
{
	in_instance vastagent status --json | jq -r "$1"
}
answers()
{
	in_instance env VASTAGENT_SOCKET=/run/vastagent/agent.sock vastagent status
}
check "the agent starts, with a clock of its own" wait_until 20 answers
has_key()
{
	in_instance grep -q " $1\$" "$keys_file"
}
has_no_key()
{
	! has_key "$1"
}
# look: as at any of the moments at which the agent looks.
look()
{
	in_instance vastagent reload >/dev/null
}
check "a key" in_instance vastagent addkey --name mate "$(laptop_key mate)"
check "one for three days" in_instance vastagent addkey --name guest --for 3d "$(laptop_key guest)"

note "two years ahead"
clock +2y
look
check "the ended key goes" wait_until 20 has_no_key guest
check "the other one stays" has_key mate
platform refresh
check "and is restored" wait_until 20 has_key mate
check "a key for an hour from then on" in_instance vastagent addkey --name hour --for 1h "$(laptop_key hour)"
expect_match "which ends in that hour" "expiry-time=\"$(date -u -d '+2 years' +%Y)" \
	"$(in_instance grep ' hour$' "$keys_file")"

note "back again"
clock +0
look
check "the key for three days is back: its time is not over" wait_until 20 has_key guest
check "which lets its owner in" laptop_ssh -i .ssh/guest root@one true
check "a key is removed" in_instance vastagent rmkey hour
note "thirty years back"
clock -30y
look
check "every key stays" has_key mate
platform refresh
check "and is restored" wait_until 20 has_key mate
check "what was removed does not come back" has_no_key hour
check "undo brings it" in_instance vastagent undo
check "remove it again" in_instance vastagent rmkey hour
expect_match "the journal goes on" '"event":"removed"' \
	"$(in_instance tail -n 1 /var/lib/vastagent/events.jsonl)"
expect_eq "and is read from its beginning to its end" added \
	"$(in_instance vastagent events --json | head -n 1 | jq -r .event)"
clock +0

check "another account has a key" in_instance vastagent addkey --user user "$(laptop_key second)"
# The clock jumps after what must end in time has begun.
for jump in +10y -10y; do
	note "a pause, a retry and a fight, while the clock jumps by $jump"
	check "a pause" in_instance vastagent pause 2s
	clock "$jump"
	platform refresh
	check "ends in time" wait_until 20 has_key mate
	clock +0
	in_instance chown root: /home/user/.ssh
	in_instance chmod 755 /home/user/.ssh
	check_fails "a key that cannot be written" 73 in_instance vastagent addkey --user user "$(laptop_key third)"
	clock "$jump"
	in_instance chown user: /home/user/.ssh
	check "is tried again" wait_until 40 in_instance grep -q third@ /home/user/.ssh/authorized_keys
	clock +0
	in_instance vastagent rmkey --user user third@laptop >/dev/null
done
for _ in $(seq 12); do
	platform refresh
	wait_until 20 has_key mate || fail "the key is restored"
done
expect_match "a fight is one" 'restored with pauses' "$(status '.warnings[]')"
clock +10y
platform refresh
check "it does not last longer for the clock" wait_until 20 has_key mate
clock +0

note "the machine sleeps"
# Nothing tells a stopped agent the time, and its timers count no time that it slept.
check "a key for five minutes" in_instance vastagent addkey --name brief --for 4m "$(laptop_key brief)"
agent=$(status .pid)
in_instance kill -STOP "$agent"
clock +5m
in_instance kill -CONT "$agent"
look
check "it goes with the next look" wait_until 20 has_no_key brief
check "the others stay" has_key mate
check "and the agent has not ended" test "$(status .pid)" = "$agent"
