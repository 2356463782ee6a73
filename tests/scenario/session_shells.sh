#!/bin/bash
# Other shells than root's bash, another account, another server, and homes that are not
# as they should be: programs do not notice, people are in tmux or get a plain shell.
#
# SESSION_TABLE=all: every program of the table for every shell and account.
# shellcheck disable=SC2016 # what is typed is expanded where it is typed
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
# shellcheck source=tests/scenario/session_table/lib.sh
. "$SOURCE/tests/scenario/session_table/lib.sh"

# ---- shells ----

# zsh asks a new user questions where there is no .zshrc.
use_shell()
{
	in_instance sed -i "s|^\(root:.*:\|user:.*:\)[^:]*\$|\1$1|" /etc/passwd
	in_instance touch /root/.zshrc /home/user/.zshrc
}

# An account's shell decides what it makes of the program's own command line.
shell_table()
{
	local account
	start_agent
	use_shell "$(command -v "$INSTANCE")"
	[ "${SESSION_TABLE:-}" != all ] || some_programs=("${programs[@]}")
	for account in root user; do
		some_sessions "$account"
		plain_login "$account" opt-out touch .no_auto_tmux
	done
}

# plain_login ACCOUNT RULE CMD...: what CMD does in the home keeps logins out of tmux.
plain_login()
{
	local account=$1 rule=$2 name=$INSTANCE-$1-plain
	shift 2
	in_instance_as "$account" sh -c 'cd && "$@"' - "$@"
	term_open "$name" ssh "$account@$INSTANCE"
	term_type "$name" 'vastagent login --explain'
	term_wait "$name" "^plain shell: .* \\(rule: $rule\\)\$"
	term_close "$name"
	expect_no_server
	in_instance_as "$account" sh -c 'cd && rm -rf .no_auto_tmux'
}

expect_no_server()
{
	expect_eq "$INSTANCE: no tmux server runs" '' "$(in_instance pgrep -ax 'tmux.*')"
}

# ---- another server ----

# Dropbear's server on port 2222; OpenSSH's clients speak to it.
dropbear_table()
{
	local name=dropbear-login
	start_agent
	in_instance mkdir -p /etc/dropbear
	in_instance dropbear -R -p 2222 2>/dev/null
	wait_until 10 laptop sh -c 'ssh-keyscan -p 2222 dropbear 2>/dev/null | grep -q ssh-' ||
		fail "dropbear listens"
	check_fails "dropbear: a command's status" 42 laptop ssh -p 2222 dropbear 'printf "a  b"; exit 42'
	expect_eq "dropbear: its output" 'a  b' "$SEEN"
	expect_eq "dropbear: commands on standard input" 'x[]' \
		"$(laptop ssh -p 2222 -T dropbear 2>&1 <<<'echo "x[$TMUX]"')"
	check "dropbear: scp" laptop scp -qO -P 2222 blob dropbear:by-scp
	expect_no_tmux root
	term_open "$name" ssh -p 2222 dropbear
	expect_attached "$name"
	leave_attached root "$name"
	term_open "$name" env TERM=dumb ssh -p 2222 dropbear
	term_type "$name" 'vastagent login --explain'
	term_wait "$name" '^plain shell: .* \(rule: term\)$'
	term_close "$name"
	expect_no_server
}

# ---- homes ----

# ssh reads the keys elsewhere, so that the home may be as bad as it likes.
keys_elsewhere()
{
	in_instance sh -c 'mkdir /etc/ssh/keys && cp /root/.ssh/authorized_keys /etc/ssh/keys/user &&
		cp /root/.ssh/authorized_keys /etc/ssh/keys/root && chmod 644 /etc/ssh/keys/* &&
		echo "AuthorizedKeysFile /etc/ssh/keys/%u" >/etc/ssh/sshd_config.d/keys.conf &&
		kill -HUP "$(pgrep -o -x sshd)"'
}

# in_home WHAT: with the home as it is now, commands run and a login is attached.
in_home()
{
	local name=homes-login
	expect_eq "$1: a command" 'a  b' "$(laptop_ssh user@homes 'printf "a  b"' 2>/dev/null)"
	term_open "$name" ssh user@homes
	expect_attached "$name"
	leave_attached user "$name"
}

homes_table()
{
	local form
	keys_elsewhere
	start_agent
	for form in 'touch' 'mkdir' 'ln -s /nowhere' 'mkfifo'; do
		# shellcheck disable=SC2086 # two words of it
		plain_login user opt-out $form .no_auto_tmux
	done
	in_home "a home as usual"
	in_instance sh -c 'mv /home/user /srv/user && ln -s /srv/user /home/user'
	in_home "a home that is a link"
	in_instance sh -c 'chown -hR 1002:1002 /srv/user'
	in_home "a home of somebody else's"
	in_instance sh -c 'rm /home/user && mv /srv/user /home/user && chown -R 1001:0 /home/user'
	machine_enter homes mount -t tmpfs -o size=64k,uid=1001,mode=755 tmpfs /home/user
	in_instance_as user sh -c 'cd && head -c 100000 /dev/zero >full 2>/dev/null; true'
	in_home "a home that is full"
	machine_enter homes mount -o remount,ro /home/user
	in_home "a home that is read-only"
	machine_enter homes umount /home/user
	in_instance chmod 0 /home/user
	plain_home "a home that may not be entered" home
	in_instance sh -c 'chmod 755 /home/user && mv /home/user /home/gone'
	in_home "a home that is missing"
}

plain_home()
{
	local name=homes-plain
	expect_eq "$1: a command" 'a  b' "$(laptop_ssh user@homes 'printf "a  b"' 2>/dev/null)"
	term_open "$name" ssh user@homes
	term_type "$name" 'vastagent login --explain'
	term_wait "$name" "^plain shell: .* \\(rule: $2\\)\$"
	term_close "$name"
}

for name in bash dash zsh fish dropbear homes; do
	start_kind "$name" --bashrc unguarded
done
side_by_side shell_table bash dash zsh fish
side_by_side dropbear_table dropbear
side_by_side homes_table homes
