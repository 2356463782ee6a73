#!/bin/bash
# Installed, used, uninstalled: every byte of /etc and of the homes is as before, but for the
# keys that were added, which get in still; with --keys those are gone, too. With the agent
# and without it, and where something cannot be taken away.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
# shellcheck source=tests/scenario/lib/picture.sh
. "$(dirname "$0")/lib/picture.sh"

install_it()
{
	check "it is installed" in_instance env VASTAGENT_BIN="$VASTAGENT_BUILD/vastagent" \
		"$SOURCE/onstart/onstart.sh"
	wait_until 20 in_instance grep -q 'x /usr/local/bin/vastagent' /root/.bashrc ||
		fail "the platform's block stands back"
}

mate_gets_in()
{
	laptop ssh -i /root/.ssh/mate -o IdentitiesOnly=yes one true
}

use_it()
{
	check "a key for root" in_instance vastagent addkey --name mate "$(laptop_key mate)"
	check "a key for user" in_instance vastagent addkey --user user "$(laptop_key other)"
	check "the mate gets in" mate_gets_in
	check "the platform rewrites the file" platform refresh
	check "the mate gets in still" wait_until 10 mate_gets_in
	check "a removed key" in_instance vastagent addkey --name gone "$(laptop_key gone)"
	check "is remembered" in_instance vastagent rmkey gone
	check "a pause" in_instance vastagent pause 1h
	term_ssh home one
	term_wait home 'root@one:~#'
	check "a login is in tmux" in_instance tmux has-session -t =ssh_tmux
	term_close home
}

mark=.local/state/vastagent/welcomed
keys_file=root/.ssh/authorized_keys
instance_start one --user yes --stage spread_keys
in_instance sh -c 'printf "no newline at its end" >>/etc/zsh/zprofile; chmod 640 /etc/zsh/zprofile'
in_instance touch /home/user/.bashrc.own
before=$(picture)

note "uninstall --keys: the very bytes"
install_it
use_it
check "root was told what this is" in_instance test -e "/root/$mark"
pid=$(in_instance vastagent status --json | jq .pid)
in_instance cp /var/lib/vastagent/keys/user.json /var/lib/vastagent/keys/gone.json
check "uninstall --keys, also of an account that is gone" in_instance vastagent uninstall --keys
note "$SEEN"
check_fails "the agent has ended" any in_instance kill -0 "$pid"
expect_eq "everything is as it was" "" "$(diff <(echo "$before") <(picture))"
expect_eq "no directory is left" "" "$(in_instance sh -c \
	'ls -d /run/vastagent /var/lib/vastagent /tmp/vastagent* 2>/dev/null')"
check_fails "the mate is refused" any mate_gets_in
check "the mark of the first login is gone" in_instance test ! -e "/root/${mark%/*}"

note "uninstall, without the agent: the keys stay"
install_it
use_it
check "it does not run" in_instance vastagent stop
check "uninstall" in_instance vastagent uninstall
note "$SEEN"
expect_match "it says that the keys stay" 'kept the keys of root' "$SEEN"
in_instance touch /root/.no_auto_tmux
check "the mate gets in" mate_gets_in
in_instance rm /root/.no_auto_tmux
expect_eq "nothing differs but the files of keys and what is known of them" \
	"home/user/.ssh/authorized_keys $keys_file var/lib/vastagent" \
	"$(picture_differences "$before" "$(picture)" |
		sed 's|^\(var/lib/vastagent\).*|\1|' | sort -u | xargs)"
expect_eq "the lines of others are theirs" "$(laptop_key)" \
	"$(in_instance sed '/^# BEGIN vastagent/,/^# END vastagent/d' "/$keys_file")"

note "installed again, the keys are known still"
install_it
check "the removed key does not come back, the others are there" in_instance vastagent keys
expect_match "by name" 'mate' "$SEEN"
check "mate can be removed" in_instance vastagent rmkey mate
check_fails "and is refused then" any mate_gets_in

note "a configuration that somebody wrote, and a home that cannot be looked at"
in_instance sh -c 'echo "[agent]" >>/etc/vastagent.conf; chmod 777 /home/user'
check_fails "not all of it goes" 75 in_instance vastagent uninstall --keys
expect_match "it says what, and what to do" 'run vastagent uninstall again' "$SEEN"
in_instance chmod 755 /home/user
check "the same again" in_instance vastagent uninstall --keys
expect_match "the configuration stays" 'kept /etc/vastagent.conf' "$SEEN"
in_instance rm /etc/vastagent.conf
expect_eq "everything else is as it was" "" "$(diff <(echo "$before") <(picture))"

note "who may not"
install_it
check_fails "another account" 77 in_instance_as user vastagent uninstall
in_instance sh -c 'mkdir -p /usr/share/vastagent; touch /usr/share/vastagent/hook.sh'
check_fails "where it is a package" 69 in_instance vastagent uninstall
expect_match "it says how" 'apt-get purge vastagent' "$SEEN"
check "and the agent runs" in_instance vastagent status
