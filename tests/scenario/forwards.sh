#!/bin/bash
# Every kind of forward: asked for by a real client, used, listed, closed, gone. In a
# container and in a VM (all capabilities), of root and of another account; ss, run as
# full root, says whose sockets they really are.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

# rows FILTER: of the list, as root sees it.
rows()
{
	in_instance vastagent forwards --json | jq -r "$1"
}

# The list, a line each, sorted; what the server makes up is "*".
listed()
{
	rows '.forwards[] | "\(.type) \(.listen // "-") \(.target // "-") \(.connections)"' |
		sed -E 's|/tmp/ssh-[A-Za-z0-9]+/agent\.[0-9]+|AGENT|' |
		sort
}

is_listed()
{
	[ "$(listed)" = "$1" ]
}

expect_listed()
{
	wait_until 15 is_listed "$2" || fail "$1" "wanted:" "$2" "got:" "$(listed)"
	passed "$1"
}

# By full root: "listen ADDRESS PID" and "target ADDRESS PID" of the sessions' sockets.
oracle()
{
	machine_enter "$INSTANCE" ss -Htnap | sed 's/[][]//g' | awk '
		!/"sshd/ { next }
		{ pid = $0; sub(/.*pid=/, "", pid); sub(/,.*/, "", pid) } # the last: the session
		$1 == "LISTEN" && $4 !~ /:22$/ { taken[$4] = 1; print "listen", $4, pid }
		$1 == "ESTAB" && $4 !~ /:22$/ { open[++n] = $4; to[n] = $5; by[n] = pid }
		END { for (i = 1; i <= n; i++) if (!(open[i] in taken)) print "target", to[i], by[i] }
	' | sort -u
}

# The same of ours; without the process where it is not known.
ours()
{
	rows '.forwards[] | select(.type | test("unix|agent") | not) |
		"\(if .listen then "listen" else "target" end) \(.listen // .target) \(.session.pid // "-")"' |
		sed 's/[][]//g' | sort -u
}

# Those who use something write down their process in there, and are ended by that.
#
# use PORT...: the laptop holds a connection to each.
use()
{
	laptop sh -c 'python3 -c "$@" & echo $! >>/root/users' - '
import socket, sys, time
held = [socket.create_connection(("localhost", int(port))) for port in sys.argv[1:]]
time.sleep(1000)' "$@"
}

# From the inside: to what a session listens at.
use_inside()
{
	in_instance sh -c 'python3 -c "$@" & echo $! >>/root/users' - '
import socket, sys, time
held = []
for name in sys.argv[1:]:
    if name.startswith("/"):
        held.append(socket.socket(socket.AF_UNIX)); held[-1].connect(name)
    else:
        held.append(socket.create_connection(("127.0.0.1", int(name))))
time.sleep(1000)' "$@"
}

# Through -D, as a browser would: the page keeps the connection.
use_socks()
{
	laptop sh -c 'curl -s --socks5-hostname localhost:1080 -o /dev/null "$0" &
		echo $! >>/root/users' "$1"
}

unuse()
{
	# shellcheck disable=SC2016 # for the shell over there
	local all='test ! -e /root/users || kill $(cat /root/users); rm -f /root/users'
	laptop sh -c "$all"
	in_instance sh -c "$all"
}

