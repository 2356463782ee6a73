#!/bin/bash
# The tmux session of section "LOGIN" in vastagent(1): each terminal has a window of its
# own, the job comes back after a connection that died, and nothing is left behind.
# shellcheck disable=SC2016 # what is typed is expanded where it is typed
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

tmux_in()
{
	in_instance tmux "$@"
}

clients()
{
	tmux_in list-clients -F '#{client_session} #{window_id}' | sort
}

count_clients()
{
	tmux_in list-clients | wc -l
}

has_clients()
{
	[ "$(count_clients)" -eq "$1" ]
}

only_shared()
{
	[ "$(tmux_in list-sessions -F '#S')" = ssh_tmux ]
}

no_client()
{
	[ -z "$(tmux_in list-clients 2>/dev/null)" ] && ! in_instance pgrep -x vastagent
}

tmux_end()
{
	tmux_in kill-server 2>/dev/null
	wait_until 20 no_server || fail "the tmux server ends"
}

no_server()
{
	! in_instance pgrep -x 'tmux.*' >/dev/null
}

has_lived()
{
	local created
	created=$(tmux_in list-clients -F '#{client_created}' | sort -n | tail -n 1)
	[ "$EPOCHSECONDS" -gt "$((created + 1))" ]
}

expect_attached()
{
	term_wait "$1" '^(\[ssh_tmux|windows: )' "${2:-10}"
}

login()
{
	local name=$1
	shift
	term_ssh "$name" "$@" box
	expect_attached "$name"
}

size_of()
{
	tmux_in display-message -p -t "$1" '#{window_width}x#{window_height}'
}

instance_start box --bashrc none --user yes --stage spread_keys
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
in_instance "$SOURCE/onstart/hook.sh" install >/dev/null
in_instance sh -c 'echo "Welcome to the day." >/etc/motd'

note "the first window: the message of the day, and once what this is"
login one
term_wait one '^Welcome to the day\.$'
term_wait one 'touch ~/.no_auto_tmux'
expect_eq "history is long without a tmux.conf" 50000 "$(tmux_in show-options -gv history-limit)"
term_type one 'echo "$0 $-"; shopt -q login_shell && echo login-shell'
term_wait one '^-bash '
term_wait one '^login-shell$'
expect_eq "no helper stays in the pane" 1 "$(in_instance pgrep -xc vastagent)"

note "a second terminal has a window of its own, and a third"
term_type one 'clear; echo job; exec sleep 1000'
term_wait one '^job$'
login two
term_wait two 'windows: 0:.*\* \(.*Ctrl-b w chooses\)'
term_type two 'echo "two$((40 + 2))"'
term_wait two '^two42$'
expect_no_match "the first does not see what is typed in the second" 'two42' "$(term_screen one)"
expect_match "its session is named by its process" \
	$'^ssh_tmux @0\nssh_tmux-[0-9]+ @[0-9]+$' "$(clients)"
login three
expect_eq "three windows are looked at" 3 "$(clients | cut -d ' ' -f 2 | sort -u | wc -l)"
term_size two 60 15
term_size three 140 50
term_type three 'clear; stty size'
term_wait three '^49 140$'
expect_eq "the first keeps its size" 100x29 "$(size_of @0)"
term_type two 'clear; stty size'
term_wait two '^14 60$'

note "a window that nobody looks at, with an idle shell, is used again"
windows=$(tmux_in list-windows -t =ssh_tmux: | wc -l)
wait_until 20 has_lived
term_keys three C-b d
term_gone three
expect_eq "detaching ends its connection" 0 "$(term_status three)"
wait_until 20 has_clients 2 || fail "its client is gone"
expect_eq "its session is gone" 2 "$(tmux_in list-sessions | wc -l)"
term_close three
login three
expect_eq "no window was added" "$windows" "$(tmux_in list-windows -t =ssh_tmux: | wc -l)"
term_type three 'echo busy; sleep 1000'
term_wait three '^busy$'
wait_until 20 has_lived
term_keys three C-b d
term_gone three
term_close three
login three
expect_eq "a window with a program is not" $((windows + 1)) "$(tmux_in list-windows -t =ssh_tmux: | wc -l)"

