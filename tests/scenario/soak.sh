#!/bin/bash
# All at once, for a while: keys are added and removed by root and by an account, the
# platform rewrites the file in all its ways, people log in and forward ports, commands and
# thousands of requests come, also slow and aborted ones, and the agent and its parent are
# killed. At the end every acknowledged key lets its owner in and every removed one does
# not, the platform's bytes are as it wrote them, and an agent that lived through the last
# part of it holds no more memory and no more descriptors than before.
#
# SOAK_SECONDS (14) is how long; a quarter of an hour says more.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
seconds=${SOAK_SECONDS:-14}
helpers=$SOURCE/tests/scenario/soak
# The most that an agent at rest may grow, in KiB: the allocator's way of keeping pages.
GROWTH=256
! sanitized || GROWTH=100000 # which keep what was freed for a while
# After rewrites that are a fight a restore may take a minute.
LONGEST_PAUSE=70
# The usual one would print thousands of lines.
post_mortem()
{
	in_instance sh -c 'tail -n 20 /var/log/vastagent.log; cat -A /root/.ssh/authorized_keys |
		cut -c 1-150; ps -eo pid,ppid,user,stat,args --forest | cut -c 1-150; vastagent status'
}

# Without the tmux block: the sessions here are many and short.
instance_start one --user yes --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
shared=$WORLD/machines/one/tmp/soak
mkdir -p "$shared/keys"
check "keys are made" laptop sh -c 'for n in $(seq 16); do for kind in root user brief; do
	ssh-keygen -q -t ed25519 -N "" -C "$kind-$n@laptop" -f "/root/.ssh/$kind-$n"; done; done'
for name in {root,user,brief}-{1..16}; do
	laptop cat "/root/.ssh/$name.pub" >"$shared/keys/$name.pub"
done
laptop_key steady >/dev/null
check "the agent starts" in_instance vastagent start
check "a key that stays" in_instance vastagent addkey "$(laptop_key steady)"

status()
{
	in_instance vastagent status --json | jq -r "$1"
}
# gets_in KEY USER: the key alone.
gets_in()
{
	laptop ssh -i "/root/.ssh/$1" -o IdentitiesOnly=yes -o BatchMode=yes "$2@one" true
}
# Somebody logs in, with a forward, again and again; each time it must be let in at last.
log_in()
{
	local logins=0
	until [ -e "$shared/enough" ]; do
		wait_until $LONGEST_PAUSE laptop ssh -i /root/.ssh/steady -o IdentitiesOnly=yes -o BatchMode=yes \
			-R 0:localhost:9 root@one sleep "0.$((RANDOM % 10))" || return 1
		logins=$((logins + 1))
		echo $logins >"$shared/logins"
	done
}
# soak PERCENT deadly|calm: everybody is at work for that part of the time.
soak()
{
	check "$2, for $((seconds * $1)) hundredths of a second" in_instance \
		python3 "$helpers/actors.py" "$((seconds * $1))e-2" "$2" /tmp/soak
}
# No process of its own may read what an agent holds, for it is not dumpable.
of_agent()
{
	machine_enter one "$@"
}
descriptors()
{
	of_agent sh -c "ls /proc/$agent/fd | wc -l"
}
no_child()
{
	! of_agent pgrep -P "$agent" -x vastagent
}
# Every connection is closed, every child gone.
at_rest()
{
	no_child && [ "$(descriptors)" = "$fds" ]
}
resident()
{
	of_agent sed -n 's/^Rss: *\([0-9]*\) kB/\1/p' "/proc/$agent/smaps_rollup"
}

rm -f "$shared/enough"
log_in &
logins=$!
soak 50 deadly
# Where its parent was killed, too, root's next command brings both back; status would not.
check "after the last death it answers" wait_until 20 in_instance vastagent keys
# The parent may have been killed last.
check "stop" in_instance vastagent stop
check "start" in_instance vastagent start
agent=$(status .pid)
check "it comes to rest" wait_until 30 no_child
fds=$(descriptors)
soak 20 calm
check "after a while it does so again" wait_until 30 at_rest
before=$(resident)
soak 30 calm
touch "$shared/enough"
wait $logins || fail "every login was let in"
note "$(cat "$shared/logins") logins"
expect_eq "the agent is the same" "$agent" "$(status .pid)"
check "it comes to rest, with as many descriptors as at first ($fds)" wait_until 30 at_rest
after=$(resident)
note "resident KiB: $before, then $after"
[ "$((after - before))" -le $GROWTH ] || fail "it has not grown" "$before KiB, then $after"
passed "it has not grown by more than $GROWTH KiB"
jq -r 'to_entries[] | "\(.value) \(.key)"' "$shared/counts.json" | while read -r line; do
	note "$line"
done

# judge KEY WANTED: what the last word about it said holds.
judge()
{
	case $2 in
	in) wait_until $LONGEST_PAUSE gets_in "$1" "${1%-*}" || echo "$1 was added and is not let in" ;;
	out)
		! gets_in "$1" "${1%-*}" 2>/dev/null || echo "$1 was removed and is let in"
		;;
	esac
}
# Four at a time.
judge_all()
{
	local name wanted running=0
	while read -r name wanted; do
		judge "$name" "$wanted" &
		running=$((running + 1))
		[ $((running % 4)) -ne 0 ] || wait
	done < <(jq -r 'to_entries[] | "\(.key | sub("^brief"; "root-brief")) \(.value)"' \
		"$shared/state.json" | sed 's/^root-brief/brief/')
	wait
}
note "the last word on each key: $(jq -c '[.[]] | group_by(.) | map({(.[0]): length}) | add' "$shared/state.json")"
expect_eq "every acknowledged key lets its owner in, every removed one does not" '' "$(judge_all)"
check "the platform's bytes are its own" in_instance sh -c \
	'vastagent keys --platform-bytes | cmp - /tmp/soak/platform'
expect_eq "nothing is left beside the file" authorized_keys "$(in_instance ls -A /root/.ssh)"
within()
{
	[ "$(in_instance stat -c %s "$1" 2>/dev/null || echo 0)" -le 1048576 ]
}
check "the journal is within its bound" within /var/lib/vastagent/events.jsonl
check "so is the one before it" within /var/lib/vastagent/events.jsonl.1
check "each line of it is whole" in_instance sh -c 'jq -e .event /var/lib/vastagent/events.jsonl'
check "followers saw events" in_instance grep -q '"event":"added"' /tmp/soak/followed
expect_eq "and status has no warning but of such a fight" '' \
	"$(status '.warnings[] | select(test("restored with pauses") | not)')"
