#!/bin/bash
# story.sh USER FILE STAGE WHOSE ACTION FIRST STRIDE   run in an instance, with every
# capability, where lib.sh's conditions hold and /tmp/session says that somebody is logged in.
#
# Does one STAGE of the story (stage.sh) again and again, and each time one more thing
# fails, from the FIRST on, each STRIDEth, until there is none left:
#
#   ACTION memory:N      that allocation of memory, and the N-1 next ones
#   ACTION ERRNO:CALLS   that system call (stepper.c)
#   WHOSE                agent, children, helper, command (stepper.c); memory: agent (with
#                        children, helper and parent), command (the client)
#
# Each time: nothing crashes, the answer is the right one or an error with a sentence,
# an agent answers afterwards, the file is whole, and no key is lost. Prints the number of
# rounds; what is wrong ends it with status 1.
set -u
user=$1 file=$2 stage=$3 whose=$4 action=$5 step=$6 stride=$7
what="$stage, $whose, $action"
here=$(dirname "$0")
# shellcheck source=tests/scenario/faults/lib.sh
. "$here/lib.sh"
rounds=0 failed=0 count=0 pid='' memory='' ends_before=0
if [[ $action == memory:* ]]; then
	memory=${action#memory:}
	# Who starts with them there can be told later.
	/tmp/faultctl /tmp/control.agent off >/dev/null
	/tmp/faultctl /tmp/control.client off >/dev/null
fi

is_up()
{
	client status >/tmp/status 2>&1
}

comes_back()
{
	pgrep -x vastagent-keep >/dev/null && wait_for is_up
}

# How often the parent has had to bring the agent back.
ends_in_log()
{
	grep -c 'it is started again in' /var/log/vastagent.log
}

crashes_in_log()
{
	grep -c 'ended by signal' /var/log/vastagent.log
}

environment()
{
	[ -n "$memory" ] || return 0
	printf 'LD_PRELOAD=/tmp/malloc.so FAULT_CONTROL=/tmp/control.%s' "$1"
}

start_agent()
{
	AGENT_ENVIRONMENT=$(environment agent) "$here/stage.sh" start "$user" "$file" ||
		wrong "the agent starts"
	ends_before=$(ends_in_log)
}

# Who is to be watched: the agent, or the process that it keeps as its helper.
whose_pid()
{
	if [ "$whose" = helper ]; then
		pgrep -o -x vastagent-help
	else
		pgrep -o -x vastagent
	fi
}

stop_agent()
{
	contained vastagent stop >/tmp/answer 2>&1 || wrong "the agent stops"
}

prepare()
{
	if [ "$stage" = start ]; then
		! is_up || stop_agent
	else
		# More rewrites than ten in a minute are a fight, which is restored with pauses.
		[ "$stage" != restore ] || [ $((rounds % 8)) -ne 7 ] || ! is_up || stop_agent
		# The pauses before it is brought back grow, with a new parent from the beginning.
		[ $(($(ends_in_log) - ends_before)) -lt 4 ] || ! is_up || stop_agent
		is_up || start_agent
		pid=$(whose_pid)
		wait_for is_idle || wrong "the agent has children for ever"
	fi
	[ "$stage" != remove ] || client addkey --user "$user" /tmp/new.pub >/tmp/answer 2>&1 ||
		wrong "a key to remove is added"
	read_file
	before=$text
	crashes_before=$(crashes_in_log)
}

fail_memory()
{
	local part=agent
	[ "$whose" = agent ] || part=client
	/tmp/faultctl /tmp/control.$part arm "$step" "$memory"
	AGENT_ENVIRONMENT=$(environment agent) CLIENT_ENVIRONMENT=$(environment client) \
		"$here/stage.sh" "$stage" "$user" "$file"
	status=$?
	read -r count failures crashes done_at stack < <(/tmp/faultctl /tmp/control.$part off)
	[ "$failures" -gt 0 ] || done_at=-1
}

fail_call()
{
	read -r count status done_at crashes < <(/tmp/stepper "$whose" "${pid:-0}" "$step" "$action" \
		"$here/stage.sh" "$stage" "$user" "$file")
	[ -n "${crashes:-}" ] || wrong "stepper worked"
}

# A list that is taken for whole is whole.
is_right()
{
	case $stage in
	keys | http) grep -q "$stays_print" /tmp/answer ;;
	sessions) jq -e '.sessions | any(.user == "root")' /tmp/answer >/dev/null ;;
	forwards) jq -e '(.complete | not) or any(.forwards[]; .listen | test("9999"))' /tmp/answer >/dev/null ;;
	services) jq -e '.services | any(.port == 22)' /tmp/answer >/dev/null ;;
	status) jq -e .pid /tmp/answer >/dev/null ;;
	add) read_file && [[ $text == *"$new"* ]] ;;
	remove) read_file && [[ $text != *"$new"* ]] ;;
	esac
}

judge()
{
	[ "$crashes" = 0 ] || wrong "$crashes processes crashed"
	[ "$(crashes_in_log)" = "$crashes_before" ] || wrong "the agent crashed"
	if [ "$status" = 0 ]; then
		is_right || wrong "it is what was asked for"
	else
		failed=$((failed + 1))
		[[ $status =~ ^(66|69|70|71|73|74|75|78)$ ]] || wrong "status $status"
		[ "$stage" = http ] || grep -q '^vastagent: .' /tmp/answer || wrong "an error says something"
	fi
}

run_round()
{
	prepare
	if [ -n "$memory" ]; then fail_memory; else fail_call; fi
	rounds=$((rounds + 1))
	judge
	# It goes on, or its parent brings it back; a start or a stop that failed is tried again.
	case $stage in
	start | stop) is_up || comes_back || start_agent ;;
	*) wait_for is_up || wrong "an agent answers afterwards" ;;
	esac
	[ "$stage" != remove ] || status=removed
	[ "$stage" = add ] || [ "$status" = removed ] || status=none
	case $stage in
	add | remove | restore | follow) check_after ;;
	*) wait_for agrees || wrong "store and file agree: $(cat /tmp/keys)" ;;
	esac
}

while [ "$done_at" != -1 ]; do
	run_round
	step=$((step + stride))
done
echo "$rounds rounds, $failed without a yes, $count in all"