note "the end of its own window ends a second terminal, nobody is mirrored"
wait_until 20 has_lived
term_type three exit
term_gone three
expect_eq "ssh ended with status 0" 0 "$(term_status three)"
wait_until 20 has_clients 2 || fail "the other two stay"
term_close three

note "kill -9 leaves nothing behind"
in_instance kill -KILL "$(tmux_in list-clients -F '#{client_session} #{client_pid}' |
	sed -n 's/^ssh_tmux-[0-9]* //p')"
term_wait two 'this is a plain shell'
expect_eq "the session is gone" ssh_tmux "$(tmux_in list-sessions -F '#S')"
term_close two

note "nor does a login that is killed with its client: the next one clears up"
login two
in_instance sh -c 'kill -KILL $(tmux list-clients -F "#{client_session} #{client_pid}" |
	sed -n "s/^ssh_tmux-\([0-9]*\)/\1/p")'
wait_until 20 has_clients 1 || fail "the client is gone" "$(clients)"
expect_eq "its session is left" 2 "$(tmux_in list-sessions | wc -l)"
login three
expect_eq "and gone again" 2 "$(tmux_in list-sessions | wc -l)"
term_close two
term_close three
wait_until 20 has_clients 1 || fail "one client is left" "$(clients)"
wait_until 20 only_shared || fail "the session of its own is gone" "$(tmux_in list-sessions)"
term_kill one
term_close one
wait_until 10 no_client || fail "no client is left" "$(in_instance ps -eo pid,ppid,args --forest)"
login one
term_wait one '^job$'
expect_eq "the running program is on the screen" 'ssh_tmux @0' "$(clients)"
tmux_end
term_close one

note "the end of a terminal's own session ends nothing that runs"
login one
tmux_in new-session -d -s ssh_tmux-2000000000 'sleep 1000'
login two
check "a session that is only called so stays" tmux_in has-session -t =ssh_tmux-2000000000
term_type two 'clear; echo guest; exec sleep 1000'
term_wait two '^guest$'
tmux_in kill-session -t =ssh_tmux
term_close one
term_close two
wait_until 20 no_client || fail "no client is left" "$(clients)"
expect_eq "a terminal's own that is the last of its group becomes the shared one" \
	$'ssh_tmux\nssh_tmux-2000000000' "$(tmux_in list-sessions -F '#S')"
login one
term_wait one '^guest$'
login two
expect_match "and has its terminals as before" $'^ssh_tmux @[0-9]+\nssh_tmux-[0-9]+ @[0-9]+$' "$(clients)"
tmux_end
term_close one
term_close two

# ---- connections ----

in_network()
{
	nsenter --target "$(machine_pid "$1")" --net ip "${@:2}"
}

# From now on, no packet to that address of the laptop arrives, and nobody is told.
drop_packets_to()
{
	in_network box neighbour replace "$1" lladdr 02:00:00:00:00:01 dev eth0 nud permanent
}

# The connection from that address was silent for longer than what counts as alive.
is_quiet()
{
	local last
	last=$(in_instance ss -Hti state established dst "$1" | grep -o 'lastack:[0-9]*')
	[ "${last#lastack:}" -gt 2500 ]
}

for address in 192.0.2.200 192.0.2.201 192.0.2.202; do
	in_network laptop address add "$address/32" dev vethi1
done

note "a person who watches a quiet terminal is left alone"
login quiet -b 192.0.2.200
term_type quiet 'clear; echo watching; exec sleep 1000'
term_wait quiet '^watching$'
wait_until 10 is_quiet 192.0.2.200 || fail "the terminal is quiet"
start=${EPOCHREALTIME/[.,]/}
login other
took=$(((${EPOCHREALTIME/[.,]/} - start) / 1000))
note "the second login took $took ms"
expect_eq "both are there" 2 "$(count_clients)"
expect_match "and the first has its window" 'ssh_tmux @0' "$(clients)"

