#!/bin/bash
# Like the end of the platform's own: every stage is sourced, in a function.
# shellcheck disable=SC1090,SC2034 # the stages
umask 002

main()
{
	local propagate_user_keys=true script
	for script in /etc/vast_boot.d/*.sh; do
		[[ -f $script ]] && [[ -r $script ]] && . "$script"
	done
}

# All that a stage could leave behind in this shell.
picture()
{
	declare -p | grep -Ev '^declare -[^ ]+ (_|script|BASH[A-Z_]*|EPOCH[A-Z]*|FUNCNAME|LINENO|PIPESTATUS|S?RANDOM|SECONDS)(=|$)'
	declare -f
	set +o
	shopt
	pwd
	umask
	trap
	jobs
	ls /proc/$$/fd
}

main "$@"
