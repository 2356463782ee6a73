# shellcheck shell=bash
# Terminals on the laptop, with a person's eyes and hands: each is a pane of a tmux
# server of the laptop's own, so what is looked at is what a terminal would show.
#
#   term_open NAME CMD...              open a terminal that runs CMD (TERM=xterm-256color)
#   term_ssh NAME HOST [ARG...]        the same for ssh -tt HOST ARG...
#   term_type NAME TEXT                type a line and press Enter
#   term_keys NAME KEY...              press keys by tmux's names (C-b, Escape, Up, x)
#   term_screen NAME                   print what it shows
#   term_wait NAME REGEX [SECONDS]     until a line of the screen matches (grep -E)
#   term_gone NAME [SECONDS]           until CMD has ended
#   term_status NAME                   print CMD's exit status, or "signal NUMBER", once it
#                                      has ended; nothing before
#   term_size NAME COLUMNS ROWS        resize it
#   term_kill NAME                     kill -9 the program in it, as if the client crashed
#   term_close NAME                    close its window: CMD gets SIGHUP

SCREEN_COLUMNS=100
SCREEN_ROWS=30

terminals()
{
	laptop tmux -L terminals "$@"
}

term_open()
{
	local name=$1
	shift
	laptop test -e /root/terminals.conf || laptop tee /root/terminals.conf >/dev/null <<-'END'
		set -g status off
		set -g remain-on-exit on
	END
	laptop tmux -u -L terminals -f /root/terminals.conf new-session -d -s "$name" \
		-x "$SCREEN_COLUMNS" -y "$SCREEN_ROWS" \
		"exec env -u TMUX -u TMUX_PANE TERM=xterm-256color $(printf '%q ' "$@")"
}

term_ssh()
{
	local name=$1
	shift
	term_open "$name" ssh -tt "$@"
}

term_type()
{
	terminals send-keys -t "=$1:" -l -- "$2"
	terminals send-keys -t "=$1:" Enter
}

term_keys()
{
	local name=$1
	shift
	terminals send-keys -t "=$name:" "$@"
}

term_screen()
{
	terminals capture-pane -p -t "=$1:"
}

term_shows()
{
	term_screen "$1" | grep -Eq -- "$2"
}

term_wait()
{
	wait_until "${3:-10}" term_shows "$1" "$2" ||
		fail "terminal $1 shows $2" "it shows:" "$(term_screen "$1" | cat -s)"
	passed "terminal $1 shows $2"
}

# tmux shows a pane as dead a moment before it knows how its program ended, and 3.3 can
# miss that end until another child of its own ends; so it gets one.
term_is_dead()
{
	terminals run-shell true
	[ -n "$(term_status "$1")" ]
}

term_gone()
{
	wait_until "${2:-10}" term_is_dead "$1" ||
		fail "terminal $1 has ended" "it shows:" "$(term_screen "$1" | cat -s)"
	passed "terminal $1 has ended"
}

term_status()
{
	terminals display-message -p -t "=$1:" \
		'#{?pane_dead,#{pane_dead_status}#{?pane_dead_signal,signal #{pane_dead_signal},},}'
}

term_size()
{
	terminals resize-window -t "=$1:" -x "$2" -y "$3"
}

term_kill()
{
	laptop kill -KILL "$(terminals display-message -p -t "=$1:" '#{pane_pid}')"
}

term_close()
{
	terminals kill-session -t "=$1"
}

terminals_post_mortem()
{
	local name
	for name in $(terminals list-sessions -F '#{session_name}' 2>/dev/null); do
		echo "--- terminal $name"
		term_screen "$name" | cat -s
	done
}
