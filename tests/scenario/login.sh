#!/bin/bash
# Interactive logins live in tmux, everything else that speaks SSH does not notice, and
# whatever breaks, there is a prompt on the same connection.
# shellcheck disable=SC2016 # what is typed is expanded where it is typed
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

install_login()
{
	in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
	in_instance "$SOURCE/onstart/hook.sh" install >/dev/null
}

no_tmux()
{
	! in_instance pgrep -x 'tmux.*' >/dev/null
}

no_client()
{
	[ -z "$(in_instance tmux list-clients 2>/dev/null)" ] && ! in_instance pgrep -x vastagent
}

tmux_end()
{
	in_instance tmux kill-server 2>/dev/null
	wait_until 20 no_tmux || fail "the tmux server ends"
}

# A session that ends within its first second is taken for a broken one.
has_lived()
{
	local created
	created=$(in_instance tmux list-clients -F '#{client_created}' | sort -n | tail -n 1)
	[ "$EPOCHSECONDS" -gt "$((created + 1))" ]
}

pid_of_server()
{
	in_instance tmux display-message -p '#{pid}'
}

pid_of_client()
{
	in_instance tmux list-clients -F '#{client_pid}'
}

use_shell()
{
	in_instance sed -i "s|^\(root:.*:\)[^:]*\$|\1$1|" /etc/passwd
}

# A prompt that answers, outside tmux, on the connection of terminal $1.
expect_plain()
{
	term_type "$1" 'echo "plain$((40 + 2))[$TMUX]"'
	term_wait "$1" 'plain42\[\]$' "${2:-5}"
}

expect_attached()
{
	term_wait "$1" '^(\[ssh_tmux|windows: )' "${2:-10}"
}

is_off()
{
	! term_shows "$1" '^\[ssh_tmux'
}

# Opens a terminal that must be plain, and leaves it.
login_plain()
{
	local name=$1
	shift
	term_open "$name" "$@"
	expect_plain "$name" "${PATIENCE:-5}"
	term_type "$name" 'exit'
	term_gone "$name"
	expect_eq "$name: no tmux server was started" '' "$(in_instance pgrep -ax 'tmux.*')"
	term_close "$name"
}

instance_start box --bashrc none --user yes --stage spread_keys
install_login

note "a login is attached, a second one to a window of its own"
term_ssh one box
expect_attached one
term_type one 'echo "in[$TMUX]"; tty'
term_wait one '^in\[/tmp//?tmux-0/default,'
term_ssh two box
expect_attached two
term_type two 'echo "in[$TMUX]"'
term_wait two '^in\[/tmp//?tmux-0/default,'
expect_match "both are clients of the one server" $'^ssh_tmux @0\nssh_tmux-[0-9]+ @[0-9]+$' \
	"$(in_instance tmux list-clients -F '#{client_session} #{window_id}')"
sleep_pid=$(in_instance sh -c 'setsid sleep 1000 >/dev/null 2>&1 & echo $!')

note "detaching ends the connection, the session goes on"
in_instance tmux send-keys -t ssh_tmux 'stty -echo; job=kept' Enter
wait_until 20 has_lived
term_keys two C-b d
term_gone two
expect_eq "ssh ended with status 0" 0 "$(term_status two)"
term_close two
term_close one
wait_until 10 no_client || fail "a closed terminal leaves no client" \
	"$(in_instance ps -eo pid,ppid,stat,args --forest)"
passed "a closed terminal leaves no client and no vastagent behind"
term_ssh one box
expect_attached one
term_type one 'echo "job=$job"'
# bash 5.1 writes over its prompt here.
term_wait one '^job=kept'

note "the last exit ends the connection"
wait_until 20 has_lived
term_type one exit
term_wait one '^\[ssh_tmux\]1:bash\* '
term_type one exit
term_gone one
expect_eq "ssh ended with status 0" 0 "$(term_status one)"
term_close one
wait_until 20 no_tmux || fail "nothing is left" "$(in_instance pgrep -ax 'tmux.*')"
in_instance kill "$sleep_pid"

