# Completion of vastagent for fish: a file of this name in /etc/fish/completions. The words
# come from `vastagent help` and `vastagent COMMAND --help`, so they are those of the program
# that is installed.

function __vastagent_commands
	vastagent help 2>/dev/null | string replace -rf '^  ([a-z][a-z-]*)  +(.*)$' '$1\t$2'
	printf 'help\thow to use a command\n'
end

function __vastagent_words
	commandline -opc
end

function __vastagent_is
	set -l words (__vastagent_words)
	test (count $words) -ge 2; and contains -- $words[2] $argv
end

function __vastagent_options
	set -l words (__vastagent_words)
	vastagent $words[2] --help 2>/dev/null |
		string replace -rf '^  (?:-[A-Za-z], )?(--[a-z-]+)(?: [A-Z]+)? +(.*)$' '$1\t$2'
end

# Names of keys, if the agent runs: completion does not start it.
function __vastagent_names
	vastagent status >/dev/null 2>&1; or return
	vastagent keys --json 2>/dev/null | string match -ar '"name":"[A-Za-z0-9._@+-][A-Za-z0-9._@+-]*"' |
		string replace -r '^"name":"(.*)"$' '$1' | sort -u
end

function __vastagent_value
	contains -- (__vastagent_words)[-1] --user --config --socket --for --until --from --options \
		--name --forward -L
end

complete -c vastagent -f
complete -c vastagent -n 'test (count (__vastagent_words)) -eq 1' -a '(__vastagent_commands)'
complete -c vastagent -n 'test (count (__vastagent_words)) -ge 2; and not __vastagent_value; and string match -q -- "-*" (commandline -ct)' -a '(__vastagent_options)'
complete -c vastagent -n 'test (__vastagent_words)[-1] = --user' -a '(__fish_complete_users)'
complete -c vastagent -n 'contains -- (__vastagent_words)[-1] --config --socket' -F
complete -c vastagent -n '__vastagent_is login; and not __vastagent_value' -a 'on off'
complete -c vastagent -n '__vastagent_is help' -a '(__vastagent_commands)'
complete -c vastagent -n '__vastagent_is rmkey; and not __vastagent_value' -a '(__vastagent_names)'
complete -c vastagent -n '__vastagent_is addkey sync doctor; and not __vastagent_value' -F
