#!/bin/bash
# What an addkey costs, as ratios of medians; each of the ways in turn, BENCH_RUNS (30)
# times, on the disk that BENCH_DIRECTORY (the checkout's) lies on:
#
#   an ordinary file (3 keys): POST /v1/keys and `vastagent addkey` against a C program
#   that writes, fsyncs and renames the same bytes, and against Ansible's authorized_key
#   (apt-get install ansible; without it that is left out)
#   a file with 100,000 keys: against copying and fsyncing it
#
# Both sides are counted without what it costs to start them where that is said.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/../scenario/lib/instance.sh"
runs=${BENCH_RUNS:-30}
disk=$(mktemp -d "${BENCH_DIRECTORY:-$SOURCE}/.bench.XXXXXX") || exit 73
trap 'rm -rf "$disk"' EXIT

instance_start one --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
cc -O2 -o "$WORLD/machines/one/tmp/replace" "$SOURCE/tests/bench/addkey/replace.c" || exit 70
# The overlay lies in memory, where fsync(2) is free: home and state go to the disk.
mkdir -m 700 "$disk/ssh" "$disk/state"
cp "$WORLD/machines/one/upper/root/.ssh/authorized_keys" "$disk/ssh/"
in_instance mkdir -p -m 700 /var/lib/vastagent
for pair in ssh:/root/.ssh state:/var/lib/vastagent; do
	python3 "$SOURCE/tests/bench/addkey/graft.py" "$(machine_pid one)" "$disk/${pair%%:*}" "${pair#*:}" ||
		skip "a directory of the disk cannot be mounted in the instance"
done
in_instance vastagent start >/dev/null
python3 "$SOURCE/tests/scenario/contention/keys.py" "$WORLD/machines/one/tmp/keys" 3000
for number in 2990 2991; do
	in_instance sh -c "cat /tmp/keys/$number.pub >>/root/.ssh/authorized_keys"
done
printf 'the disk: %s\n' "$(findmnt -n -o FSTYPE,SOURCE -T "$disk")"
in_instance python3 "$SOURCE/tests/bench/addkey/measure.py" "$runs"
