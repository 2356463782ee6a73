#!/bin/bash
# What it costs to list many keys: prints medians and their ratio, judges nothing.
#
#   keys.sh [VASTAGENT [RUNS [KEYS]]]   the binary (build/release/vastagent), runs of each
#                                       (9), ed25519 keys in the file (100000)
#
# `vastagent keys --json`, from the command through the agent and back, against
# `ssh-keygen -l -f` on the same file; both print to a file in memory. In a mount and
# process namespace with a /root, /run and /var/lib of its own; nothing is left behind.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
binary=$(readlink -f "${1:-$here/build/release/vastagent}")
runs=${2:-9}
count=${3:-100000}

if [ -z "${KEYS_BENCH_INSIDE:-}" ]; then
	[ "$(id -u)" -eq 0 ] || { echo 'keys.sh: needs root for a namespace' >&2; exit 77; }
	[ -x "$binary" ] || { echo "keys.sh: no program $binary" >&2; exit 66; }
	KEYS_BENCH_INSIDE=$(mktemp -d) || exit 73
	trap 'rmdir "$KEYS_BENCH_INSIDE"' EXIT
	export KEYS_BENCH_INSIDE
	unshare --mount --pid --fork --kill-child --mount-proc bash "$0" "$binary" "$runs" "$count"
	exit
fi

work=$KEYS_BENCH_INSIDE
mount -t tmpfs tmpfs "$work"
cp "$binary" "$work/vastagent"
for directory in /root /run /var/lib; do
	mount -t tmpfs -o mode=755 tmpfs "$directory"
done
mkdir -m 700 /root/.ssh /run/sshd
file=/root/.ssh/authorized_keys

# A key is any 32 bytes: they need not be a point of the curve to be hashed and listed.
python3 - "$count" >"$file" <<-'END'
	import base64, os, struct, sys
	head = struct.pack('>I', 11) + b'ssh-ed25519' + struct.pack('>I', 32)
	for _ in range(int(sys.argv[1])):
	    print('ssh-ed25519', base64.b64encode(head + os.urandom(32)).decode())
END
chmod 600 "$file"

# median CMD...: the median of the runs, in microseconds
median()
{
	local times=() begin i
	for ((i = 0; i < runs; i++)); do
		begin=${EPOCHREALTIME/[.,]/}
		"$@" >"$work/out"
		times+=($((${EPOCHREALTIME/[.,]/} - begin)))
	done
	printf '%s\n' "${times[@]}" | sort -n | sed -n "$(((runs + 1) / 2))p"
}

"$work/vastagent" start >/dev/null
"$work/vastagent" keys --json >"$work/out"
listed=$(jq '[.keys[] | select(.state == "active")] | length' "$work/out")
[ "$listed" -eq "$count" ] || { echo "keys.sh: $listed of $count keys are listed" >&2; exit 1; }
ours=$(median "$work/vastagent" keys --json)
theirs=$(median ssh-keygen -l -f "$file")
"$work/vastagent" stop >/dev/null
awk -v n="$count" -v ours="$ours" -v theirs="$theirs" -v runs="$runs" 'BEGIN {
	printf "%d ed25519 keys, median of %d runs\n", n, runs
	printf "vastagent keys --json  %8.1f ms\n", ours / 1000
	printf "ssh-keygen -l -f       %8.1f ms\n", theirs / 1000
	printf "ratio                  %8.1f times faster\n", theirs / ours }'
