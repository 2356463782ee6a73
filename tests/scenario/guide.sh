#!/bin/bash
# vastagent-guide(7): each command that it gives is run, and each symptom that it lists is
# brought about: the message is the one that people see. And the other pages' examples.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
page=$SOURCE/packaging/vastagent-guide.7

instance_start bare --bashrc unguarded # without vastagent
instance_start gpu --user yes
in_instance env VASTAGENT_BIN="$VASTAGENT_BUILD/vastagent" "$SOURCE/onstart/onstart.sh" >/dev/null
for name in mate stranger; do
	laptop_key "$name" >/dev/null
done
laptop cp /root/.ssh/mate.pub /root
in_instance sh -c 'cat >mate.pub' <<<"$(laptop_key mate)"

# ---- the commands ----

# The part that a command stands in, and the command; "$ " is the laptop's, "# " the instance's.
commands=$(awk '/^\.Sh / { part = substr($0, 5) } /^\.Dl / { sub(/^\.Dl /, ""); print part "\t" $0 }' "$page")
[ "$(wc -l <<<"$commands")" -gt 15 ] || fail "the page's commands are read" "$commands"
shown=
while IFS=$'\t' read -r part line <&3; do
	[ "$part" = "$shown" ] || note "$part"
	shown=$part
	command=${line#??}
	command=${command//PORT/22}
	command=${command//ADDRESS/$(instance_address)}
	case $line in
	*"ssh -t gpu bash") command="echo exit | $command 2>/dev/null" ;;
	*"rmkey mate") laptop sh -c 'ssh gpu vastagent keys' | grep -q mate || fail "there is one to remove" ;;
	*"vastagent doctor mate.pub") in_instance vastagent addkey mate.pub >/dev/null ;;
	esac
	case $line in
	'$ '*) check "$line" laptop sh -c "$command" ;;
	'# '*) check "$line" in_instance sh -c "$command" ;;
	*) fail "a command is somebody's" "$line" ;;
	esac
done 3<<<"$commands"
expect_match "the block names the instance" 'Host gpu' "$(laptop cat /root/.ssh/config)"

# The examples of the other pages, each page's in one shell: lines that are indented go on.
examples()
{
	awk '/^\.Sh / { inside = /EXAMPLES/ } /^\.(Bd|Ed)/ { block = /Bd/; next } inside && block' \
		"$SOURCE/packaging/$1" | sed 's/\\e/\\/g'
}
for other in vastagent.1 vastagent-api.7; do
	note "the examples of $other"
	examples "$other" | grep '^\$ ssh' | sed 's/^\$ //; s/PORT/22/; s/IP/gpu/' >"$WORLD/laptops"
	examples "$other" | grep -v '^\$ ssh\|^>' | sed 's/^[#$] //' >"$WORLD/here"
	[ "$(grep -c . "$WORLD/here")" -gt 5 ] || fail "there are some" "$(cat "$WORLD/here")"
	[ ! -s "$WORLD/laptops" ] || check "$(cat "$WORLD/laptops")" laptop sh -ec "$(cat "$WORLD/laptops")"
	check "$(grep -c . "$WORLD/here") lines more" in_instance bash -euo pipefail -c "$(cat "$WORLD/here")"
done

# ---- the symptoms ----

# Quotes, fonts and line ends do not count.
brought_about=
guide=$(mandoc -T ascii "$page" | sed 's/.\x08//g' | tr -s ' \n' '  ')
# symptom MESSAGE CMD...: CMD fails or not, prints that, and the page has it.
symptom()
{
	local message=$1
	shift
	SEEN=$("$@" 2>&1 </dev/null) || true
	[[ $SEEN == *"$message"* ]] || fail "people see: $message" "$SEEN"
	[[ $guide == *"$message"* ]] || fail "the guide has: $message"
	brought_about+="$message|"
	passed "$message"
}
# on_screen MESSAGE TERMINAL [SECONDS]: the same of a terminal.
on_screen()
{
	[[ $guide == *"$1"* ]] || fail "the guide has: $1"
	brought_about+="$1|"
	term_wait "$2" "${1//)/\\)}" "${3:-20}"
}
log_in=(laptop ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=accept-new)

note "keys"
symptom 'Permission denied (publickey)' "${log_in[@]}" -i /root/.ssh/stranger -o IdentitiesOnly=yes root@gpu true
symptom 'Offering public key' "${log_in[@]}" -v root@gpu true
laptop sh -c 'for i in 1 2 3 4 5 6 7; do ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/many$i; done'
many=()
for i in 1 2 3 4 5 6 7; do
	many+=(-i "/root/.ssh/many$i")
done
symptom 'Too many authentication failures' "${log_in[@]}" -o IdentitiesOnly=yes "${many[@]}" root@gpu true
laptop sh -c 'ssh-keygen -q -t ed25519 -N secret -f /root/.ssh/locked; ssh-keygen -q -t ed25519 -N "" -f /root/.ssh/open
	chmod 644 /root/.ssh/open'
