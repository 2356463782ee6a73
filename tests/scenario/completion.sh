#!/bin/bash
# Completion in bash, zsh and fish offers every command and option of the program's table,
# and nothing else; asking for it changes nothing.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

files=$SOURCE/packaging/completion
instance_start one --bashrc none --user yes
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent

# The table as it stands in the source: "NAME OPTION...", raw ones with an asterisk.
table=$(python3 - "$SOURCE/agent/main.c" <<'END'
import re, sys
text = open(sys.argv[1]).read()
text = text[text.index('commands[] = {'):text.index('COMMAND_COUNT')]
for row in re.findall(r'\{("[^{}]*)\}', text):
    words = re.findall(r'"([^"]*)"', row)
    raw = re.search(r'NULL,\s*cmd_\w+\s*$', row)
    common = '' if raw else ' json socket config help'
    options = [o for o in (words[2] + common).split() if o not in ('hand-over', 'package', 'ready')]
    print(words[0], *sorted('--' + o for o in set(options)))
END
)
commands=$(printf '%s\nhelp\n' "$(cut -d ' ' -f 1 <<<"$table")" | sort)
[ "$(wc -l <<<"$table")" -gt 20 ] || fail "the table of commands is read" "$table"

# bash_offers WORD...: what bash offers for the last of the words.
bash_offers()
{
	in_instance bash --norc -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
		_vastagent 2>/dev/null; printf "%s\n" "${COMPREPLY[@]}"' - "$files/vastagent.bash" "$@" | sort
}
fish_offers()
{
	in_instance fish -N -c "source $files/vastagent.fish; complete -C '$*'" | cut -f 1 | sort
}

note "bash and fish"
expect_eq "bash offers every command" "$commands" "$(bash_offers vastagent '')"
expect_eq "fish too" "$commands" "$(fish_offers 'vastagent ')"
expect_eq "the help is the same" "$commands" "$(printf '%s\nhelp\n' "$(in_instance vastagent help |
	sed -n 's/^  \([a-z-]*\) .*/\1/p')" | sort)"
while read -r command options; do
	options=$(tr ' ' '\n' <<<"$options")
	expect_eq "$command: its options in bash" "$options" "$(bash_offers vastagent "$command" --)"
	expect_eq "$command: and in fish" "$options" "$(fish_offers "vastagent $command --")"
done <<<"$table"
expect_eq "a beginning is completed" addkey "$(bash_offers vastagent addk)"
expect_eq "by fish too" addkey "$(fish_offers 'vastagent addk')"
expect_match "accounts" $'(^|\n)user($|\n)' "$(bash_offers vastagent keys --user u)"
expect_match "by fish too" $'(^|\n)user($|\n)' "$(fish_offers 'vastagent keys --user us')"
expect_eq "login's words" $'off\non' "$(bash_offers vastagent login '')"

note "names of keys"
expect_eq "none without an agent" '' "$(bash_offers vastagent rmkey '')"
check_fails "which completion does not start" 69 in_instance vastagent status
check "the agent starts" in_instance vastagent start
in_instance vastagent addkey --name mate "$(laptop_key mate)" >/dev/null
in_instance vastagent addkey --name 'x$(reboot)' "$(laptop_key odd)" >/dev/null
expect_eq "bash offers those that are plain words" mate "$(bash_offers vastagent rmkey '')"
expect_eq "fish too" mate "$(fish_offers 'vastagent rmkey ')"

note "zsh, on a terminal"
in_instance sh -c 'mkdir -p /tmp/zsh && cp "$1" /tmp/zsh/' - "$files/_vastagent"
term_open z ssh -tt one 'PS1="ready> " exec zsh -f'
term_wait z '^ready>'
term_type z 'fpath=(/tmp/zsh $fpath); autoload -U compinit; compinit -u -D; LISTMAX=500; clear; echo loaded'
term_wait z '^loaded'
term_type z 'clear'
term_keys z v a s t a g e n t Space Tab
shows_all()
{
	local command
	for command in $commands; do
		term_shows z "^$command +-- " || return 1
	done
}
wait_until 10 shows_all || fail "zsh lists every command, with what it does" "$(term_screen z)"
term_keys z C-c
term_type z clear
term_keys z v a s t a g e n t Space h o s t k Tab
term_wait z 'vastagent hostkeys'
term_keys z - - k n Tab
term_wait z 'vastagent hostkeys --known-hosts'
term_keys z C-c
term_type z clear
term_keys z v a s t a g e n t Space a d d k e y Space - - Tab
while read -r command options; do
	[ "$command" = addkey ] || continue
	for option in $options; do
		term_wait z "^$option +-- "
	done
done <<<"$table"
term_keys z C-c
term_type z clear
term_keys z v a s t a g e n t Space r m k e y Space m Tab
term_wait z 'vastagent rmkey mate'
