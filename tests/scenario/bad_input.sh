#!/bin/bash
# Every bad key, file, option and configuration line gets a clear line on standard error
# and the right exit status, and the file on disk does not change.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one --user yes
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
check "the agent starts" in_instance vastagent start
keys_file=/root/.ssh/authorized_keys
before=$(in_instance sha256sum "$keys_file")
good=$(laptop_key mate)
blob=$(cut -d ' ' -f 2 <<<"$good")
laptop_key secret >/dev/null
private=$(laptop cat /root/.ssh/secret)

# refused STATUS REGEX ARGUMENT...: one line on standard error that matches, nothing on
# standard output, and the file as it was.
refused()
{
	local status=$1 regex=$2 got=0 out
	shift 2
	out=$(in_instance bash -c '"$@" 2>/tmp/err' - vastagent "$@" </dev/null) || got=$?
	[ "$got" -eq "$status" ] || fail "$*: status $status" "got $got: $out $(in_instance cat /tmp/err)"
	[ -z "$out" ] || fail "$*: nothing on standard output" "$out"
	expect_match "$(printf '%.60s' "$*"): $(in_instance cut -c 1-90 /tmp/err)" "^vastagent: ${regex}[^
]*\$" "$(in_instance cat /tmp/err)"
	[ "$before" = "$(in_instance sha256sum "$keys_file")" ] || fail "the file is unchanged"
}

note "keys"
refused 65 'line 1: the key is cut off: [0-9]+ of 51 bytes' addkey "ssh-ed25519 ${blob%??????}"
refused 65 'line 1: .*says .ssh-ed25519. inside but .ssh-rsa. outside' addkey "ssh-rsa $blob"
refused 65 'line 1: .*damaged' addkey "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI-not-base64"
refused 65 'line 1: .*(glued|too many|damaged)' addkey "ssh-ed25519 $blob$blob"
refused 65 'line 1: it is no key' addkey "SSH-ED25519 $blob"
refused 65 'line 1: .*no key behind' addkey "ssh-ed25519 "
refused 65 'this is a PRIVATE key' addkey "$private"
refused 65 'there is no key' addkey "# only a comment"
refused 65 'there is no key' addkey ""
refused 65 "line 1: .*'foobar'" addkey "foobar ssh-ed25519 $blob"
refused 65 'line 1: .*expiry-time' addkey "expiry-time=\"20991399\" ssh-ed25519 $blob"
refused 65 'line 1: .*quotes' addkey "command=true ssh-ed25519 $blob"
refused 65 'line 1: .*cert-authority' addkey "cert-authority ssh-ed25519 $blob"
refused 65 'line 1: .*other options' addkey "restrict $(in_instance head -n 1 "$keys_file")"
refused 65 'line 2: ' addkey "$good" "ssh-ed25519 nonsense"
check_fails "of several bad lines each is named" 65 in_instance vastagent addkey "ssh-rsa $blob" x\ y
expect_match "by its number" 'line 1: .*line 2: .*nothing was added' "${SEEN//$'\n'/ }"
expect_no_match "a refused private key is not repeated" "$(sed -n 3p <<<"$private")" \
	"$(in_instance cat /var/log/vastagent.log /var/lib/vastagent/events.jsonl 2>/dev/null)"

note "files"
refused 66 'there is no file /nowhere' addkey /nowhere
refused 66 'cannot read /root' addkey /root
in_instance sh -c 'head -c 2000000 /dev/zero >/tmp/large; printf "ssh-ed25519 \000\n" >/tmp/nul'
refused 65 '/tmp/large holds more than' addkey /tmp/large
refused 65 'there are NUL bytes' addkey /tmp/nul

note "options and operands"
refused 64 'there is no command .adkey.; did you mean: vastagent addkey' adkey
refused 64 'there is no command .frobnicate.; see: vastagent help' frobnicate
refused 64 'keys: there is no option --jsno .did you mean --json..' keys --jsno
refused 64 'keys does not take --force; see' keys --force
for wrong in 'adkey --json' 'keys --json --nonsense' 'keys --force --js' 'rmkey --json' \
	'pause 10x --json' 'help adkey --json'; do
	# shellcheck disable=SC2086 # words
	expect_eq "$wrong: JSON, too" '"usage"' \
		"$(in_instance vastagent $wrong 2>/dev/null | jq -e .error.code)"