note "an ssh that is stopped is a living connection: in doubt, nobody is detached"
term_close other
wait_until 20 has_clients 1 || fail "one is left"
ssh_pid=$(terminals display-message -p -t =quiet: '#{pane_pid}')
laptop kill -STOP "$ssh_pid"
wait_until 10 is_quiet 192.0.2.200 || fail "the terminal is quiet"
login other
expect_eq "both are there" 2 "$(count_clients)"
expect_match "and the first has its window" 'ssh_tmux @0' "$(clients)"
laptop kill -CONT "$ssh_pid"
term_type other 'clear; vastagent attach --take'
term_wait other '^watching$'
term_gone quiet
term_close quiet
term_close other
wait_until 20 has_clients 0 || fail "nobody is left" "$(clients)"
login quiet -b 192.0.2.200
term_type quiet ''
term_wait quiet '^watching$'

note "a connection that died without saying so: the next login shows the job"
drop_packets_to 192.0.2.200
wait_until 10 is_quiet 192.0.2.200 || fail "nothing is heard of it"
login again
term_wait again '^watching$'
wait_until 20 has_clients 1 || fail "the dead one is detached" "$(clients)"
expect_eq "and the window is its" 'ssh_tmux @0' "$(clients)"
expect_match "sshd still knows the dead connection" 192.0.2.200 \
	"$(in_instance ss -Hti state established dst 192.0.2.200)"

note "the same for one that has a window of its own, and all others stay"
login lost -b 192.0.2.201
term_type lost 'clear; echo lost-job; exec sleep 1000'
term_wait lost '^lost-job$'
login third -b 192.0.2.202
term_type third 'clear; echo third'
drop_packets_to 192.0.2.201
wait_until 10 is_quiet 192.0.2.201 || fail "nothing is heard of it"
login back
term_wait back '^lost-job$'
wait_until 20 has_clients 3 || fail "the dead one is detached" "$(clients)"
expect_eq "nobody is mirrored" 3 "$(clients | cut -d ' ' -f 2 | sort -u | wc -l)"
expect_eq "the first still has its window" 'ssh_tmux @0' "$(clients | head -n 1)"
tmux_end
for name in quiet again lost third back; do
	term_close "$name"
done

note "logins of the same instant: nobody is mirrored, nobody is lost"
# More than ten that are not logged in yet are too many for sshd, by default.
in_instance sh -c 'echo "MaxStartups 100" >/etc/ssh/sshd_config.d/many.conf
	kill -HUP "$(pgrep -o sshd)"'
wait_until 20 in_instance pgrep -f '^sshd: .* of 100-100 startups' || fail "sshd is back"
# TMUX_SESSION_ROUNDS: how many rounds of six there are after the one of fifteen.
for ((round = 0; round <= ${TMUX_SESSION_ROUNDS:-2}; round++)); do
	names=(a b c d e f)
	[ "$round" -gt 0 ] || names+=(g h i j k l m n o)
	for name in "${names[@]}"; do
		term_ssh "$name" box &
	done
	wait_until 15 has_clients "${#names[@]}" || fail "all are there" "$(clients)"
	expect_eq "round $round: ${#names[@]} terminals, each with a window" "${#names[@]}" \
		"$(clients | cut -d ' ' -f 2 | sort -u | wc -l)"
	for name in "${names[@]}"; do
		term_close "$name"
	done
	wait_until 10 no_client || fail "nobody is left" "$(in_instance ps -eo pid,ppid,args --forest)"
	expect_eq "round $round: and nothing but the session stays" ssh_tmux \
		"$(tmux_in list-sessions -F '#S')"
	tmux_end
done