note "ways out"
check "login off" in_instance vastagent login off
expect_match "it says what it did" '/root/.no_auto_tmux' "$SEEN"
login_plain opted-out ssh -tt box
check "login off again" in_instance vastagent login off
check "login on" in_instance vastagent login on
check_fails "the file is gone" any in_instance test -e /root/.no_auto_tmux
check "login on again" in_instance vastagent login on
for form in 'touch' 'mkdir' 'ln -s /nowhere'; do
	in_instance sh -c "$form /root/.no_auto_tmux"
	login_plain "opt-out" ssh -tt box
	in_instance rm -rf /root/.no_auto_tmux
done
login_plain variable ssh -tt -o SetEnv=LC_NO_TMUX=1 box
check_fails "login takes no other word" 64 in_instance vastagent login sideways

note "what is not a person's login"
login_plain dumb env TERM=dumb ssh -tt box
login_plain no-term env TERM= ssh -tt box
login_plain named-shell ssh -tt box bash
login_plain login-shell ssh -tt box 'exec $SHELL -l'
login_plain su ssh -tt box 'exec sh -c "su -"'
expect_eq "ssh host cmd" "a  b" "$(laptop_ssh box 'printf "a  b"' 2>&1)"
check_fails "its status" 42 laptop_ssh box 'exit 42'
expect_eq "ssh -tt host cmd" $'tty\r' "$(laptop_ssh -tt box 'test -t 0 && echo tty' </dev/null 2>&1)"
expect_eq "SkyPilot's shape" $'sky\r' \
	"$(laptop_ssh -tt box "bash --login -c -i 'echo sky'" </dev/null 2>&1 | grep -v 'bash: ')"
expect_eq "commands on standard input" "x[]" \
	"$(laptop_ssh -T box 2>&1 <<<'echo "x[$TMUX]"' | tail -n 1)"
expect_match "a here-document with -tt" 'y\[\]' "$(laptop_ssh -tt box 2>&1 <<<'echo "y[$TMUX]"; exit')"
laptop dd if=/dev/urandom of=/root/data bs=64k count=4 status=none
sum=$(laptop md5sum /root/data | cut -d ' ' -f 1)
check "scp" laptop scp -q /root/data box:/root/by-scp
check "scp, the old protocol" laptop scp -qO /root/data box:/root/by-old-scp
check "sftp" laptop sh -c 'echo "put /root/data /root/by-sftp" | sftp -q -b - box'
check "rsync" laptop rsync -e ssh /root/data box:/root/by-rsync
for file in by-scp by-old-scp by-sftp by-rsync; do
	expect_eq "$file is whole" "$sum" "$(in_instance md5sum "/root/$file" | cut -d ' ' -f 1)"
done
wait_until 20 no_tmux || fail "none of these started tmux" "$(in_instance pgrep -ax 'tmux.*')"
passed "none of these started tmux"

note "other shells, and another account"
for shell in /bin/dash /usr/bin/zsh /usr/bin/fish; do
	in_instance test -x "$shell" || continue
	use_shell "$shell"
	in_instance touch /root/.zshrc
	term_ssh shell box
	expect_attached shell
	wait_until 20 has_lived
	term_keys shell C-b d
	term_gone shell
	expect_eq "$shell: ssh ended with status 0" 0 "$(term_status shell)"
	term_close shell
	tmux_end
	expect_eq "$shell -c" "c" "$(laptop_ssh box 'echo c' 2>&1)"
	in_instance touch /root/.no_auto_tmux
	term_ssh shell box
	term_type shell 'echo plain-$TERM'
	term_wait shell 'plain-xterm-256color$'
	term_type shell exit
	term_gone shell
	term_close shell
	in_instance rm /root/.no_auto_tmux
done
use_shell /bin/bash

term_open account ssh -tt user@box
expect_attached account
expect_eq "the session is the account's own" user "$(in_instance stat -c %U /tmp/tmux-1001/default)"
term_type account 'tmux kill-server'
term_wait account 'this is a plain shell'
expect_plain account
term_close account
wait_until 20 no_tmux

note "a terminal that terminfo does not know"
term_open ghostty env TERM=xterm-ghostty ssh -tt box
expect_attached ghostty
term_close ghostty
tmux_end

