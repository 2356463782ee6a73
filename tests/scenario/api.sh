#!/bin/bash
# The control socket as a program sees it: its limits, and the stream of events.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one --user yes
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
in_instance useradd -m -s /bin/bash -u 4242 alice
in_instance useradd -m -s /bin/bash -u 4243 bob
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

note "someone who means harm, and what another account sees of it"
agent=$(in_instance vastagent status --json | jq .pid)
# With all capabilities: it looks at the agent's memory.
check "nobody else is disturbed" machine_enter one env -i PATH=/usr/bin:/bin \
	python3 "$here/hostile.py" "$agent" 4243
sed 's/^/    /' <<<"$SEEN"
