#!/bin/bash
# What listens on the instance, who serves it, and how to reach it: every way in that is
# named is used from the laptop.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one --user yes --bashrc none --env VAST_TCP_PORT_70000=40070 \
	--env VAST_TCP_PORT_1111=1111 --env ENABLE_HTTPS=false --stage spread_keys
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
in_instance useradd -m -s /bin/bash alice
in_instance sh -c 'mkdir /srv/page && echo "the page" >/srv/page/index.html'
check "the agent starts" in_instance vastagent start
address=$(instance_address)

# serve USER ADDRESS PORT: a web server of that account's.
serve()
{
	in_instance_as "$1" python3 -m http.server --bind "$2" --directory /srv/page "$3" \
		>/dev/null 2>&1 &
	wait_until 10 listens "$3" || fail "something listens at port $3"
}

listens()
{
	in_instance sh -c "ss -Htln sport = :$1 | grep -q ."
}

# service PORT FILTER: what the list says about a port, as root sees it.
service()
{
	in_instance vastagent services --json |
		jq -r --argjson port "$1" "[.services[] | select(.port == \$port)] | $2"
}

# paste LINE: the laptop runs that ssh line in the background.
paste_line()
{
	laptop sh -c "$1 -N -o ExitOnForwardFailure=yes & echo \$! >/root/pasted.pid"
}

note "sshd itself"
expect_eq "is there with its way in" "sshd 192.0.2.2:22 true null ssh -p 22 root@192.0.2.2" \
	"$(service 22 '.[0] | "\(.process) \(.public) \(.exposed) \(.url) \(.command)"')"
expect_eq "the line leads in" one "$(laptop sh -c "$(service 22 '.[0].command') hostname")"

note "a page that listens inside only"
serve root 127.0.0.1 5000
expect_eq "has a line to paste" "ssh -p 22 root@$address -L 5000:localhost:5000" \
	"$(service 5000 '.[0].command')"
expect_eq "and is nowhere else" "null null false null" \
	"$(service 5000 '.[0] | "\(.public) \(.url) \(.exposed) \(.hint)"')"
paste_line "$(service 5000 '.[0].command')"
check "the page is there" laptop curl -s --retry 30 --retry-delay 1 --retry-connrefused \
	http://localhost:5000/
expect_eq "through the line" "the page" "$SEEN"
# shellcheck disable=SC2016 # for the shell over there
laptop sh -c 'kill "$(cat /root/pasted.pid)"'

note "a page on a port below 1024"
serve root 127.0.0.1 80
expect_eq "comes out above it" "ssh -p 22 root@$address -L 8080:localhost:80" \
	"$(service 80 '.[0].command')"

note "a page on an open port"
serve root 0.0.0.0 40070
expect_eq "has an address for a browser" "http://$address:40070/ true null" \
	"$(service 40070 '.[0] | "\(.url) \(.exposed) \(.command)"')"
expect_eq "which leads to it" "the page" "$(laptop curl -s "$(service 40070 '.[0].url')")"
serve root 127.0.0.1 8080
expect_match "one that listens inside only is told why it is not reached" \
	'open to the outside as 40080, but it listens for this machine only' \
	"$(service 8080 '.[0].hint')"

note "the platform's web portal"
# As caddy_config_manager.py writes it.
in_instance tee /etc/portal.yaml >/dev/null <<'END'
applications:
  The Page:
    hostname: localhost
    external_port: 1111
    internal_port: 5000
    open_path: /index.html
    name: The Page
END
expect_eq "does not lead to what its proxy does not serve" "The Page null" \
	"$(service 5000 '.[0] | "\(.name) \(.public)"')"
serve root 0.0.0.0 1111 # in the proxy's place
expect_eq "leads to what is behind it" "http://$address:1111/index.html false" \
	"$(service 5000 '.[0] | "\(.url) \(.exposed)"')"