note "tmux's own ways to leave"
term_ssh leave box
expect_attached leave
term_keys leave C-b C-z
check "a suspended client gives the screen back" wait_until 20 is_off leave
term_keys leave C-c
expect_attached leave
term_type leave 'echo back$((40 + 2))'
term_wait leave '^back42$'
wait_until 20 has_lived
in_instance tmux detach-client -P -s ssh_tmux
term_gone leave
term_close leave
in_instance sh -c 'umask 022; printf "[login]\ndetach = shell\n" >/etc/vastagent.conf'
term_ssh leave box
expect_attached leave
wait_until 20 has_lived
term_keys leave C-b d
term_wait leave '^\[detached' # what is typed before that, tmux may still take
expect_plain leave
term_close leave
term_ssh leave box
expect_attached leave
wait_until 20 has_lived
term_type leave 'exit'
term_gone leave
term_close leave
in_instance sh -c 'printf "[login]\ntmux = no\n" >/etc/vastagent.conf'
login_plain configured ssh -tt box
in_instance sh -c 'printf "[login\nno such" >/etc/vastagent.conf'
term_ssh bad box
expect_attached bad
tmux_end
term_close bad
in_instance rm /etc/vastagent.conf

note "two logins in the same instant"
for round in 1 2 3; do
	for name in a b c d; do
		term_ssh "$name" box
	done
	for name in a b c d; do
		expect_attached "$name"
	done
	expect_eq "round $round: nobody is mirrored" 4 \
		"$(in_instance tmux list-clients -F '#{window_id}' | sort -u | wc -l)"
	tmux_end
	for name in a b c d; do
		term_wait "$name" 'this is a plain shell'
		expect_plain "$name"
		term_close "$name"
	done
done

note "the agent's socket has a path that stays"
laptop sh -c 'eval "$(ssh-agent)"; ssh-add -q /root/.ssh/id_ed25519; echo "$SSH_AUTH_SOCK" >/root/agent'
socket=$(laptop cat /root/agent)
term_open agent env "SSH_AUTH_SOCK=$socket" ssh -A -tt box
expect_attached agent
term_type agent 'clear; echo "$SSH_AUTH_SOCK"; ssh-add -l'
term_wait agent '^/root/.ssh/agent.sock$'
term_wait agent 'ED25519'
term_close agent
wait_until 20 no_client
term_open agent env "SSH_AUTH_SOCK=$socket" ssh -A -tt box
expect_attached agent
term_type agent 'clear; ssh-add -l; echo again'
term_wait agent '^again$'
expect_match "an old pane finds the new connection's agent" ED25519 "$(term_screen agent)"
link=$(in_instance readlink /root/.ssh/agent.sock)
term_open more env "SSH_AUTH_SOCK=$socket" ssh -A -tt box
term_wait more 'windows: 0:' 20
check "a second connection brings its own" in_instance sh -c '[ "$(readlink .ssh/agent.sock)" != "$1" ]' - "$link"
term_close more
check "and when it ends the first's is back" wait_until 20 \
	in_instance sh -c '[ "$(readlink .ssh/agent.sock)" = "$1" ]' - "$link"
term_type agent 'clear; ssh-add -l; echo still'
term_wait agent '^still$'
expect_match "and works" ED25519 "$(term_screen agent)"
tmux_end
term_close agent

note "faults: a prompt on the same connection"
term_ssh fault box
expect_attached fault
in_instance kill -KILL "$(pid_of_server)"
term_wait fault 'vastagent: the tmux session broke off; this is a plain shell'
expect_plain fault
term_type fault 'echo "modes=$(stty -a | tr " ;" "\n\n" | grep -cx -e -echo -e -icanon)"'
term_wait fault '^modes=0$'
term_close fault

term_ssh fault box
expect_attached fault
in_instance kill -KILL "$(pid_of_client)"
term_wait fault 'vastagent: the tmux client was killed'
expect_plain fault
term_close fault
check "the session is still there" in_instance tmux has-session -t =ssh_tmux

term_ssh fault box
expect_attached fault
in_instance kill -KILL "$(in_instance pgrep -x vastagent)"
expect_plain fault
wait_until 20 no_client || fail "no client is left"
term_close fault

term_ssh fault box
expect_attached fault
in_instance tmux kill-server
term_wait fault 'this is a plain shell'
expect_plain fault
term_close fault