note "attach, from a terminal that is not of SSH"
# Such a terminal is a pane of another tmux server of the instance's.
jupyter()
{
	tmux_in -L jupyter "$@"
}
jupyter_open()
{
	jupyter new-session -d -s "$1" -x 90 -y 25 "exec env -u TMUX -u TMUX_PANE ${*:2}"
}
jupyter_shows()
{
	jupyter capture-pane -p -t "=$1:" | grep -Eq -- "$2"
}
jupyter_open first vastagent attach
wait_until 10 jupyter_shows first '^\[ssh_tmux\]' || fail "it makes the session" "$(jupyter ls)"
jupyter send-keys -t =first: 'clear; echo from-jupyter; exec sleep 1000' Enter
wait_until 20 jupyter_shows first '^from-jupyter$' || fail "it is used"
login one
term_type one 'clear; echo from-ssh; exec sleep 1000'
term_wait one '^from-ssh$'
jupyter_open second vastagent attach
wait_until 10 jupyter_shows second 'windows: 0:' || fail "a second one has a window of its own"
expect_eq "three windows are looked at" 3 "$(clients | cut -d ' ' -f 2 | sort -u | wc -l)"
jupyter_open third vastagent attach --take
wait_until 10 jupyter_shows third '^from-(ssh|jupyter)$' || fail "--take shows a job" \
	"$(jupyter capture-pane -p -t =third:)"
passed "--take shows a job"
wait_until 20 has_clients 3 || fail "and detaches the terminal that had it" "$(clients)"
check_fails "attach needs a terminal" 64 in_instance vastagent attach
expect_match "and says so" 'needs a terminal' "$SEEN"
check_fails "attach takes no other word" 64 in_instance vastagent attach now
jupyter kill-server
term_close one
wait_until 20 no_client || fail "nobody is left" "$(clients)"
tmux_end

note "taking the job's window from inside of tmux"
login one
term_type one 'clear; echo the-job; exec sleep 1000'
term_wait one '^the-job$'
wait_until 20 has_lived
login two
term_type two 'clear; vastagent attach; echo "status $?"'
term_wait two 'in tmux already: Ctrl-b w chooses'
term_wait two '^status 64$'
term_type two 'vastagent attach --take'
term_wait two '^the-job$'
term_gone one
expect_eq "the other terminal was detached" 0 "$(term_status one)"
expect_match "and its window is here" '^ssh_tmux-[0-9]+ @0$' "$(clients)"
term_close one
term_close two
wait_until 20 no_client || fail "nobody is left" "$(clients)"
tmux_end

note "a configuration of the user's own"
in_instance sh -c 'printf "%s\n" "set -g default-command \"exec env MARK=42 bash\"" \
	"set -g status off" "set -g mouse on" >/root/.tmux.conf'
term_ssh one box
term_wait one '^root@box:~#' 20
term_type one 'echo "mark$MARK"'
term_wait one '^mark42$'
expect_eq "its history is what it says" 2000 "$(tmux_in show-options -gv history-limit)"
term_ssh two box
term_wait two '^windows: 0:'
term_type two 'echo "two$MARK"'
term_wait two '^two42$'
expect_eq "each has a window" 2 "$(clients | cut -d ' ' -f 2 | sort -u | wc -l)"
term_close one
term_close two
wait_until 20 no_client || fail "nobody is left" "$(clients)"
tmux_end
in_instance rm /root/.tmux.conf

note "another account, and one whose home cannot be written"
term_open one ssh -tt user@box
term_wait one 'touch ~/.no_auto_tmux'
term_wait one '^\[ssh_tmux'
in_instance sh -c 'touch /home/user/.hushlogin; chmod a-w /home/user; tmux -S /tmp/tmux-1001/default kill-server'
term_wait one 'this is a plain shell'
term_close one
term_open one ssh -tt user@box
term_wait one '^\[ssh_tmux'
expect_no_match "the hint is given once, the message of the day not" 'no_auto_tmux|Welcome' \
	"$(term_screen one)"
expect_eq "the mark is the account's" 'user 600' \
	"$(in_instance stat -c '%U %a' /home/user/.local/state/vastagent/welcomed)"
