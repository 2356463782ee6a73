#!/bin/bash
# rounds.sh USER FILE ACTION FIRST STRIDE   run in an instance, with every capability.
#
# Adds a key to USER's FILE again and again, and each time lets stepper do ACTION at a
# later system call (FIRST, FIRST+STRIDE, …) of the agent's work, until a round ends
# before that call comes. Each time the file must be whole, what was acknowledged must
# be there, and after it store and file must agree. Prints how many rounds there were;
# the first thing that is wrong ends it with status 1.
#
# Before: the agent has run, /tmp/new.pub is the key to add, /tmp/stays.pub one that was
# added and has to stay, FILE begins with other people's lines.
set -u
# shellcheck source=tests/scenario/lib/capabilities.sh
. "$(dirname "$0")/../lib/capabilities.sh"
user=$1 file=$2 action=$3 step=$4 stride=$5
new=$(cut -d ' ' -f 2 /tmp/new.pub)
stays=$(cut -d ' ' -f 2 /tmp/stays.pub)
failed=0 rounds=0

wrong()
{
	printf 'at call %s (number %s), %s: %s\n' "$step" "$done_at" "$action" "$1"
	cat /tmp/answer
	cat -A "$file"
	ls -lA "$(dirname "$file")"
	exit 1
}

contained()
{
	"${CONTAINER_CAPABILITIES[@]}" "$@"
}

# Read without a fork; the mark keeps the newlines at the end.
read_file()
{
	IFS= read -r -d '' text <"$file" || true
}

# wait_for CMD...: at most 10 s.
wait_for()
{
	local end=$((${EPOCHREALTIME/[.,]/} + 10000000))
	until "$@"; do
		[ "${EPOCHREALTIME/[.,]/}" -lt "$end" ] || return 1
		read -r -t 0.005 <> <(:)
	done
	return 0
}

is_idle()
{
	! pgrep -P "$pid" -x vastagent >/dev/null
}

start_agent()
{
	contained vastagent start >/tmp/start 2>&1 || wrong "the agent starts: $(cat /tmp/start)"
	pid=$(pgrep -o -x vastagent)
	wait_for is_idle || wrong "the agent has children for ever"
}

# The file is the old one, or other people's lines as they were and a whole new block.
is_whole()
{
	read_file
	[ "$text" != "$before" ] || return 0
	[ "${text%%# BEGIN vastagent*}" = "${before%%# BEGIN vastagent*}" ] || return 1
	[[ $text == *"$stays"*"# END vastagent"* ]]
}

agrees()
{
	contained vastagent keys --user "$user" --json >/tmp/keys 2>&1 &&
		! grep -q '"state": *"pending"' /tmp/keys &&
		grep -q "$(ssh-keygen -lf /tmp/stays.pub | cut -d ' ' -f 2)" /tmp/keys
}

run_round()
{
	start_agent
	read_file
	before=$text
	# stepper's own line comes last; the command's goes to /tmp/answer.
	read -r calls status done_at < <(/tmp/stepper "$pid" "$step" "$action" bash -c \
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

# A write that comes afterwards finds everything in order and leaves nothing behind.
check_after()
{
	start_agent
	wait_for agrees || wrong "store and file agree: $(cat /tmp/keys)"
	is_whole || wrong "the file is whole afterwards"
	[ "$status" != 0 ] || [[ $text == *"$new"* ]] || wrong "what was acknowledged is still there"
	contained vastagent addkey --user "$user" /tmp/new.pub >/tmp/answer 2>&1 || wrong "it is added later"
	contained vastagent rmkey --user "$user" new@test >/tmp/answer 2>&1 || wrong "it is removed again"
	read_file
	[[ $text != *"$new"* && $text == *"$stays"* ]] || wrong "the removed key is gone"
	[ "$(ls -A "$(dirname "$file")")" = authorized_keys ] || wrong "no temporary file is left"
}

done_at=0
while [ "$done_at" != -1 ]; do
	run_round
	check_after
	step=$((step + stride))
done
echo "$rounds rounds, $failed without a yes, $calls calls"
