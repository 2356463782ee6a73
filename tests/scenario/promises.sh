#!/bin/bash
# What SECURITY.md promises and no other scenario looks at: what the agent takes from whoever
# starts it, who sees into its directories, requests by way of a tunnel, directories that
# others can write to, and what the login hook asks.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one --user yes --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
in_instance "$SOURCE/onstart/hook.sh" install >/dev/null
in_instance useradd -m -s /bin/bash alice

note "an agent is not as the shell was that started it"
check "started with a strange environment, directory, mask and file" in_instance env SECRET_OF=mine \
	LD_LIBRARY_PATH=/tmp CONTAINER_ID=666 bash -c 'cd /tmp && umask 0 && exec vastagent start 9</etc/hosts'
agent=$(in_instance vastagent status --json | jq .pid)
parent=$(in_instance ps -o ppid= -p "$agent" | tr -d ' ')
for process in "$agent" "$parent"; do
	expect_no_match "its environment is its own" 'SECRET_OF|LD_LIBRARY_PATH=/tmp|CONTAINER_ID' \
		"$(machine_enter one cat "/proc/$process/environ" | tr '\0' '\n')"
	expect_eq "its directory is /" / "$(machine_enter one readlink "/proc/$process/cwd")"
	expect_eq "what it makes is closed to others" 0077 \
		"$(in_instance awk '/^Umask/ { print $2 }' "/proc/$process/status")"
	expect_no_match "it holds no file of that shell" hosts \
		"$(machine_enter one find "/proc/$process/fd" -printf '%l ')"
done
expect_eq "it knows its instance by process 1" 12345 "$(in_instance vastagent status --json | jq -r .instance)"

note "the directories"
expect_eq "the socket is for all, in a directory that is root's" '755 root 666 root' \
	"$(in_instance stat -c '%a %U' /run/vastagent /run/vastagent/agent.sock | xargs)"
expect_eq "the state is for root" '700 root 700 root' \
	"$(in_instance stat -c '%a %U' /var/lib/vastagent /var/lib/vastagent/keys | xargs)"
check_fails "another account does not look into it" any in_instance_as alice ls /var/lib/vastagent
check_fails "nor puts another socket there" any in_instance_as alice touch /run/vastagent/x
check "the agent stops" in_instance vastagent stop
in_instance chmod 777 /var/lib/vastagent
check_fails "a state that others could have written is not used" any in_instance vastagent daemon
expect_match "and named" '/var/lib/vastagent must be a directory that only root' "$SEEN"
in_instance chmod 700 /var/lib/vastagent
check "as root's alone it is" in_instance vastagent start

note "a socket that is forwarded, and one that the configuration allows"
forwarded()
{
	laptop curl -s -o /dev/null -w '%{http_code}' --unix-socket /root/agent.sock http://localhost/v1/keys
}
# by_tunnel STATUS: what keys answer through a forwarded socket.
by_tunnel()
{
	laptop sh -c 'rm -f /root/agent.sock
		ssh -N -o ExitOnForwardFailure=yes -L /root/agent.sock:/run/vastagent/agent.sock one &
		echo $! >/root/forward.pid'
	wait_until 20 laptop test -S /root/agent.sock || fail "the forwarded socket is there"
	expect_eq "through a tunnel, keys answer $1" "$1" "$(forwarded)"
	laptop sh -c 'kill "$(cat /root/forward.pid)"'
}
# Debian 12's dropbear forwards no unix sockets; its name is what the agent goes by.
in_instance sh -c 'cp "$(command -v curl)" /tmp/dropbear'
expect_eq "nor does a server called dropbear get at the keys" 403 "$(in_instance /tmp/dropbear -s -o /dev/null \
	-w '%{http_code}' --unix-socket /run/vastagent/agent.sock http://localhost/v1/keys)"
by_tunnel 403
in_instance sh -c 'umask 022; printf "[agent]\nforwarded = yes\n" >/etc/vastagent.conf'
check "the configuration allows it" in_instance vastagent reload
by_tunnel 200
in_instance rm /etc/vastagent.conf
check "and no longer" in_instance vastagent reload
by_tunnel 403

