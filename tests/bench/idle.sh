#!/bin/bash
# What the agent costs while nothing happens: the system calls it makes in 60 seconds
# (or BENCH_SECONDS), and its private anonymous memory, beside that of a cat that waits.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/../scenario/lib/instance.sh"
seconds=${BENCH_SECONDS:-60}

# Private anonymous memory of a process, in KiB (proc(5), smaps). Not Private_Dirty: in a
# throw-away instance a program's file lies in memory, and its pages count as dirty.
private_kib()
{
	awk '/^Anonymous:/ { sum += $2 } END { print sum }' "/proc/$1/smaps"
}

# The pid that a process of the instance has out here, by its name; the agent is the first
# of its own, what it starts has the same name.
pid_of()
{
	pgrep -o -x "$1"
}

instance_start one
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
in_instance vastagent start >/dev/null
in_instance vastagent addkey "$(laptop_key mate)" >/dev/null
in_instance mkfifo /tmp/fifo
in_instance sh -c 'sleep infinity >/tmp/fifo & exec cat /tmp/fifo' &
wait_until 5 pid_of cat >/dev/null
agent=$(pid_of vastagent)
# The look that follows its own write is over when its children are.
idle()
{
	! pgrep -P "$agent" -x vastagent
}
wait_until 10 idle >/dev/null
ours=$(private_kib "$agent")
cats=$(private_kib "$(pid_of cat)")
printf 'private anonymous memory: vastagent %d KiB, cat %d KiB, ratio %s (wanted: at most 1024 KiB)\n' \
	"$ours" "$cats" "$(awk "BEGIN { printf \"%.1f\", $ours / $cats }")"
timeout "$seconds" strace -f -o "$WORLD/strace" -p "$agent" 2>/dev/null
printf 'system calls in %d s: %d finished, %d waiting (wanted: 0 and 1)\n' "$seconds" \
	"$(grep -c ' = ' "$WORLD/strace")" "$(grep -vc ' = ' "$WORLD/strace")"
sed 's/^/  /' "$WORLD/strace"
printf 'size: %d bytes stripped\n' "$(strip -o "$WORLD/stripped" "$VASTAGENT_BUILD/vastagent" &&
	stat -c %s "$WORLD/stripped")"