term_ssh fault box
expect_attached fault
server=$(pid_of_server)
term_ssh other box
expect_attached other
in_instance kill -STOP "$server"
term_ssh stopped box
term_wait stopped "the tmux server is stopped \(its process is $server\)"
expect_plain stopped
in_instance kill -CONT "$server"
in_instance kill -KILL "$server"
expect_plain fault
term_close fault
term_close other
term_close stopped

note "slow and broken configurations of tmux"
in_instance sh -c 'echo "if-shell \"sleep 3; false\" \"\"" >/root/.tmux.conf'
term_ssh slow box
term_wait slow 'tmux is slow to answer; Ctrl-C gives a plain shell'
expect_attached slow
tmux_end
term_close slow
in_instance sh -c 'echo "if-shell \"sleep 30; false\" \"\"" >/root/.tmux.conf'
term_ssh slow box
term_wait slow 'Ctrl-C gives a plain shell'
term_keys slow C-c
term_wait slow 'vastagent: interrupted; this is a plain shell'
expect_plain slow
term_close slow
in_instance pkill -KILL -x 'tmux.*'
in_instance sh -c 'echo "set -g default-command /bin/false" >/root/.tmux.conf'
term_ssh slow box
term_wait slow 'this is a plain shell'
expect_plain slow
term_close slow
in_instance rm /root/.tmux.conf

note "nothing to run, nowhere to put it"
in_instance mv /usr/bin/tmux /usr/bin/tmux.away
login_plain no-tmux ssh -tt box
in_instance sh -c 'echo "#!/bin/sh" >/usr/bin/tmux; chmod 755 /usr/bin/tmux'
term_ssh fault box
term_wait fault 'this is a plain shell'
expect_plain fault
term_close fault
in_instance mv /usr/bin/tmux.away /usr/bin/tmux
in_instance sh -c 'rm -rf /tmp/tmux-0; echo >/tmp/tmux-0'
term_ssh fault box
term_wait fault 'vastagent: tmux could not show the session; this is a plain shell'
expect_plain fault
term_close fault
in_instance rm -f /tmp/tmux-0

if ! in_valgrind; then # which needs files there
	machine_enter box mount -t tmpfs -o nr_inodes=1,mode=1777 tmpfs /tmp
	check_fails "/tmp is full" any in_instance mkdir /tmp/x
	term_ssh fault box
	term_wait fault 'this is a plain shell'
	expect_plain fault
	term_close fault
	machine_enter box umount /tmp
fi

note "the program itself is missing, broken, or hangs"
for shell in /bin/bash /bin/dash; do
	use_shell "$shell"
	in_instance rm /usr/local/bin/vastagent
	login_plain missing ssh -tt box
	in_instance sh -c ': >/usr/local/bin/vastagent; chmod 755 /usr/local/bin/vastagent'
	login_plain empty ssh -tt box
	in_instance sh -c 'head -c 4096 "$1" >/usr/local/bin/vastagent' - "$VASTAGENT_BUILD/vastagent"
	login_plain cut-off ssh -tt box
	in_instance sh -c 'head -c 4096 /dev/zero >/usr/local/bin/vastagent'
	login_plain zeros ssh -tt box
	in_instance cp /bin/sleep /usr/local/bin/vastagent
	login_plain crashing ssh -tt box
	in_instance sh -c 'printf "#!/bin/sh\nexec sleep 1000\n" >/usr/local/bin/vastagent'
	term_ssh hanging box
	wait_until 20 in_instance pgrep -fx 'sleep 1000' || fail "the program hangs"
	term_keys hanging C-c
	expect_plain hanging
	term_close hanging
done
use_shell /bin/bash
install_login
term_ssh again box
expect_attached again
tmux_end
term_close again

note "a connection that is cut leaves nothing behind but the session"
term_ssh cut box
expect_attached cut
in_instance pkill -KILL -f '^sshd(-session)?: root@pts'
wait_until 10 no_client || fail "no client is left" "$(in_instance ps -eo pid,ppid,args --forest)"
check "the session is still there" in_instance tmux has-session -t =ssh_tmux
term_close cut
tmux_end

note "the hook goes without a trace"
check "remove" in_instance "$SOURCE/onstart/hook.sh" remove
login_plain removed ssh -tt box
check "remove again" in_instance "$SOURCE/onstart/hook.sh" remove
expect_eq "says nothing" '' "$SEEN"