note "a start-up file of root's that is somebody else's in fact"
in_instance_as alice tee /home/alice/bashrc >/dev/null <<'END'
if [[ -z "$TMUX" && -n "$SSH_CONNECTION" ]]; then
	tmux attach-session -t ssh_tmux || tmux new-session -s ssh_tmux
fi
END
theirs=$(in_instance sha256sum /home/alice/bashrc)
in_instance ln -sf /home/alice/bashrc /root/.bashrc
check "the agent looks at it" in_instance vastagent reload
check "and says that it leaves it alone" wait_until 20 in_instance sh -c \
	'vastagent status | grep "warning: logins of root: .*alice.*"'
expect_eq "it is as it was" "$theirs" "$(in_instance sha256sum /home/alice/bashrc)"
in_instance cp /etc/skel/.bashrc /root/.bashrc.new
in_instance mv /root/.bashrc.new /root/.bashrc

note "lines that admit keys which nobody listed"
authority="cert-authority $(laptop_key authority)"
check_fails "an account does not add one, even with --force" 65 \
	in_instance_as alice vastagent addkey --force "$authority"
check_fails "nor root by mistake" 65 in_instance vastagent addkey "$authority"
check "root with --force" in_instance vastagent addkey --force "$authority"
expect_match "and it is seen for what it is" 'cert-authority' "$(in_instance vastagent keys)"
check "it goes again" in_instance vastagent rmkey authority@laptop

note "a file of keys outside of the home"
in_instance sh -c 'mkdir -p /srv/ssh/keys; echo "AuthorizedKeysFile /srv/ssh/keys/%u" >/etc/ssh/sshd_config.d/keys.conf'
for directory in /srv/ssh /srv/ssh/keys; do
	in_instance chmod 777 "$directory"
	check_fails "below $directory, which others can write to" 73 \
		in_instance vastagent addkey --user alice "$(laptop_key mate)"
	expect_match "it is named" "$directory" "$SEEN"
	expect_eq "nothing is made there" '' "$(in_instance find /srv/ssh -type f)"
	in_instance chmod 755 "$directory"
done
check "root's alone will do" in_instance vastagent addkey --user alice "$(laptop_key mate)"
in_instance rm /etc/ssh/sshd_config.d/keys.conf
in_instance vastagent keys >/dev/null
expect_eq "where root's are is told all the while" /root/.ssh/authorized_keys \
	"$(in_instance vastagent status --json | jq -r '.accounts[] | select(.user == "root") | .file')"

note "what the login hook asks"
check "the agent does not run" in_instance vastagent stop
check "a key for user" in_instance_as user sh -c 'mkdir -m 700 ~/.ssh; cat >~/.ssh/authorized_keys' \
	<<<"$(laptop_key)"
in_instance mv /usr/local/bin/vastagent /usr/local/bin/the-real
in_instance install -m 755 /dev/stdin /usr/local/bin/vastagent <<'END'
#!/bin/sh
exec strace -D -f -qq -y -o /tmp/trace-$1-$$ -e trace=network,%file,%creds /usr/local/bin/the-real "$@"
END
term_ssh theirs user@one
term_wait theirs '^\[ssh_tmux' 20
trace()
{
	in_instance sh -c 'cat /tmp/trace-login-*'
}
expect_match "it is what started tmux" 'execve\("[^"]*/tmux"' "$(trace)"
sockets=$(trace | grep -oE 'socket\(AF_[A-Z0-9]+' | sort -u | xargs)
expect_match "the sockets it has are of this machine" '^(socket\((AF_UNIX|AF_NETLINK)( |$))*$' "$sockets"
expect_no_match "it does not speak to the agent" 'vastagent/agent\.sock' "$(trace)"
expect_no_match "nor change who it is" 'set(re|res|fs)?[ug]id\(' "$(trace)"
expect_match "it is the account's" 'getuid\(\) += 1001' "$(trace)"
term_close theirs
