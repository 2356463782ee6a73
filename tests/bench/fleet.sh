#!/bin/bash
# Twenty instances (BENCH_SIZE) by clush, against the slowest single one: medians of
# BENCH_RUNS (10) of `vastagent addkey` with a key that is there, everywhere at once and on
# each alone; and against ssh that runs nothing.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/../scenario/lib/instance.sh"
size=${BENCH_SIZE:-20}
runs=${BENCH_RUNS:-10}

laptop_start
laptop_key mate >/dev/null
for number in $(seq "$size"); do
	instance_start "gpu$number" --bashrc none
	in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
	in_instance vastagent start >/dev/null
done
cat >"$WORLD/machines/laptop/tmp/measure.py" <<-'END'
	import statistics, subprocess, sys, time
	size, runs = int(sys.argv[1]), int(sys.argv[2])
	key = open('/root/.ssh/mate.pub', 'rb').read()
	ADD = 'vastagent addkey --name mate -'

	def took(command):
	    begin = time.perf_counter()
	    subprocess.run(command, input=key, check=True, stdout=subprocess.DEVNULL)
	    return (time.perf_counter() - begin) * 1000

	def median(command):
	    return statistics.median(took(command) for run in range(runs))

	together = ['clush', '-S', '-w', 'gpu[1-%d]' % size]
	took(together + [ADD])          # the first adds it
	single = [median(['ssh', 'gpu%d' % number, ADD]) for number in range(1, size + 1)]
	for what, ms in (('all at once, by clush', median(together + [ADD])),
	                 ('the same, running true', median(together + ['true'])),
	                 ('the slowest single one, by ssh', max(single)),
	                 ('the median single one', statistics.median(single)),
	                 ('all, one after the other', sum(single)),
	                 ('clush by itself, for no instance', median(['clush', '--version']))):
	    print('%-34s %8.1f ms   %5.1f times the slowest single one' % (what, ms, ms / max(single)))
END
note "$size instances on $(nproc) cores, which do the work of both sides"
laptop python3 /tmp/measure.py "$size" "$runs"
