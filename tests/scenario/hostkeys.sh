#!/bin/bash
# The server's keys and the way in, as a client needs them before its first connection:
# fingerprints, known_hosts lines and an ssh_config block, each used by a real client.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

install_agent()
{
	in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
}

instance_start one --bashrc none --user yes --env VAST_TCP_PORT_22=20544
install_agent
in_instance /usr/sbin/sshd -p 20544

note "fingerprints"
fingerprints()
{
	in_instance vastagent hostkeys --json | jq -r '.host_keys[].fingerprint' | sort
}
scanned()
{
	laptop sh -c 'ssh-keyscan -p "$2" "$1" 2>/dev/null | ssh-keygen -l -f -' - \
		"$(instance_address)" "$1" | cut -d ' ' -f 2 | sort
}
expect_eq "they are those that sshd shows to a client" "$(scanned 22)" "$(fingerprints)"
check "people see them as ssh's question has them" in_instance vastagent hostkeys
expect_match "the type in its words" "SHA256:[^ ]{43} +ED25519 +256 +/etc/ssh/ssh_host_ed25519_key.pub" "$SEEN"
expect_eq "another account sees the same" "$SEEN" "$(in_instance_as user vastagent hostkeys)"

note "private halves are not opened"
in_instance strace -ff -o /tmp/trace -e trace=openat,open vastagent hostkeys >/dev/null
opened=$(in_instance sh -c 'grep -h ssh_host "$(ls /tmp/trace.* | sort -t . -k 2 -n | head -n 1)"')
expect_match "the public ones are" 'ssh_host_ed25519_key\.pub' "$opened"
expect_no_match "no other" 'ssh_host_[a-z0-9]*_key"' "$opened"

note "known_hosts"
# strict FILE ARGUMENT...: an ssh that asks nobody and knows only what is in the file.
strict()
{
	local file=$1
	shift
	laptop ssh -o StrictHostKeyChecking=yes -o UserKnownHostsFile="$file" \
		-o GlobalKnownHostsFile=/dev/null "$@"
}
# save FILE ARGUMENT...: what vastagent prints, as a file of the laptop's.
save()
{
	local file=$1
	shift
	in_instance vastagent "$@" | laptop tee "$file" >/dev/null
}
laptop touch /root/nothing
check_fails "without the lines ssh refuses" 255 strict /root/nothing -p 20544 \
	"root@$(instance_address)" true
save /root/lines hostkeys --known-hosts
check "with them it connects without a question" strict /root/lines -p 20544 \
	"root@$(instance_address)" true
expect_match "they name the port" "^\[192\.0\.2\.[0-9]+\]:20544 ecdsa-sha2-nistp256 " \
	"$(in_instance vastagent hostkeys --known-hosts)"

note "ssh-config"
save /root/block ssh-config --name gpu -L 18080 -L 18081:localhost:18080
check "ssh takes the block" laptop ssh -F /root/block -o UserKnownHostsFile=/root/lines -G gpu
expect_match "with its forwards" 'localforward 18080 \[localhost\]:18080' "$SEEN"
expect_match "and keep-alives" 'serveraliveinterval [1-9]' "$SEEN"
check "ssh gets in by it" laptop ssh -F /root/block -o UserKnownHostsFile=/root/lines gpu true
check "scp too" laptop scp -q -F /root/block -o ClearAllForwardings=yes \
	-o UserKnownHostsFile=/root/lines /root/block gpu:/tmp/copy
in_instance sh -c 'mkdir -p /tmp/www && echo served >/tmp/www/index.html'
in_instance python3 -m http.server -d /tmp/www --bind 127.0.0.1 18080 >/dev/null 2>&1 &
laptop sh -c 'exec ssh -F /root/block -o UserKnownHostsFile=/root/lines -N gpu' &
served()
{
	[ "$(laptop curl -s --max-time 2 "http://127.0.0.1:$1/")" = served ]
}
check "a forwarded port leads to the instance" wait_until 10 served 18080
check "so does one with a number of its own" wait_until 10 served 18081
expect_match "it is named after the instance" '^Host vast-12345$' \
	"$(in_instance vastagent ssh-config | head -n 1)"
check_fails "another account is not told before the agent ran" 69 \
	in_instance_as user vastagent ssh-config
expect_match "and not told a wrong reason" 'not known to this account' "$SEEN"
check "the agent starts" in_instance vastagent start
written()
{
	in_instance_as user vastagent ssh-config
}
check "then another account is" wait_until 20 written
expect_match "and it is for that account" 'User user' "$(in_instance_as user vastagent ssh-config)"
for bad in 0 65536 x 80:a:b 80:: 80:a:b:c '80:a b:80' 80:localhost:80:; do
	check_fails "-L $bad" 64 in_instance vastagent ssh-config -L "$bad"
done
for bad in '' '*' 'a b' '!x' '-x' 'a"b' $'a\nb'; do
	check_fails "--name $(printf %q "$bad")" 64 in_instance vastagent ssh-config --name="$bad"
done

note "what sshd is told to use"
in_instance sh -c 'ssh-keygen -q -t ed25519 -N "" -f /etc/own_key
	echo "HostKey /etc/own_key" >/etc/ssh/sshd_config.d/own.conf'
expect_eq "is what is shown" "$(in_instance ssh-keygen -lf /etc/own_key.pub | cut -d ' ' -f 2)" \
	"$(fingerprints)"
in_instance rm /etc/own_key.pub
check_fails "without a public half there is nothing to show" 69 in_instance vastagent hostkeys
expect_match "and the command that makes it" 'ssh-keygen -y -f /etc/own_key >/etc/own_key.pub' "$SEEN"
in_instance rm /etc/ssh/sshd_config.d/own.conf
in_instance sh -c 'rm /etc/ssh/ssh_host_*'
check_fails "no keys at all" 69 in_instance vastagent hostkeys --json
expect_match "is JSON, too" '"code":"unreachable"' "$SEEN"

note "only the proxy"
instance_start two --env VAST_TCP_PORT_22=
install_agent
for command in 'hostkeys --known-hosts' ssh-config; do
	# shellcheck disable=SC2086 # words
	check_fails "$command does not invent an address" 69 in_instance vastagent $command
	expect_match "it says what to ask" 'on your own machine ask: vastai ssh-url 12346' "$SEEN"
done
check "fingerprints are there all the same" in_instance vastagent hostkeys

note "the on-start report"
instance_start three --bashrc none --on-start "VASTAGENT_BIN=$VASTAGENT_BUILD/vastagent $SOURCE/onstart/onstart.sh"
report=$(instance_log)
expect_match "has the fingerprints" 'host key: SHA256:[^ ]{43} +ED25519' "$report"
laptop tee /root/reported >/dev/null < <(sed -n 's/^known_hosts: //p' <<<"$report")
check "and lines that a client takes" strict /root/reported "root@$(instance_address)" true
