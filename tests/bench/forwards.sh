#!/bin/bash
# `vastagent forwards` where much goes on (10,000 established sockets, 1,000 processes, some
# forwards) beside ss and lsof in the same run, interleaved: medians of BENCH_ROUNDS rounds.
# Wanted: at most a fifth of the time of `ss -tanp` and of `lsof -nP -i`.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/../scenario/lib/instance.sh"
rounds=${BENCH_ROUNDS:-15}
connections=${BENCH_CONNECTIONS:-5000} # each has two ends here
processes=${BENCH_PROCESSES:-1000}

instance_start one --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
in_instance vastagent start >/dev/null
# Ten processes hold the connections, the others only themselves, as most do.
in_instance python3 -c '
import os, resource, socket, sys, time
connections, processes = int(sys.argv[1]), int(sys.argv[2])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
for i in range(10):
    if os.fork() == 0:
        s = socket.socket(); s.bind(("127.0.0.1", 20000 + i)); s.listen(1024)
        held = []
        for k in range(connections // 10):
            c = socket.create_connection(("127.0.0.1", 20000 + i))
            held += [c, s.accept()[0]]
        open("/tmp/ready.%d" % i, "w").close()
        time.sleep(100000)
for i in range(processes - 10):
    if os.fork() == 0:
        time.sleep(100000)
time.sleep(100000)' "$connections" "$processes" &
laptop sh -c 'ssh -N -R 7001:localhost:1 -R 7002:localhost:1 one &'
all_is_there()
{
	[ "$(in_instance sh -c 'ls /tmp/ready.* | wc -l')" -eq 10 ] &&
		[ "$(in_instance sh -c 'ls -d /proc/[0-9]* | wc -l')" -ge "$processes" ] &&
		in_instance vastagent forwards | grep -q 7002
}
wait_until 60 all_is_there || fail "the load is there"
printf 'load: %s established, %s processes\n' \
	"$(in_instance ss -Htn state established | wc -l)" \
	"$(in_instance sh -c 'ls -d /proc/[0-9]* | wc -l')"

# All of it runs inside, so that entering the instance is not measured.
in_instance python3 -c '
import statistics, subprocess, sys, time
commands = [["vastagent", "forwards"], ["vastagent", "sessions"], ["vastagent", "services"],
    ["ss", "-tanp"], ["ss", "-tan"], ["lsof", "-nP", "-i"], ["/bin/true"]]
times = {" ".join(c): [] for c in commands}
for _ in range(int(sys.argv[1])):
    for c in commands:
        began = time.monotonic()
        subprocess.run(c, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        times[" ".join(c)].append((time.monotonic() - began) * 1000)
median = {name: statistics.median(all) for name, all in times.items()}
for name, value in median.items():
    print(f"{name:20} {value:8.1f} ms")
ours = median["vastagent forwards"]
for name, most in (("ss -tanp", 0.2), ("lsof -nP -i", 0.2), ("ss -tan", None)):
    wanted = f"(wanted: at most {most})" if most else ""
    print(f"vastagent forwards / {name}: {ours / median[name]:.3f} {wanted}")' "$rounds"
