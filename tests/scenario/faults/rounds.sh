#!/bin/bash
# rounds.sh USER FILE ACTION FIRST STRIDE   run in an instance, with every capability.
#
# Adds a key to USER's FILE again and again, and each time lets stepper do ACTION at a
# later system call (FIRST, FIRST+STRIDE, …) of the agent's work, until a round ends
# before that call comes. Each time the file must be whole, what was acknowledged must
# be there, and after it store and file must agree. Prints how many rounds there were;
# the first thing that is wrong ends it with status 1. Before: as lib.sh says.
set -u
user=$1 file=$2 action=$3 step=$4 stride=$5
what=$action
# shellcheck source=tests/scenario/faults/lib.sh
. "$(dirname "$0")/lib.sh"
failed=0 rounds=0

start_agent()
{
	contained vastagent start >/tmp/start 2>&1 || wrong "the agent starts: $(cat /tmp/start)"
	pid=$(pgrep -o -x vastagent)
	wait_for is_idle || wrong "the agent has children for ever"
}

run_round()
{
	start_agent
	read_file
	before=$text
	# stepper's own line comes last; the command's goes to /tmp/answer.
	read -r calls status done_at _ < <(/tmp/stepper children "$pid" "$step" "$action" bash -c \
		'exec >/tmp/answer 2>&1; export VASTAGENT_SOCKET=/run/vastagent/agent.sock; exec "$@"' - \
		"${CONTAINER_CAPABILITIES[@]}" vastagent addkey --user "$user" /tmp/new.pub)
	[ -n "${done_at:-}" ] || wrong "stepper worked"
	rounds=$((rounds + 1))
	is_whole || wrong "the file is whole"
	case $status in
	0) [[ $text == *"$new"* ]] || wrong "what was acknowledged is there" ;;
	*) failed=$((failed + 1)) ;;
	esac
	[ "$action" = kill ] || [[ $status =~ ^(0|73|75)$ ]] || wrong "status $status"
	[ "$status" = 0 ] || grep -q '^vastagent: .' /tmp/answer || wrong "an error says something"
	[ "$action" != kill ] || wait_for test ! -e "/proc/$pid/exe" || [ "$done_at" = -1 ] ||
		wrong "the agent is dead"
}

while [ "$done_at" != -1 ]; do
	run_round
	start_agent
	check_after
	step=$((step + stride))
done
echo "$rounds rounds, $failed without a yes, $calls calls"
