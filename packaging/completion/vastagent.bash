# Completion of vastagent for bash: a file of this name in /etc/bash_completion.d, or sourced.
# The words come from `vastagent help` and `vastagent COMMAND --help`, so they are those of
# the program that is installed.

_vastagent_commands()
{
	"$1" help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p'
	echo help
}

_vastagent_options()
{
	"$1" "$2" --help 2>/dev/null | sed -n 's/^  \(-[A-Za-z], \)\{0,1\}\(--[a-z-]*\).*/\2/p'
}

# Names of keys, if the agent runs: completion does not start it. A name that a shell could
# take for something else is left out.
_vastagent_names()
{
	"$1" status >/dev/null 2>&1 || return
	"$1" keys --json 2>/dev/null | grep -o '"name":"[A-Za-z0-9._@+-][A-Za-z0-9._@+-]*"' | cut -d '"' -f 4 | sort -u
}

_vastagent_operands()
{
	case $2 in
	rmkey) _vastagent_names "$1" ;;
	login) printf '%s\n' on off ;;
	help) _vastagent_commands "$1" ;;
	esac
}

# The lines of standard input that begin with the word. (compgen -W would run what is in them.)
_vastagent_offer()
{
	local line
	while read -r line; do
		[[ $line != "$1"* ]] || COMPREPLY+=("$line")
	done
}

_vastagent()
{
	local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		_vastagent_offer "$word" < <(_vastagent_commands "$program")
		return
	fi
	case ${COMP_WORDS[COMP_CWORD - 1]} in
	--user)
		_vastagent_offer "$word" < <(compgen -u)
		return
		;;
	--config | --socket)
		compopt -o default
		return
		;;
	--for | --until | --from | --options | --name | --forward | -L) return ;;
	esac
	case $word in
	-*) _vastagent_offer "$word" < <(_vastagent_options "$program" "$command") ;;
	*) _vastagent_offer "$word" < <(_vastagent_operands "$program" "$command") ;;
	esac
	case $command in
	addkey | sync | doctor) compopt -o default 2>/dev/null ;;
	esac
}

complete -F _vastagent vastagent