done
expect_eq "of a failure of the agent's, its code" '"no_such_user"' \
	"$(in_instance vastagent keys --user nobody-here --json 2>/dev/null | jq .error.code)"
expect_eq "of bad keys, each" '["bad_key"]' "$(in_instance vastagent addkey --json "ssh-rsa $blob" \
	2>/dev/null | jq -c '[.rejected[].code]')"
refused 64 'addkey needs a key' addkey
refused 64 'addkey: there is no option --nonsense' addkey --nonsense "$good"
refused 64 'addkey: --user needs an argument' addkey --user
refused 64 'keys does not take --force' keys --force
refused 64 'keys takes no .root.' keys root
refused 64 'rmkey needs' rmkey
refused 64 'pause takes one length of time' pause 10x
refused 64 'a name is' addkey --name 'two words' "$good"
refused 67 "no account 'nobody-here'" addkey --user nobody-here "$good"
refused 69 'no agent answers on /run/elsewhere' status --socket /run/elsewhere
check "nothing to do is no failure" in_instance vastagent rmkey nobody-here
expect_match "but it is said" 'nothing to do: no key fits .nobody-here.' "$SEEN"
refused 77 'SHA256:.* is the last key' rmkey --foreign "$(in_instance vastagent keys --json |
	jq -r '.keys[0].fingerprint')"

note "a file that sshd would not read"
in_instance chmod 666 "$keys_file"
refused 73 ".*can be written by others.*chmod go-w $keys_file" addkey "$good"
in_instance chmod 600 "$keys_file"
in_instance mv "$keys_file" /root/saved
in_instance mkfifo "$keys_file"
check_fails "a FIFO does not hold anybody up" 73 in_instance vastagent addkey "$good"
expect_match "and is named" 'not a regular file' "$SEEN"
in_instance rm "$keys_file"
in_instance mv /root/saved "$keys_file"

note "the configuration"
in_instance vastagent stop >/dev/null
# bad_config REGEX LINE...: the agent does not start, and says file, line and key.
bad_config()
{
	local regex=$1
	shift
	in_instance sh -c 'printf "%s\n" "$@" >/etc/vastagent.conf' - "$@"
	check_fails "configuration: $*" 78 in_instance vastagent daemon
	expect_match "$SEEN" "^vastagent: $regex" "$SEEN"
}
bad_config '/etc/vastagent.conf:2: \[agent\] colour: there is no such key' '[agent]' 'colour = blue'
bad_config '/etc/vastagent.conf:3: \[keys\] restore: expects yes or no' '# keys' '[keys]' 'restore = maybe'
bad_config '/etc/vastagent.conf:4: \[login\] tmux: given twice' '[login]' 'tmux = yes' '' 'tmux = no'
bad_config '/etc/vastagent.conf:1: ' 'no section and no value'
bad_config '/etc/vastagent.conf:2: .*longer than' '[keys]' "users = $(printf 'a%.0s' {1..300})"
in_instance rm /etc/vastagent.conf
in_instance sh -c 'echo "[agent]" >/etc/vastagent.conf; chmod 666 /etc/vastagent.conf'
check_fails "a configuration that others can write" 78 in_instance vastagent daemon
expect_match "is refused by name" '/etc/vastagent.conf must be a file that only root' "$SEEN"
in_instance rm /etc/vastagent.conf
check "without the file the defaults hold" in_instance vastagent start
in_instance sh -c 'printf "[keys]\nrestore = maybe\n" >/etc/vastagent.conf'
check_fails "a running agent refuses a bad new one" 78 in_instance vastagent reload
expect_match "with file, line and key" '/etc/vastagent.conf:2: \[keys\] restore' "$SEEN"
check "and goes on with the old one" in_instance vastagent status

note "one agent a machine"
in_instance rm /etc/vastagent.conf
check_fails "a second agent leaves" 75 in_instance vastagent daemon
expect_match "and says who is running" "an agent runs already: pid $(in_instance vastagent status --json |
	jq .pid)" "$SEEN"
