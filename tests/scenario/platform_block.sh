#!/bin/bash
# The platform's tmux block in every shape: it stands back while the login hook is there,
# the files keep their other bytes, mode, owner and links, and without the hook the very
# bytes are back.
# shellcheck disable=SC2016 # what is typed is expanded where it is typed
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

guard='[ ! -x /usr/local/bin/vastagent ] && '
usual='if [[ -z "$TMUX" && -n "$SSH_CONNECTION" && ! -e ~/.no_auto_tmux ]]; then
	tmux attach-session -t ssh_tmux || tmux new-session -s ssh_tmux
	exit
fi'
one_line='if [ -z "$TMUX" ] && [ -n "$SSH_CONNECTION" ]; then tmux new -A -s ssh_tmux; exit; fi'
tabs=$'if\t\t[[ -z "$TMUX" ]] &&\t[[ -n "$SSH_CONNECTION" ]]\nthen\n\t\ttmux a -t ssh_tmux || tmux new -s ssh_tmux\n\t\texit\nfi'
nested='if [ -n "$SSH_CONNECTION" ] && [ -z "$TMUX" ]; then
	if tmux has-session -t ssh_tmux 2>/dev/null; then
		tmux attach -t ssh_tmux
	else
		tmux new -s ssh_tmux
	fi
	exit
fi'

agent_off()
{
	in_instance vastagent stop >/dev/null 2>&1
	in_instance rm -f .bash_profile .no_auto_tmux
	in_instance cp /usr/share/base-files/dot.bashrc .bashrc
	in_instance cp /usr/share/base-files/dot.profile .profile
}

hook()
{
	in_instance "$SOURCE/onstart/hook.sh" "$1" >/dev/null
}

sum_of()
{
	in_instance sh -c 'sha256sum <"$1"; stat -c "%a %u %g" "$1"; readlink "$1"; stat -Lc "%a %u %g" "$1"' - "$1"
}

# guards FILE: how many conditions of ours are in it.
guards()
{
	in_instance grep -oF "$guard" "$1" | wc -l
}

guards_are()
{
	[ "$(guards "$1")" = "$2" ]
}

# Neither a program nor a person who opted out gets tmux.
expect_no_capture()
{
	expect_eq "$1: a command runs" 'a  b' "$(laptop_ssh box 'printf "a  b"' 2>&1)"
	term_open plain ssh -o SetEnv=LC_NO_TMUX=1 box
	term_type plain 'echo "plain$((40 + 2))[$TMUX]"'
	term_wait plain 'plain42\[\]$' 5
	term_close plain
	expect_eq "$1: no tmux was run" '' "$(in_instance sh -c 'ls -d /tmp/tmux-0; pgrep -x tmux' 2>/dev/null)"
}

# shape WHAT FILE COUNT: the file as it is now has so many blocks. The hook comes and goes.
shape()
{
	local what=$1 file=$2 count=$3 before
	before=$(sum_of "$file")
	hook install
	in_instance vastagent start >/dev/null
	wait_until 20 guards_are "$file" "$count" || fail "$what: stands back" "$(in_instance cat "$file")"
	expect_no_capture "$what"
	expect_eq "$what: nothing but the condition, and the same owner, mode and link" "$before" \
		"$(in_instance sed "s|${guard//[/\\[}||" "$file" | in_instance sh -c 'sha256sum' &&
			sum_of "$file" | tail -n +2)"
	hook remove
	check "$what: the agent looks again" in_instance vastagent reload
	wait_until 20 guards_are "$file" 0 || fail "$what: is back" "$(in_instance cat "$file")"
	expect_eq "$what: without the hook, the very bytes" "$before" "$(sum_of "$file")"
	agent_off
}

put()
{
	local file=$1
	shift
	in_instance sh -c 'printf "$2" "$3" >>"$1"' - "$file" "$@"
}

instance_start box --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
agent_off

put .bashrc '%s\n' "$usual"
in_instance chmod 640 .bashrc
in_instance chown 0:5 .bashrc
shape "the usual block" .bashrc 1
put .bashrc '%s\nalias x=y' "$one_line"
shape "one line, and no newline at the end" .bashrc 1
put .bashrc '%s\n' "$tabs"
shape "tabs, several lines" .bashrc 1
put .bashrc '%s\n' "$nested"
shape "an if in an if" .bashrc 1
put .bashrc '%s\n\n' "$usual"
put .bashrc '%s\n' "$one_line"
shape "two blocks" .bashrc 2
put .bash_profile '. ~/.bashrc\n%s\n' "$usual"
shape "in .bash_profile" .bash_profile 1
put .profile '%s\n' "$usual"
shape "in .profile" .profile 1
in_instance sh -c 'mkdir -p dotfiles && mv .bashrc dotfiles/bashrc && ln -s dotfiles/bashrc .bashrc'
put .bashrc '%s\n' "$usual"
shape "behind a link" .bashrc 1
in_instance rm .bashrc

note "while the agent runs"
agent_off
hook install
in_instance vastagent start >/dev/null
put .bashrc '%s\n' "$usual"
wait_until 20 guards_are .bashrc 1 || fail "a block that is appended" "$(in_instance cat .bashrc)"
expect_no_capture "appended after the start"
put .bashrc '%s\n' "$usual"
wait_until 20 guards_are .bashrc 2 || fail "a second one" "$(in_instance cat .bashrc)"
expect_no_capture "appended again"
in_instance sh -c 'cp .bashrc new && mv new .bashrc'
put .bash_profile '. ~/.bashrc\n%s\n' "$usual"
wait_until 20 guards_are .bash_profile 1 || fail "a third one" "$(in_instance cat .bash_profile)"
put .profile '%s\n' "$one_line"
check "who writes again and again" wait_until 20 in_instance sh -c 'vastagent status | grep "rewritten again and again"'
expect_eq "is given way to" 0 "$(guards .profile)"
agent_off

note "a form that is left alone"
put .bashrc '[ -n "$TMUX" ] || [ -z "$SSH_CONNECTION" ] || exec tmux new -A -s ssh_tmux\n%s' ''
before=$(sum_of .bashrc)
in_instance vastagent start >/dev/null
check "is told" wait_until 20 in_instance sh -c 'vastagent status | grep "a form that is left alone: ~/.bashrc"'
expect_eq "and left alone" "$before" "$(sum_of .bashrc)"
