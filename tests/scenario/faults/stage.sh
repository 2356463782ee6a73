#!/bin/bash
# stage.sh STAGE USER FILE   run in an instance, with every capability: one stage of the
# story, as a renter's programs do it. What is printed goes to /tmp/answer; the status is
# the command's, or 124 if something did not come in 20 s.
#
# CLIENT_ENVIRONMENT and AGENT_ENVIRONMENT: NAME=VALUE words for the one or the other.
set -u
stage=$1 user=$2 file=$3
# shellcheck disable=SC2034 # of lib.sh
step='' what=''
# shellcheck source=tests/scenario/faults/lib.sh
. "$(dirname "$0")/lib.sh"
exec >/tmp/answer 2>&1

# shellcheck disable=SC2086 # words
ask()
{
	VASTAGENT_SOCKET=/run/vastagent/agent.sock contained env ${CLIENT_ENVIRONMENT:-} vastagent "$@"
}

holds_stays()
{
	grep -qF "$stays" "$file"
}

# The agent and its parent, as vastagent start makes them, but with an environment.
# shellcheck disable=SC2086 # words
start_with_environment()
{
	contained env $AGENT_ENVIRONMENT vastagent daemon --ready 3 3>/tmp/ready \
		</dev/null >>/var/log/vastagent.log 2>&1 &
	daemon=$! # wait_for starts others
	# shellcheck disable=SC2317 # called by wait_for
	is_up() { client status >/dev/null 2>&1 || ! kill -0 "$daemon" 2>/dev/null; }
	wait_for is_up || exit 124
	# One that has ended by now is brought back.
	if kill -0 "$daemon" 2>/dev/null; then
		wait_for client status && return
		exit 124
	fi
	wait "$daemon"
	ended=$?
	echo "vastagent: the daemon ended with status $ended"
	return "$ended"
}

followed()
{
	grep -q '"added"' /tmp/followed || ! kill -0 "$follower" 2>/dev/null
}

case $stage in
add) ask addkey --user "$user" /tmp/new.pub ;;
remove) ask rmkey --user "$user" new@test ;;
keys) ask keys --user "$user" --json ;;
sessions | forwards | services | status) ask "$stage" --json ;;
stop) ask stop ;;
start)
	if [ -n "${AGENT_ENVIRONMENT:-}" ]; then
		start_with_environment
	else
		contained vastagent start
	fi
	;;
restore)
	sed '/^# BEGIN/,$d' "$file" >/tmp/platform
	cat /tmp/platform >"$file"
	wait_for holds_stays || exit 124
	;;
follow)
	: >/tmp/followed
	# shellcheck disable=SC2086 # words
	VASTAGENT_SOCKET=/run/vastagent/agent.sock "${CONTAINER_CAPABILITIES[@]}" \
		env ${CLIENT_ENVIRONMENT:-} vastagent events --follow --json >/tmp/followed 2>&1 &
	follower=$!
	change_until_followed()
	{
		client addkey --user "$user" /tmp/new.pub
		client rmkey --user "$user" new@test
		followed
	}
	wait_for change_until_followed || exit 124
	kill -0 "$follower" 2>/dev/null || { cat /tmp/followed; wait "$follower"; exit; }
	kill "$follower"
	;;
http)
	code=$(curl -s -o /tmp/body -w '%{http_code}' --max-time 20 --unix-socket \
		/run/vastagent/agent.sock "http://localhost/v1/keys?user=$user")
	cat /tmp/body
	case $code in
	000) exit 69 ;; # evhttp hung up
	200) jq -e .keys /tmp/body >/dev/null ;;
	*) jq -e '.error | .code and .message' /tmp/body >/dev/null && echo "vastagent: $code" && exit 75 ;;
	esac
	;;
esac
