#!/bin/bash
# The control socket as a program sees it: its limits, and the stream of events.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one --user yes
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
in_instance useradd -m -s /bin/bash -u 4242 alice
in_instance useradd -m -s /bin/bash -u 4243 bob
in_instance useradd -m -s /bin/bash -u 4244 carol
check "the agent starts" in_instance vastagent start
here=$SOURCE/tests/scenario/api
socket=/run/vastagent/agent.sock

note "a list of 100,000 keys"
in_instance install -d -m 700 -o alice -g alice /home/alice/.ssh
in_instance python3 "$here/many_keys.py" 100000 /home/alice/.ssh/authorized_keys
in_instance chown alice: /home/alice/.ssh/authorized_keys
in_instance chmod 600 /home/alice/.ssh/authorized_keys
many()
{
	in_instance curl -sS --fail-with-body --unix-socket "$socket" "$@" \
		http://localhost/v1/keys?user=alice | jq '.keys | length'
}
expect_eq "arrives whole" 100000 "$(many)"
expect_eq "also on a connection that is closed behind it" 100000 "$(many -H 'Connection: close')"
expect_eq "and for a slow reader" 100000 "$(many --limit-rate 12M)"
in_instance rm /home/alice/.ssh/authorized_keys

note "root and three other uids, every route, every field and code"
# told METHOD PATH [CURL OPTION...]: an answer for matrix.py, with what else it needs.
told()
{
	local method=$1 path=$2 route=$2 type=${TYPE:-application/json}
	shift 2
	case $route in /v1/keys/*) route='/v1/keys/{fingerprint}' ;; esac
	in_instance curl -s -o /tmp/answer -w '%{http_code} ' -X "$method" --unix-socket "$socket" \
		-H "Content-Type: $type" "$@" "http://localhost$path" >/tmp/status
	printf '%s %s ' "$method" "${route%%\?*}"
	cat /tmp/status
	in_instance head -n 1 /tmp/answer
}
key()
{
	jq -n --arg text "$(laptop_key "$1")" "{text: \$text} + ${2:-{\}}"
}
mate=$(laptop_key mate | ssh-keygen -lf - | cut -d ' ' -f 2 | jq -Rr @uri)
renter=$(laptop_key | ssh-keygen -lf - | cut -d ' ' -f 2 | jq -Rr @uri)
laptop sh -c 'ssh -N -R 9000:localhost:9 one & echo $! >/root/forward.pid'
check "somebody forwards a port" wait_until 20 in_instance sh -c 'ss -ltn | grep -q :9000'
answers()
{
	told POST /v1/keys -d "$(key mate '{name: "mate", ttl: 3600, options: "no-pty"}')"
	told POST /v1/keys -d "$(key mate)"
	told GET /v1/keys
	told GET /v1/keys?platform_bytes=1
	told GET /v1/sessions
	told GET /v1/forwards
	in_instance cp /root/.ssh/authorized_keys /home/carol/copy
	in_instance install -d -o carol -g carol -m 700 /home/carol/.ssh
	in_instance install -o carol -g carol -m 600 /home/carol/copy /home/carol/.ssh/authorized_keys
	told DELETE "/v1/keys/$mate"
	told DELETE "/v1/keys/$renter"
	told DELETE "/v1/keys/$renter?foreign=1"
	told POST /v1/undo -d '{}'
	told GET '/v1/events?lines=1'
	told POST /v1/pause -d '{"seconds":600}'
	in_instance mv /root/.ssh/authorized_keys /tmp/keys
	in_instance mkfifo /root/.ssh/authorized_keys
	told POST /v1/keys -d "$(key other)"
	in_instance mv /tmp/keys /root/.ssh/authorized_keys
	told GET /v1/status
	told POST /v1/resume -d '{}'
	told POST /v1/keys -d '{"text":7}'
	told POST /v1/keys -d '{"text":"ssh-ed25519 AAAA x"}'
	told POST /v1/keys -d "$(laptop cat /root/.ssh/mate | jq -Rs '{text: .}')"
	told POST /v1/keys -d "$(key other '{options: "nonsense"}')"
	told POST /v1/keys -H 'Origin: http://example.com' -d '{}'
	told GET /v1/keys?user=nobody-here
	TYPE=text/plain told POST /v1/keys -d '{}'
	in_instance sh -c 'echo "[agent" >/etc/vastagent.conf'
	told POST /v1/reload -d '{}'
	in_instance rm /etc/vastagent.conf
	told POST /v1/undo -d '{"user":"bob"}'
}
answers >"$WORLD/answers"
check "as the description says" machine_enter one env -i PATH=/usr/bin:/bin python3 "$here/matrix.py" \
	"$SOURCE/packaging/openapi.yaml" 4242 4243 4244 <"$WORLD/answers"
printf '    %s\n' "${SEEN//$'\n'/$'\n'    }"
# It has answered before it ends.
agent_is_gone()
{
	! in_instance pgrep -x 'vastagent|vastagent-keep' >/dev/null
}
check "the agent ends" wait_until 10 agent_is_gone
check "the agent starts again" in_instance vastagent start
expect_eq "a pause needs no body" true "$(told POST /v1/pause | sed 's/.* //' | jq .paused)"
expect_eq "and one of no length is none" '"bad_request"' \
	"$(told POST /v1/pause -d '{"seconds":0}' | sed 's/^[^{]*//' | jq .error.code)"
expect_eq "nor is a key that is let in for no time" '"bad_request"' \
	"$(told POST /v1/keys -d "$(key mate '{ttl: 0}')" | sed 's/^[^{]*//' | jq .error.code)"
in_instance vastagent resume >/dev/null
check "events are streamed" machine_enter one env -i PATH=/usr/bin:/bin \
	python3 "$here/events.py" "$(in_instance vastagent status --json | jq .pid)" 4242 4243
printf '    %s\n' "${SEEN//$'\n'/$'\n'    }"

note "someone who means harm, and what another account sees of it"
agent=$(in_instance vastagent status --json | jq .pid)
limits=()
! sanitized || limits=(STATUS_MS=2000 MEMORY_KIB=1000000)
# With all capabilities: it looks at the agent's memory.
check "nobody else is disturbed" machine_enter one env -i PATH=/usr/bin:/bin "${limits[@]}" \
	python3 "$here/hostile.py" "$agent" 4243
printf '    %s\n' "${SEEN//$'\n'/$'\n'    }"
