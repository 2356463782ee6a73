#!/bin/bash
# The kernel's own OOM killer ends the agent, in a memory cgroup that is full: keys let in
# all the while, and the agent is back, with all it had, as soon as there is room.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
not_with_sanitizers "they use more memory than the group has"
group=/sys/fs/cgroup/memory/vastagent-oom-$$-$RANDOM
mkdir "$group" 2>/dev/null || skip_here "no memory cgroup may be made here"
# What is still in it is moved away, since only an empty one can be removed.
clean_up()
{
	local process
	while read -r process; do
		echo "$process" >"${group%/*}/cgroup.procs"
	done <"$group/cgroup.procs"
	rmdir "$group"
}
trap clean_up EXIT

instance_start one --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
start_in_group()
{
	(
		echo "$BASHPID" >"$group/cgroup.procs"
		in_instance vastagent start
	)
}
check "the agent starts, in a group of its own" start_in_group
check "a key" in_instance vastagent addkey "$(laptop_key mate)"
gets_in()
{
	laptop ssh -i /root/.ssh/mate -o IdentitiesOnly=yes -o BatchMode=yes root@one true
}
status()
{
	in_instance vastagent status --json | jq -r "$1"
}
kept()
{
	in_instance sh -c 'cat /var/lib/vastagent/keys/root.json /root/.ssh/authorized_keys'
}
idle()
{
	[ "$(in_instance pgrep -c -x vastagent)" = 1 ]
}
check "it has nothing to do" wait_until 30 idle
before=$(kept)
old=$(status .pid)
echo $(($(cat "$group/memory.usage_in_bytes") + 512 * 1024)) >"$group/memory.limit_in_bytes"

note "requests of a megabyte, whose ends do not come"
in_instance python3 - <<-'END'
	import socket
	peers = []
	for _ in range(8):
	    peer = socket.socket(socket.AF_UNIX)
	    peer.settimeout(20)
	    peers.append(peer)
	    try:
	        peer.connect('/run/vastagent/agent.sock')
	        peer.sendall(b'POST /v1/keys HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
	                     b'Content-Length: 1000000\r\n\r\n' + b' ' * 999000)
	    except OSError:
	        break
	END
kills()
{
	sed -n 's/^oom_kill //p' "$group/memory.oom_control"
}
was_killed()
{
	[ "$(kills)" -gt 0 ]
}
check "the kernel kills for memory" wait_until 20 was_killed
check "the key lets in meanwhile" gets_in
# Where there is none, the next ones die as well, and at last their parent, whom a container
# may not spare.
echo 64M >"$group/memory.limit_in_bytes"
lists()
{
	in_instance vastagent keys
}
check "there is room again: the next command gets its answer" wait_until 20 lists
another_answers()
{
	local now
	now=$(status '.pid // empty' 2>/dev/null) && [ -n "$now" ] && [ "$now" != "$old" ]
}
check "from another agent" wait_until 20 another_answers
expect_eq "with all it had" "$before" "$(kept)"
check "a key is added" in_instance vastagent addkey "$(laptop_key other)"
note "killed for memory: $(kills)"
in_instance vastagent stop >/dev/null
