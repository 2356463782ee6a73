#!/bin/bash
# What the on-start costs an instance at its start: medians of BENCH_RUNS (20), elapsed and of the
# processor, beside `apt-get --version`, which does nothing at all.
#
#   first:   installing from a local release file, in an instance that never had it (a quarter
#            of the runs, each in a new instance)
#   again:   with everything in place and the agent running
#   restart: with everything in place, after a stop and start: it starts the agent
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/../scenario/lib/instance.sh"
runs=${BENCH_RUNS:-20}

# took RUNS PREPARE CMD...: medians of CMD, each after PREPARE, which is not counted.
cat >"$WORLD/took.py" <<-'END'
	import resource, statistics, subprocess, sys, time
	def processor():
	    used = resource.getrusage(resource.RUSAGE_CHILDREN)
	    return used.ru_utime + used.ru_stime
	runs, prepare, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
	elapsed, used = [], []
	for run in range(runs):
	    subprocess.run(['sh', '-c', prepare], check=True, stdout=subprocess.DEVNULL)
	    before, begin = processor(), time.perf_counter()
	    with open('/tmp/said', 'wb') as said:
	        subprocess.run(command, check=True, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
	    elapsed.append(time.perf_counter() - begin)
	    used.append(processor() - before)
	print('%.1f %.1f' % (statistics.median(elapsed) * 1000, statistics.median(used) * 1000))
END
took()
{
	cp "$WORLD/took.py" "$WORLD/machines/$INSTANCE/tmp/"
	in_instance python3 /tmp/took.py "$@"
}

strip -o "$WORLD/release" "$VASTAGENT_BUILD/vastagent"
firsts=()
for number in $(seq $(((runs + 3) / 4))); do
	instance_start "one$number" --bashrc none
	cp "$WORLD/release" "$WORLD/machines/$INSTANCE/tmp/vastagent"
	firsts+=("$(took 1 true /tmp/vastagent onstart)")
done
median()
{
	printf '%s\n' "${firsts[@]}" | cut -d ' ' -f "$1" | sort -n | sed -n "$(((${#firsts[@]} + 1) / 2))p"
}
first="$(median 1) $(median 2)"
again=$(took "$runs" true vastagent onstart)
grep -q PROBLEM "$WORLD/machines/$INSTANCE/tmp/said" && cat "$WORLD/machines/$INSTANCE/tmp/said"
restart=$(took "$runs" 'vastagent stop' vastagent onstart)
nothing=$(took "$runs" true apt-get --version)
show()
{
	printf '%-46s %7.1f ms, processor %6.1f ms   %s\n' "$@"
}
# shellcheck disable=SC2086 # two numbers
{
	show 'first, from a local release file' $first '(wanted: at most 1000 ms)'
	show 'again, nothing to do' $again '(wanted: at most 100 ms)'
	show 'after a stop and start' $restart ''
	show 'apt-get --version' $nothing ''
}
awk -v again="${again% *}" -v nothing="${nothing% *}" \
	'BEGIN { printf "again / apt-get --version: %.1f\n", again / nothing }'
