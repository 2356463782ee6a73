#!/bin/bash
# From rewrite to restored: the platform writes authorized_keys without the agent's keys,
# in place, by rename and by unlink; how long until they stand in it again? Medians in ms
# of BENCH_RUNS (20) rounds each.
#
# Beside it, in turn and on the same file, the least that any program can do that puts a
# file back: peer.c waits with inotify(7) for the same event and at once replaces the file by
# a copy that it has in memory. It drops what the platform wrote, becomes nobody, asks
# nobody who else is writing; what the agent takes longer is what that costs. The files lie
# in memory: fsync(2) is free for both.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/../scenario/lib/instance.sh"

instance_start one --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
cc -O2 -o "$WORLD/machines/one/tmp/peer" "$SOURCE/tests/bench/restore/peer.c" || exit 70
in_instance vastagent start >/dev/null
in_instance vastagent addkey "$(laptop_key mate)" >/dev/null
in_instance vastagent stop >/dev/null
in_instance python3 "$SOURCE/tests/bench/restore/measure.py" "${BENCH_RUNS:-20}"
