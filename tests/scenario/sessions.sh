#!/bin/bash
# Who is logged in: terminals, tmux, commands, connections that only forward, dropbear,
# other accounts, and many at once.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

many=${SCENARIO_SESSIONS:-110}
instance_start one --user yes --bashrc none --stage spread_keys
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
check "the agent starts" in_instance vastagent start

# sessions FILTER: what the list says, as root sees it.
sessions()
{
	in_instance vastagent sessions --json | jq -r ".sessions | $1"
}

# shows FILTER WANTED
shows()
{
	[ "$(sessions "$1")" = "$2" ]
}

expect_sessions()
{
	wait_until 10 shows "$2" "$3" || fail "$1" "wanted: $3" "got: $(sessions "$2")" "$(sessions .)"
	passed "$1"
}

note "nobody"
expect_sessions "there is nobody" length 0

note "tmux"
term_ssh first one 'tmux new-session -s work \; new-window'
term_wait first '^\[work\]'
expect_sessions "its session and windows are told" '.[] | "\(.user) \(.tmux) \(.windows)"' "root work 2"
in_instance tmux rename-session -t work 'my job'
expect_sessions "also under a new name" '.[].tmux' "my job"
term_ssh second one 'tmux -L mine new-session -s other'
term_wait second '^\[other\]'
term_ssh third user@one 'tmux -u new-session -s theirs'
term_wait third '^\[theirs\]'
term_ssh plain one 'echo ready; exec cat'
term_wait plain '^ready'
expect_sessions "each terminal has its own" \
	'[.[] | "\(.user)=\(.tmux)"] | sort | join(" ")' "root=my job root=null root=other user=theirs"
expect_match "for people" "root .* pts/[0-9]+ +my job \(2 windows\) " "$(in_instance vastagent sessions)"
expect_eq "an account sees its own" "user theirs" \
	"$(in_instance_as user vastagent sessions --json | jq -r '.sessions[] | "\(.user) \(.tmux)"')"
server=$(in_instance sh -c 'tmux -L mine display-message -p "#{pid}"')
in_instance kill -STOP "$server"
expect_sessions "a server that hangs is passed over" \
	'[.[] | "\(.user)=\(.tmux)"] | sort | join(" ")' "root=my job root=null root=null user=theirs"
in_instance kill -CONT "$server"
expect_no_match "nothing of it is left" 'list-clients' "$(in_instance ps -eo args)"
for name in first second third plain; do
	term_close "$name"
done
expect_sessions "they are gone" length 0

note "connections without a terminal"
laptop sh -c 'ssh -N one & echo $! >/root/idle.pid
	ssh one "exec sleep 1000" & echo $! >/root/command.pid'
expect_sessions "forwarding only, and a command" \
	'[.[] | "\(.tty) \(.forwards_only)"] | sort | join(", ")' "null false, null true"
expect_match "for people" '\(forwards only\)' "$(in_instance vastagent sessions)"
# shellcheck disable=SC2016 # for the shell over there
laptop sh -c 'kill $(cat /root/idle.pid /root/command.pid)'
expect_sessions "they are gone" length 0

note "$many at once, of two accounts, each with a forward of its own"
# log_in FIRST: every second one; ssh -f returns when the forward is there.
log_in()
{
	# shellcheck disable=SC2016 # for the shell over there
	laptop sh -c 'n=$1
		while [ "$n" -le "$0" ]; do
			ssh -f -N -M -S "/root/many.$n" -o ExitOnForwardFailure=yes \
				-R "127.0.0.1:$((20000 + n)):localhost:1" "$2@one" </dev/null
			n=$((n + 2))
		done >/dev/null 2>&1' "$many" "$1" "$2"
}
log_in 1 user &
log_in 2 root
wait $!
all_there()
{
	shows length "$many"
}
wait_until 60 all_there || fail "$many sessions" "$(sessions length)"
passed "all are there"
# Of another account's sessions in which nothing runs, a container's root cannot know it.
expect_eq "each of root's has the address of its client" "$((many / 2))" \
	"$(sessions '[.[] | select(.user == "root") | .client // empty] | unique | length')"
forwards=$(in_instance vastagent forwards --json)
expect_eq "each forward once" "$many" "$(jq '[.forwards[].listen] | unique | length' <<<"$forwards")"
expect_eq "those of root by their session" "$((many / 2)) $((many / 2))" \
	"$(jq -r '[.forwards[] | select(.session.user == "root")] |
		"\(length) \(map(.session.pid) | unique | length)"' <<<"$forwards")"
expect_eq "those of the other account by its uid" "$(((many + 1) / 2)) uid" \
	"$(jq -r '[.forwards[] | select(.session.user == "user")] |
		"\(length) \(map(.attributed) | unique | join(","))"' <<<"$forwards")"
# shellcheck disable=SC2016
laptop sh -c 'for socket in /root/many.*; do ssh -S "$socket" -O exit one; done' 2>/dev/null
wait_until 60 shows length 0 || fail "all are gone" "$(sessions .)"
passed "all are gone"

note "dropbear"
if in_instance sh -c 'command -v dropbear dropbearkey' >/dev/null; then
	in_instance sh -c 'dropbearkey -t ed25519 -f /tmp/hostkey >/dev/null 2>&1
		dropbear -p 2222 -r /tmp/hostkey -P /tmp/dropbear.pid'
	term_ssh drop user@one -p 2222 'tmux new-session -s indrop'
	term_wait drop '^\[indrop\]'
	expect_sessions "its session" '.[] | "\(.user) \(.tmux) \(.tty != null)"' "user indrop true"
	term_close drop
	expect_sessions "is gone" length 0
else
	note "dropbear is not installed: not tried"
fi
