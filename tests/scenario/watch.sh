#!/bin/bash
# --watch on a real terminal: it draws in place, fits, and leaves the terminal as it was,
# however it ends; with --json it is lines for as long as somebody reads them.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
check "the agent starts" in_instance vastagent start

# A shell on a terminal of the instance, without a hook and with a prompt to wait for.
open_shell()
{
	term_open "$1" ssh -tt one "PS1='ready> ' exec bash --norc"
	term_wait "$1" '^ready>'
}
watches()
{
	in_instance pgrep -f 'vastagent [a-z]+ --watch'
}
none_watches()
{
	! watches
}
# is NAME FORMAT VALUE: what tmux knows of a terminal.
is()
{
	[ "$(terminals display-message -p -t "=$1:" "#{$2}")" = "$3" ]
}
# The terminal as a shell needs it, and as it was before.
expect_clean()
{
	check "$1: the alternate screen is off" wait_until 20 is "$2" alternate_on 0
	check "$1: the cursor shows" wait_until 20 is "$2" cursor_flag 1
	check "$1: long lines wrap" wait_until 20 is "$2" wrap_flag 1
	term_type "$2" 'stty -a | grep -ow -e "-*echo" -e "-*icanon" | sort | paste -sd,'
	term_wait "$2" '^echo,icanon$'
	term_type "$2" clear
}

# A second session, which only forwards.
hold_another()
{
	laptop sh -c 'echo $$ >/root/another.pid; exec ssh -N one' &
}
end_another()
{
	laptop sh -c 'kill "$(cat /root/another.pid)"'
}

note "in place"
open_shell first
term_type first 'vastagent sessions --watch'
term_wait first 'USER +CLIENT'
check "on the alternate screen" is first alternate_on 1
hold_another
term_wait first 'forwards only'
expect_eq "it is one table still" 1 "$(term_screen first | grep -c 'USER  *CLIENT')"
end_another
gone()
{
	! term_shows first 'forwards only'
}
check "who leaves is gone from it" wait_until 10 gone

note "another size"
term_size first 40 6
fits()
{
	term_shows first '…' && [ "$(term_screen first | LC_ALL=C.UTF-8 wc -L)" -le 40 ] &&
		[ "$(term_screen first | grep -c 'PID')" -eq 1 ]
}
check "it is drawn anew, and no line wraps" wait_until 20 fits
term_size first 100 30
term_wait first 'CLIENT +TTY +TMUX +SINCE'

note "the agent goes and comes back"
in_instance vastagent stop >/dev/null
term_wait first 'no agent answers on'
in_instance vastagent start >/dev/null
term_wait first 'CLIENT +TTY +TMUX +SINCE'

note "every end leaves the terminal clean"
term_keys first C-c
expect_clean "Ctrl-C" first
term_type first 'vastagent forwards --watch'
term_wait first 'every 2 s'
term_keys first q
expect_clean "q" first
# shellcheck disable=SC2016 # for the shell over there
term_type first 'vastagent sessions --watch; echo "status $?"'
term_wait first 'every 2 s'
check "somebody watches" watches
in_instance pkill -TERM -f 'vastagent sessions --watch'
term_wait first 'status 143'
expect_clean "SIGTERM" first
term_type first 'vastagent sessions --watch'
term_wait first 'every 2 s'
term_keys first C-z
term_wait first 'Stopped'
expect_clean "Ctrl-Z" first
term_type first fg
term_wait first 'every 2 s'
check "it is on the alternate screen again" is first alternate_on 1
term_keys first q
expect_clean "and its end" first
term_type first 'NO_COLOR=1 vastagent sessions | cat -v'
term_wait first 'PID +USER'
expect_no_match "no escapes in a pipe" '\^\[' "$(term_screen first)"
term_type first 'vastagent sessions'
stands_out()
{
	terminals capture-pane -e -p -t "=first:" | grep -q $'\e\[1m.*PID'
}
check "heads stand out on a terminal" wait_until 20 stands_out
term_type first 'clear; NO_COLOR=1 vastagent sessions'
plain()
{
	! stands_out && term_screen first | grep -qE '^PID +USER'
}
check "but not with NO_COLOR" wait_until 20 plain

note "a table that was cut"
in_instance vastagent addkey --name mate "$(laptop_key mate)" >/dev/null
term_size first 70 30
term_type first 'clear; vastagent keys'
term_wait first '^active .* SHA256:[^ ]+…'
expect_eq "is as wide as the terminal" 70 "$(term_screen first | LC_ALL=C.UTF-8 wc -L)"
check "what is left of a fingerprint is enough" in_instance vastagent rmkey \
	"$(term_screen first | grep instance | grep -o 'SHA256:[^ ]*…')"
expect_match "to name the key" 'removed mate SHA256:' "$SEEN"
term_size first 100 30

note "a terminal that vanishes"
term_type first 'vastagent sessions --watch'
term_wait first 'every 2 s'
term_kill first
check "takes the watch with it" wait_until 10 none_watches

note "lines of JSON"
in_instance sh -c 'exec vastagent sessions --watch --json >/tmp/lines' &
lines()
{
	[ "$(in_instance sh -c 'wc -l </tmp/lines')" -ge "$1" ]
}
check "the first comes at once" wait_until 20 lines 1
hold_another
check "a change is another one" wait_until 10 lines 2
check "each is JSON" in_instance jq -es 'length >= 2 and all(.sessions | type == "array")' /tmp/lines
expect_eq "the last has the session" true "$(in_instance tail -n 1 /tmp/lines |
	jq 'any(.sessions[]; .forwards_only)')"
end_another
in_instance pkill -f 'vastagent sessions --watch'
check "who reads one line gets one" in_instance sh -c 'vastagent sessions --watch --json | head -n 1'
check "and the watch ends without another one to write" wait_until 20 none_watches
check_fails "without a terminal and --json it says what it needs" 64 in_instance vastagent sessions --watch
in_instance sh -c 'vastagent sessions --watch --json >/tmp/lines 2>/tmp/why; echo $? >/tmp/status' &
check "a watch runs" wait_until 20 watches
in_instance vastagent stop >/dev/null
check "it ends with the agent" wait_until 10 none_watches
check "with a status" wait_until 20 in_instance grep -qx 69 /tmp/status