in_instance vastagent addkey "$(laptop cat /root/.ssh/locked.pub)" "$(laptop cat /root/.ssh/open.pub)" >/dev/null
symptom 'UNPROTECTED PRIVATE KEY FILE' "${log_in[@]}" -o IdentitiesOnly=yes -i /root/.ssh/open root@gpu true
term_ssh locked -F none -o IdentitiesOnly=yes -i /root/.ssh/locked root@gpu
on_screen 'Enter passphrase for key' locked
term_close locked
symptom 'this is a PRIVATE key' in_instance vastagent addkey "$(laptop cat /root/.ssh/mate)"
symptom 'the key is cut off' in_instance vastagent addkey "$(laptop_key mate | cut -c 1-60)"

note "the server"
laptop sh -c 'printf "%s %s\n" gpu "$(cut -d " " -f 1,2 /root/.ssh/stranger.pub)" >/root/old_hosts'
symptom 'REMOTE HOST IDENTIFICATION HAS CHANGED' "${log_in[@]}" -o UserKnownHostsFile=/root/old_hosts root@gpu true
symptom 'Connection refused' "${log_in[@]}" -p 2200 root@gpu true
in_instance /usr/sbin/sshd -p 2222 -o PasswordAuthentication=yes -f /dev/null -o UsePAM=yes
for way in "password:'s password:" 'keyboard-interactive:) Password:'; do
	term_ssh asked -F none -p 2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o IdentitiesOnly=yes -i /root/.ssh/stranger -o "PreferredAuthentications=publickey,${way%%:*}" root@gpu
	on_screen "${way#*:}" asked
	term_close asked
done

note "logins"
in_instance touch /root/.no_auto_tmux
term_ssh plain gpu
term_wait plain 'root@gpu:~#' 20
term_type plain 'vastagent login --explain'
# shellcheck disable=SC2088 # the words of the message
on_screen '~/.no_auto_tmux exists' plain
term_close plain
in_instance rm /root/.no_auto_tmux
term_ssh home gpu
term_wait home '^\[ssh_tmux' 20
term_type home 'tmux'
on_screen 'sessions should be nested with care' home
in_instance pkill -STOP -x 'tmux: server'
term_ssh hung gpu
on_screen 'this is a plain shell' hung
in_instance pkill -CONT -x 'tmux: server'
term_close hung
term_close home
term_ssh cut -o ServerAliveInterval=1 -o ServerAliveCountMax=1 -o LogLevel=INFO gpu
term_wait cut '^(\[ssh_tmux|windows: )' 20
laptop ip link set "$(cat "$WORLD/machines/gpu/wire")" down
on_screen 'not responding' cut 30
laptop ip link set "$(cat "$WORLD/machines/gpu/wire")" up
laptop ip route replace "$(instance_address)" dev "$(cat "$WORLD/machines/gpu/wire")"
term_close cut

note "commands and transfers"
instance_use bare
# On a busy machine its tmux may fail in another way, once.
symptom 'open terminal failed: not a terminal' laptop sh -c 'for i in 1 2 3 4 5 6 7 8; do ssh bare true; done'
in_instance sh -c 'echo "echo welcome to my machine" >/root/.bashrc'
symptom 'Received message too long' laptop scp mate.pub bare:/tmp/
in_instance sh -c 'sed -i "1i [[ \$- == *i* ]] || return" /root/.bashrc'
check "the repair of the guide repairs" laptop scp mate.pub bare:/tmp/
instance_use gpu

note "forwards"
laptop python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 8099)); s.listen(); time.sleep(60)' &
wait_until 20 laptop bash -c 'exec 3<>/dev/tcp/127.0.0.1/8099' || fail "the port is taken"
symptom 'Address already in use' laptop ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=accept-new \
	-L 8099:localhost:8099 root@gpu true
symptom 'open failed: connect failed: Connection refused' laptop bash -c '
	ssh -F none -o StrictHostKeyChecking=accept-new -v -N -L 8098:localhost:8098 root@gpu 2>/root/forward.log &
	for i in $(seq 200); do { exec 3<>/dev/tcp/127.0.0.1/8098; } 2>/dev/null && break; sleep 0.1; done
	cat <&3 2>/dev/null; kill $!; cat /root/forward.log'

note "keys that vanished, and an agent that is not there"
in_instance vastagent pause 1h >/dev/null
symptom 'restoring is paused' in_instance vastagent status
in_instance vastagent resume >/dev/null
in_instance vastagent stop >/dev/null
symptom 'no agent answers' in_instance vastagent status
in_instance sed -i '/^ "sum"/d; s/"instance": "[0-9]*"/"instance": "99"/' /var/lib/vastagent/keys/root.json
in_instance vastagent start >/dev/null
set_aside()
{
	in_instance vastagent status | grep -q 'set aside'
}
wait_until 20 set_aside || fail "keys are set aside" "$(in_instance vastagent status)"
symptom 'those of another instance were set aside' in_instance vastagent status

# Those without a message of their own have one in their text, which is above; one is for
# a younger sshd (penalties.sh).
headings=$(sed -n 's/^\.It Sy \(\\&\)\{0,1\}//p' "$page" | grep -vx 'It hung\|tmux is not there\|Keys vanished\|kex_exchange.*')
while IFS= read -r heading; do
	[[ $brought_about == *"${heading%% , *}"* ]] || fail "the symptom was brought about: $heading" "$brought_about"
done <<<"$headings"
expect_match "every symptom of the guide was" 'Permission denied' "$headings"
