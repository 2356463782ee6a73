#!/bin/bash
# vastagent beside an agent that does a like thing for another platform: Debian's
# google-guest-agent (in Go), which writes a project's keys into authorized_keys. Both at once,
# each in an instance of its own, with one key that it has written: how long it takes to start
# (BENCH_RUNS, 15), then, after BENCH_REST (60) seconds, its memory, and how often it wakes up in
# BENCH_SECONDS (60). The metadata server that the other one asks is a fake on that instance's
# loopback, which answers as the real one: a request for what has not changed hangs.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/../scenario/lib/instance.sh"
command -v google_guest_agent >/dev/null || skip "there is no google_guest_agent here (google-guest-agent)"
seconds=${BENCH_SECONDS:-60}
rest=${BENCH_REST:-60}
runs=${BENCH_RUNS:-15}
parts=$SOURCE/tests/bench/agents

instance_start google --bashrc none
nsenter --target "$(machine_pid google)" --net ip address add 169.254.169.254/32 dev lo
in_instance sh -c ': >/tmp/told; exec python3 "$1/metadata.py" "$2" /tmp/told 2>/tmp/asked' - \
	"$parts" "$(laptop_key mate)" >/dev/null &
wait_until 20 in_instance bash -c 'exec 3<>/dev/tcp/169.254.169.254/80' || fail "the fake listens"
google_start=$(in_instance python3 "$parts/start.py" "$runs" google)
in_instance google_guest_agent >/dev/null 2>&1 &
wait_until 60 in_instance grep -q mate@laptop /home/mate/.ssh/authorized_keys ||
	fail "the other agent writes the key" "$(in_instance cat /tmp/asked)"

instance_start ours --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
our_start=$(in_instance python3 "$parts/start.py" "$runs" ours)
in_instance vastagent start >/dev/null
in_instance vastagent addkey "$(laptop_key mate)" >/dev/null

# The processes whose names begin so, from out here: the agent, and the parent that it has.
processes()
{
	pgrep "^$1"
}
# The sum of a line of smaps_rollup (proc(5)), in KiB.
memory()
{
	local pid
	for pid in $(processes "$1"); do
		cat "/proc/$pid/smaps_rollup"
	done | awk -v line="$2" '$1 ~ line { sum += $2 } END { print sum }'
}
# How often all threads have waited and been woken up.
wakes()
{
	local pid
	for pid in $(processes "$1"); do
		cat "/proc/$pid"/task/*/status
	done | awk '/^voluntary_ctxt_switches/ { sum += $2 } END { print sum }'
}
ticks()
{
	local pid
	for pid in $(processes "$1"); do
		cut -d ' ' -f 14,15 "/proc/$pid/stat"
	done | awk '{ sum += $1 + $2 } END { print sum * 10 }'
}
ours=vastagent
google=google_guest_ag
sleep "$rest"
before_ours=$(wakes $ours) before_google=$(wakes $google)
used_ours=$(ticks $ours) used_google=$(ticks $google)
sleep "$seconds"
row()
{
	printf '%-44s %10s %10s %9s\n' "$1" "$2" "$3" \
		"$(awk -v ours="$2" -v google="$3" 'BEGIN { printf(ours > 0 ? "%.1f" : "-", google / (ours ? ours : 1)) }')"
}
printf '%-44s %10s %10s %9s\n' '' vastagent google ratio
row 'processes' "$(processes $ours | wc -l)" "$(processes $google | wc -l)"
row 'memory, Pss, KiB' "$(memory $ours '^Pss:')" "$(memory $google '^Pss:')"
row 'private, KiB' "$(memory $ours '^Private_')" "$(memory $google '^Private_')"
row 'anonymous, KiB' "$(memory $ours '^Anonymous:')" "$(memory $google '^Anonymous:')"
row "wake-ups in $seconds s" $(($(wakes $ours) - before_ours)) $(($(wakes $google) - before_google))
row "processor in $seconds s, ms" $(($(ticks $ours) - used_ours)) $(($(ticks $google) - used_google))
row 'from exec to ready, ms' "$our_start" "$google_start"
instance_use google
note "the fake was asked: $(in_instance grep metadata/v1 /tmp/asked | sort | uniq -c | sort -rn | head -n 3 | tr -s ' ' | tr '\n' ';')"