expect_eq "in fact" "the page" "$(laptop curl -s "$(service 5000 '.[0].url')")"
in_instance chmod 666 /etc/portal.yaml
expect_eq "a file that anybody can write is not believed" null "$(service 5000 '.[0].name')"

note "other accounts"
serve alice 127.0.0.1 6000
in_instance setpriv --reuid 4711 --clear-groups python3 -m http.server --bind 127.0.0.1 \
	--directory /srv/page 6001 >/dev/null 2>&1 &
wait_until 10 listens 6001 || fail "an uid without an account listens"
expect_eq "the process is known, by asking the account" "python3 pid true" \
	"$(service 6000 '.[0] | "\(.process) \(.attributed) \(.pid > 1)"')"
expect_eq "without an account there is the uid" "null uid 4711" \
	"$(service 6001 '.[0] | "\(.process) \(.attributed) \(.uid)"')"
expect_eq "which sees its own, without a line" "6001 null" \
	"$(in_instance setpriv --reuid 4711 --clear-groups vastagent services --json |
		jq -r '.services[] | "\(.port) \(.command)"')"
expect_eq "alice sees hers only, and logs in as herself" \
	"6000 ssh -p 22 alice@$address -L 6000:localhost:6000" \
	"$(in_instance_as alice vastagent services --json |
		jq -r '.services[] | "\(.port) \(.command)"')"

note "an account with very many"
in_instance_as alice python3 -c 'import resource, socket, time
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
many = [socket.create_server(("127.0.%d.%d" % (i // 250, 1 + i % 250), 6100))
	for i in range(15000)]
open("/tmp/many", "w").close()
time.sleep(600)' &
check "listens" wait_until 60 in_instance test -e /tmp/many
agent=$(in_instance vastagent status --json | jq .pid)
# Without the program, which would hold the whole answer, too.
expect_eq "all are told" 15001 "$(in_instance_as alice curl -s --unix-socket \
	/run/vastagent/agent.sock http://localhost/v1/services | jq '.services | length')"
in_instance pkill -f /tmp/many
most=$(in_instance awk '/^VmHWM/ { print $2 }' "/proc/$agent/status")
note "at most $most KiB"
sanitized || check "and the agent stays small" [ "$most" -lt 20000 ]

note "what a session forwards is no service"
for user in root user; do
	laptop sh -c "ssh -N -R 127.0.0.1:7000:localhost:1 $user@one & echo \$! >/root/pasted.pid"
	wait_until 10 listens 7000 || fail "$user's session listens"
	expect_eq "of $user" 0 "$(service 7000 length)"
	# shellcheck disable=SC2016
	laptop sh -c 'kill "$(cat /root/pasted.pid)"'
	wait_until 10 eval '! listens 7000' || fail "$user's session ends"
done

note "against ss, run as full root"
theirs=$(nsenter --target "$(machine_pid one)" --net ss -Htln | awk '{ print $4 }' |
	sed 's/[][]//g' | sort -u)
ours=$(in_instance vastagent services --json |
	jq -r '.services[] | "\(.address):\(.port)"' | sort -u)
expect_eq "the same listening sockets" "$theirs" "$ours"
whole=$(in_instance vastagent services)
expect_match "for people" "PORT +ADDRESS +PROCESS" "$whole"
expect_match "what is open is marked" "40070 +0.0.0.0 +python3 +- +open +http://$address:40070/" \
	"$whole"
expect_match "and that the address can change" "vastai ssh-url 12345" "$whole"

note "an instance that only the platform's proxy leads to"
instance_start two --bashrc none --env VAST_TCP_PORT_22=
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
check "the agent starts" in_instance vastagent start
in_instance sh -c 'mkdir /srv/page && echo "the page" >/srv/page/index.html'
serve root 127.0.0.1 5000
expect_eq "names no line that it does not know" "null null" \
	"$(service 5000 '.[0] | "\(.public) \(.command)"')"
expect_match "but what to ask" "proxy .*vastai ssh-url 12346" "$(in_instance vastagent services)"