# story USER ATTRIBUTED
story()
{
	local user=$1 attributed=$2 port
	note "$user's forwards, told by $attributed"
	# shellcheck disable=SC2016 # for the shell over there
	laptop sh -c "echo \$\$ >/root/session.pid
		ssh-agent -D -a /root/agent.\$\$ >/dev/null & echo \$! >/root/agent.pid
		while ! [ -S /root/agent.\$\$ ]; do sleep 0.05; done
		SSH_AUTH_SOCK=/root/agent.\$\$ exec ssh -tt -A -o LogLevel=INFO -o ExitOnForwardFailure=yes \
		-L 8001:127.0.0.1:9000 -L 8002:localhost:9000 -L '8003:[::1]:9000' \
		-L 8004:/tmp/target.sock -D 1080 -R 7001:localhost:1234 -R '*:7002:localhost:1234' \
		-R 0:localhost:1234 -R /tmp/remote.$user.sock:localhost:1234 $user@$INSTANCE 'echo ready; exec cat' \
		>/root/session.log 2>&1" &
	wait_until 15 laptop grep -q '^ready' /root/session.log ||
		fail "the session is there" "$(laptop cat /root/session.log)"
	port=$(laptop sed -n 's/^Allocated port \([0-9]*\).*/\1/p' /root/session.log)
	local idle="agent AGENT - 0
remote 127.0.0.1:$port - 0
remote 127.0.0.1:7001 - 0
remote 0.0.0.0:7002 - 0
remote [::1]:$port - 0
remote [::1]:7001 - 0
remote [::]:7002 - 0
remote-unix /tmp/remote.$user.sock - 0"
	expect_listed "what the server listens at is there; an -L or -D nobody uses is not" \
		"$(sort <<<"$idle")"
	expect_eq "all are $user's" "$user $attributed" \
		"$(rows '[.forwards[] | "\(.session.user) \(.attributed)"] | unique | join(",")')"

	use 8001 8001 8002 8003 8004
	use_inside 7001 "/tmp/remote.$user.sock"
	use_socks http://127.0.0.1:9001/
	expect_listed "used, grouped, with their targets" "$(sort <<-END
		$(sed '/:7001 - 0/s/127.0.0.1:7001 - 0/127.0.0.1:7001 - 1/; /remote.*sock/s/0$/1/' <<<"$idle")
		local - 127.0.0.1:9001 1
		local - 127.0.0.1:9000 3
		local - [::1]:9000 1
		local-unix - /tmp/target.sock 1
	END
	)"
	if [ "$attributed" = pid ]; then
		expect_eq "the same sockets and owners as ss has" "$(oracle)" "$(ours)"
	else
		expect_eq "the same sockets as ss has" "$(oracle | cut -d' ' -f 1,2)" \
			"$(ours | cut -d' ' -f 1,2)"
	fi
	expect_eq "another account sees none of it" 0 \
		"$(in_instance_as bob vastagent forwards --json | jq '.forwards | length')"
	unuse
	expect_listed "closed again" "$(sort <<<"$idle")"
	laptop sh -c 'kill $(cat /root/session.pid /root/agent.pid); rm -f /root/agent.* /root/session.log'
	expect_listed "gone" ""

	laptop sh -c "sleep 1000 | ssh -W 127.0.0.1:9000 $user@$INSTANCE & echo \$! >>/root/users" &
	expect_listed "-W, as a jump host has it" "local - 127.0.0.1:9000 1"
	unuse
	expect_listed "gone, too" ""
}

# What forwards lead to, here and on the laptop: it keeps what connects until the other end
# has enough.
hold='
import os, socket, sys, threading
def keep(connection):
    while connection.recv(4096): pass
    connection.close()
def serve(listener):
    while True: threading.Thread(target=keep, args=(listener.accept()[0],)).start()
for name in sys.argv[1:]:
    host, port = name.rsplit(":", 1)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET if host else socket.AF_UNIX
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)) if host else port)
    if not host: os.chmod(port, 0o777)
    listener.listen(64)
    threading.Thread(target=serve, args=(listener,)).start()'

targets()
{
	in_instance python3 -c "$hold" 127.0.0.1:9000 ::1:9000 127.0.0.1:9001 :/tmp/target.sock &
	wait_until 15 in_instance test -S /tmp/target.sock || fail "the targets are there"
}

laptop_start
laptop python3 -c "$hold" 127.0.0.1:1234 &
for kind in container vm; do
	note "in a $kind"
	as=()
	[ "$kind" = container ] || as=(--vm 0123456789abcdef0123456789abcdef)
	instance_start "$kind" --user yes --bashrc none --stage spread_keys "${as[@]}"
	in_instance useradd -m bob
	in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
	# Started by a command of a container's rights it would have no more than those.
	if [ "$kind" = vm ]; then
		check "the agent starts" machine_enter "$INSTANCE" vastagent start
	else
		check "the agent starts" in_instance vastagent start
	fi
	in_instance sh -c 'echo "GatewayPorts clientspecified" >>/etc/ssh/sshd_config
		pkill -HUP -o -x sshd'
	wait_until 10 instance_listens || fail "sshd has read its configuration"
	targets
	story root pid
	if [ "$kind" = vm ]; then
		story user pid
	else
		story user uid
	fi
done
