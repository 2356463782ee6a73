#!/bin/bash
# GET /v1/status over the unix socket, against a static file of the same size that nginx
# serves on one: requests in a second, by h2load (HTTP/1.1, 32 connections), in turn, medians
# of BENCH_RUNS (5) runs of BENCH_SECONDS (2) each; and the ratio (wanted: at least 0.5).
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/../scenario/lib/instance.sh"
command -v h2load >/dev/null || skip "h2load is not installed (nghttp2-client)"
command -v nginx >/dev/null || skip "nginx is not installed (nginx-light)"
runs=${BENCH_RUNS:-5} seconds=${BENCH_SECONDS:-2}
ours=/run/vastagent/agent.sock theirs=/run/nginx-bench.sock

instance_start one --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
in_instance vastagent start >/dev/null
in_instance mkdir -p /srv/v1
in_instance curl -s --unix-socket $ours -o /srv/v1/status http://localhost/v1/status
in_instance sh -c 'cat >/tmp/nginx.conf' <<-END
	worker_processes 1;
	pid /tmp/nginx.pid;
	error_log /tmp/nginx.log;
	events { }
	http {
		access_log off;
		sendfile on;
		keepalive_requests 100000000;
		default_type application/json;
		server { listen unix:$theirs; root /srv; }
	}
END
in_instance nginx -c /tmp/nginx.conf || fail "nginx starts"
wait_until 5 in_instance test -S $theirs || fail "nginx listens"

# rate SOCKET: requests in a second, all of them answered with 200.
rate()
{
	local seen
	seen=$(in_instance h2load --h1 -c 32 -t 1 -D "$seconds" --base-uri="unix:$1" \
		http://localhost/v1/status 2>&1) || fail "h2load runs" "$seen"
	grep -qE ' 0 3xx, 0 4xx, 0 5xx' <<<"$seen" || fail "every answer is a 200" "$seen"
	sed -nE 's/.*, ([0-9.]+) req\/s.*/\1/p' <<<"$seen"
}
median()
{
	sort -n | sed -n "$(((runs + 1) / 2))p"
}
for ((run = 0; run < runs; run++)); do
	rate $ours >>"$WORLD/ours"
	rate $theirs >>"$WORLD/theirs"
done
awk -v size="$(in_instance stat -c %s /srv/v1/status)" -v ours="$(median <"$WORLD/ours")" \
	-v theirs="$(median <"$WORLD/theirs")" 'BEGIN {
	printf "vastagent %d, nginx %d requests a second, %d bytes each, ratio %.2f (wanted: at least 0.50)\n",
		ours, theirs, size, ours / theirs }'