check_fails "an account does not start one" 77 in_instance_as user vastagent daemon

note "a private key that is sent all the same is not kept in the agent's memory"
in_instance sh -c 'cat >/tmp/secret && chmod 600 /tmp/secret' <<<"$private"
in_instance puttygen /tmp/secret -O private -o /tmp/secret.ppk
# Only what is secret of it: the public half stands in the same lines.
secret=$(sed -n 5p <<<"$private" | cut -c 5-44)
ppk_secret=$(in_instance sed -n '/^Private-Lines/,/^Private-MAC/{/^Private/!p}' /tmp/secret.ppk)
inside=$(in_instance vastagent status --json | jq .pid)
namespace=$(readlink "/proc/$(machine_pid one)/ns/pid")
for process in /proc/[0-9]*; do
	[ "$(readlink "$process/ns/pid")" = "$namespace" ] &&
		grep -qE "^NSpid:.*[[:space:]]$inside\$" "$process/status" && agent=${process#/proc/}
done
pieces()
{
	python3 "$SOURCE/tests/scenario/bad_input/in_memory.py" "$agent" "$secret" "$ppk_secret"
}
# Sanitizers keep what was freed, and the frames of functions that are over.
none_left()
{
	sanitized || [ "$(pieces)" = 0 ]
}
# post STATUS TYPE FILE: the file is sent as it is.
post()
{
	expect_eq "$3 as $2: $1" "$1" "$(in_instance curl -s -o /dev/null -w '%{http_code}' --max-time 20 \
		--unix-socket /run/vastagent/agent.sock -H "Content-Type: $2" --data-binary "@$3" \
		http://localhost/v1/keys)"
}
in_instance rm -f /etc/vastagent.conf
# hold FILE [LENGTH]: posts the file, says so, and keeps the connection open; with a LENGTH
# that is more than it has, the request never ends.
hold()
{
	rm -f "$held"
	in_instance python3 - "$@" >/dev/null 2>&1 <<-'END_OF_PYTHON' &
		import os, socket, sys, time
		body = open(sys.argv[1], 'rb').read()
		agent = socket.socket(socket.AF_UNIX)
		agent.connect('/run/vastagent/agent.sock')
		agent.sendall(b'POST /v1/keys HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
		              b'Content-Length: %d\r\n\r\n' % int((sys.argv + [len(body)])[2]) + body)
		if len(sys.argv) == 2:
		    agent.recv(4096)
		with open('/tmp/held.new', 'w') as file:
		    file.write(str(os.getpid()))
		os.rename('/tmp/held.new', '/tmp/held')
		time.sleep(60)
	END_OF_PYTHON
	wait_until 20 test -e "$held"
}
held=$WORLD/machines/one/tmp/held
let_go()
{
	in_instance sh -c 'kill "$(cat /tmp/held)"'
}
some_there()
{
	[ "$(pieces)" != 0 ]
}
in_instance sh -c "jq -Rs '{text: ., user: \"root\"}' /tmp/secret >/tmp/secret.json
	jq -Rs '{text: ., user: \"root\"}' /tmp/secret.ppk >/tmp/secret.ppk.json"
check "a request without an end is sent" hold /tmp/secret.json 5000
check "it is found there, so that the search can find" wait_until 20 some_there
check "its sender goes" let_go
check "then it is not" wait_until 20 none_left
check "a request with an end is sent" hold /tmp/secret.json
check "it is gone while the connection is still open" wait_until 20 none_left
check "its sender goes" let_go
for file in /tmp/secret /tmp/secret.ppk; do
	post 400 application/json "$file"
	post 415 text/plain "$file"
	check "of $file nothing is left" wait_until 20 none_left
done
post 400 application/json /tmp/secret.json
check "nor of one that came in the right form" wait_until 20 none_left
post 200 application/json /tmp/secret.ppk.json
check "nor of a .ppk, whose public part was used" wait_until 20 none_left
no_child()
{
	! in_instance pgrep -P "$inside" -x vastagent
}
check "and no child lives on with a copy" wait_until 15 no_child
