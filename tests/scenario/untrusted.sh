#!/bin/bash
# Text that is somebody else's (comments of keys, names of processes, an agent's answer) puts
# no control byte into a terminal and no second line into a log; and the stream of events, to
# readers that are slow, choosy, or gone.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one --bashrc none --user yes
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
in_instance python3 "$SOURCE/tests/scenario/untrusted/agent.py" /tmp/agent.sock /tmp/stream &
check "an agent of bad will answers" wait_until 10 in_instance test -S /tmp/agent.sock
key=$(laptop_key mate)
in_instance sh -c 'cat >/tmp/key' <<<"$key"

# is_plain FILE: it can be shown on a terminal.
is_plain()
{
	# Controls but newlines; and those beyond ASCII, in UTF-8: U+0080..9F, U+2028, U+202E.
	! LC_ALL=C grep -qaP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8\xa9\xaa-\xae]' "$1" &&
		! grep -qa '^vastagent: forged line' "$1"
}
# shows LINES COMMAND...: prints the attack, escaped, in so many lines (both streams).
shows()
{
	local want=$1 out=$WORLD/out
	shift
	in_instance env VASTAGENT_SOCKET=/tmp/agent.sock vastagent "$@" >"$out" 2>&1 </dev/null
	grep -qa 'forged line' "$out" || fail "vastagent $*: the attack is shown at all" "$(cat -v "$out")"
	is_plain "$out" || fail "vastagent $*: it is shown escaped" "$(cat -v "$out")"
	expect_eq "vastagent $*: lines" "$want" "$(wc -l <"$out")"
}

note "what each command prints"
shows 2 sessions
shows 4 forwards
shows 4 keys
shows 4 addkey /tmp/key
shows 3 addkey --dry-run /tmp/key
shows 4 rmkey mate
shows 1 undo
shows 2 adopt
shows 5 status
shows 1 reload
shows 5 sync --name mate /tmp/key
printf '%s\n' "$(python3 -c '
import json
evil = "\x1b[2J\nvastagent: forged line\r\x9b31m"
print(json.dumps({"time": evil, "event": evil, "user": evil, "fingerprint": evil, "reason": evil,
	"by": {"uid": 0, "pid": 1, "program": evil}, "other": evil}))')" |
	in_instance tee /tmp/stream >/dev/null
shows 1 events
shows 1 help "$(printf 'x\n\033[2J vastagent: forged line')"
shows 1 "$(printf 'x\n\033[2J forged line')"
shows 1 keys "$(printf 'x\n\033[2J forged line')"
shows 1 keys --socket "$(printf '/x\n\033[2J forged line')"
for command in sessions forwards keys status events "rmkey mate" undo; do
	# shellcheck disable=SC2086 # words
	in_instance vastagent $command --json --socket /tmp/agent.sock >"$WORLD/out"
	expect_eq "$command --json: lines" 1 "$(wc -l <"$WORLD/out")"
	check_fails "$command --json: no control of ASCII" 1 grep -qP '[\x00-\x09\x0b-\x1f]' "$WORLD/out"
done
expect_eq "JSON keeps what was sent" true "$(in_instance vastagent sessions --json \
	--socket /tmp/agent.sock | jq '.sessions[0].user | contains("\u001b[2J")')"
for command in sessions keys events; do
	# The command stays: of one that has ended, tmux 3.3 may lose the last of a long output.
	term_open "json-$command" ssh -tt one "vastagent $command --json --socket /tmp/agent.sock; echo over; cat"
	term_wait "json-$command" 'over'
	expect_match "$command --json on a terminal has no bytes beyond ASCII" 'u009[bB]' \
		"$(term_screen "json-$command" | tr -d '\n')"
	term_close "json-$command"
done
check_fails "a failure" 75 in_instance vastagent reload --json --socket /tmp/agent.sock
expect_eq "is JSON with its code and line on standard output" '"internal" 3' \
	"$(in_instance vastagent reload --json --socket /tmp/agent.sock 2>/dev/null |
		jq -r '"\(.error.code | tojson) \(.error.line)"')"

note "a comment that attacks, with the real agent"
check "the agent starts" in_instance vastagent start
in_instance sh -c 'printf "%s \033[2Jx\033]0;t\007 \302\2331m\n" "$(cut -d " " -f 1,2 /tmp/key)" >>/root/.ssh/authorized_keys'
for command in keys 'addkey /tmp/key' doctor 'doctor --log'; do
	# shellcheck disable=SC2086 # words
	in_instance vastagent $command >"$WORLD/out" 2>&1
	check "vastagent $command is plain" is_plain "$WORLD/out"
done
in_instance cat /var/log/vastagent.log >"$WORLD/out"
check "so is the log" is_plain "$WORLD/out"
in_instance cat /var/lib/vastagent/events.jsonl >"$WORLD/out"
check "and the journal" is_plain "$WORLD/out"

note "events as they come"
follow()
{
	in_instance vastagent events --follow --socket /tmp/agent.sock
}
stream()
{
	printf '%s\n' "$@" | in_instance tee /tmp/stream >/dev/null
}
stream '{"time":"2026-01-01T00:00:00Z","event":"added","user":"root","fingerprint":"SHA256:x","reason":"","by":{"uid":0,"pid":7,"program":"vastagent"}}'
expect_eq "one is a line" '2026-01-01T00:00:00Z  added  root  SHA256:x  by vastagent (pid 7, uid 0)' \
	"$(in_instance vastagent events --socket /tmp/agent.sock)"
stream '{"event":"a"}' '' PAUSE '{"event":"b"}' HOLD
in_instance sh -c 'exec vastagent events --follow --json --socket /tmp/agent.sock >/tmp/followed' &
both_came()
{
	[ "$(in_instance cat /tmp/followed)" = '{"event":"a"}
{"event":"b"}' ]
}
check "they are there while the stream goes on, without the empty lines" wait_until 20 both_came
in_instance pkill -f 'vastagent events --follow'
stream '{"event":"a"}' '{"event":"lagged"}'
check_fails "who is too slow is told" 75 follow
expect_match "in words" 'too slowly' "$SEEN"
stream '{"event":"a"}'
check_fails "the agent's end is none of a person's wishes" 69 follow
expect_match "and is said" 'the agent has ended' "$SEEN"
stream '{"event":"a"}' PAUSE '' PAUSE '' HOLD
check "a reader that is gone ends it, though nothing happens" timeout 10 \
	bash -c "$(declare -f machine_enter machine_pid in_instance); $(declare -p WORLD INSTANCE CONTAINER_CAPABILITIES)
	in_instance sh -c 'vastagent events --follow --json --socket /tmp/agent.sock | head -n 1'"
check_fails "it takes no operands" 64 in_instance vastagent events now
