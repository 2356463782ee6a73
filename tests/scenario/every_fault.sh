#!/bin/bash
# One allocation of memory fails, then another one, each once, and likewise each system
# call: while the agent starts, while a key is added, removed and restored, while lists are
# asked for and events are followed, and while it stops; in the agent, in its children and
# in the client. Nothing crashes, no key is lost, an error says something, and an agent
# answers afterwards.
#
# By default some of them, others from run to run; with EVERY_FAULT=memory, calls or all
# every one (some hours), with EVERY_FAULT="STAGE WHOSE ACTION [FIRST STRIDE]" one story's.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
# shellcheck source=tests/scenario/lib/faults.sh
. "$SCENARIO_LIB/faults.sh"
not_with_sanitizers "a library of theirs would have to come first"
dynamic=$VASTAGENT_BUILD/vastagent_dynamic
[ -x "$dynamic" ] || dynamic=$VASTAGENT_BUILD/vastagent
[ -n "$(ldd "$dynamic" 2>/dev/null)" ] || skip "nothing can come between a static program and its C library: \
cmake --build $VASTAGENT_BUILD --target vastagent_dynamic"

instance_start one --user yes --bashrc none
# install_binary FILE: the agent that ran does not run any more.
install_binary()
{
	! in_instance test -e /usr/local/bin/vastagent || in_instance vastagent stop >/dev/null
	in_instance install -m 755 "$1" /usr/local/bin/vastagent
	installed=$1
}
install_binary "$VASTAGENT_BUILD/vastagent"
faults_prepare
check "what lets memory fail is built" cc -O1 -Wall -shared -fPIC -o "$shared/malloc.so" "$helpers/malloc.c"
check "and its switch" cc -O1 -Wall -o "$shared/faultctl" "$helpers/faultctl.c"
faults_begin
laptop_ssh -N -R 9999:localhost:1 root@one &
forwards_something()
{
	in_instance vastagent forwards --json | jq -e '.forwards | length > 0'
}
check "somebody is logged in, with a forward" wait_until 20 forwards_something

# run STAGE WHOSE ACTION FIRST STRIDE: what is shipped, but where memory fails.
run()
{
	local binary=$VASTAGENT_BUILD/vastagent
	[[ $3 != memory:* ]] || binary=$dynamic
	[ "$binary" = "$installed" ] || install_binary "$binary"
	check "$1: $3, $2" machine_enter one env -i --chdir=/ HOME=/root LANG=C.UTF-8 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		"$helpers/story.sh" user "$file" "$@"
	note "$SEEN"
}
# some STAGE WHOSE ACTION ROUNDS COUNT: about so many of the about COUNT things.
some()
{
	local stride=$(($5 / $4 + 1))
	run "$1" "$2" "$3" $((RANDOM % stride + 1)) "$stride"
}

stages='start add remove restore keys sessions forwards services status http follow stop'
errors='ENOMEM EIO EMFILE ENOSPC'
every_memory()
{
	local stage
	for stage in $stages; do
		run "$stage" agent memory:1 1 1
		run "$stage" agent memory:3 1 3
		[[ $stage =~ start|restore|http ]] || run "$stage" command memory:1 1 1
	done
}
every_call()
{
	local stage error
	for error in $errors; do
		run start command "$error:all" 1 1
		for stage in ${stages#start }; do
			[ "$stage" = stop ] || run "$stage" children "$error:all" 1 1
			run "$stage" agent "$error:all" 1 1
			[[ $stage =~ restore|http ]] || run "$stage" command "$error:all" 1 1
			[ "$stage" = stop ] || run "$stage" helper "$error:all" 1 1
		done
	done
}

case ${EVERY_FAULT:-} in
all)
	every_memory
	every_call
	;;
memory) every_memory ;;
calls) every_call ;;
'')
	some start agent memory:1 3 200
	some add agent memory:1 6 900
	some add command memory:1 2 130
	some keys agent memory:2 3 360
	some forwards agent memory:1 3 180
	some follow agent memory:1 2 1100
	some start command EMFILE:all 4 200
	some add agent ENOMEM:all 3 60
	some add children EIO:all 3 390
	some restore children ENOMEM:all 2 300
	some status command EIO:all 2 30
	some stop agent EIO:all 2 30
	some forwards helper EIO:all 2 400
	some add helper kill 2 20
	;;
*)
	read -r -a words <<<"$EVERY_FAULT"
	run "${words[0]}" "${words[1]}" "${words[2]}" "${words[3]:-1}" "${words[4]:-1}"
	;;
esac
