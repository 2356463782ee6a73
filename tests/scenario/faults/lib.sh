# shellcheck shell=bash disable=SC2154 # set by those who source this file
# What the rounds of faults have in common: each lets one thing fail while the agent works,
# and then everything must be in order. Sourced in an instance, with every capability, by a
# script that has set user, file, step and what (what fails, for a message).
#
# Before: /tmp/new.pub is a key to add, /tmp/stays.pub one that was added and has to stay;
# the file begins with other people's lines.
# shellcheck source=tests/scenario/lib/capabilities.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/capabilities.sh"
new=$(cut -d ' ' -f 2 /tmp/new.pub)
stays=$(cut -d ' ' -f 2 /tmp/stays.pub)
stays_print=$(ssh-keygen -lf /tmp/stays.pub | cut -d ' ' -f 2)
done_at=0

wrong()
{
	printf 'at %s (what: %s), %s: %s\n' "$step" "$done_at" "$what" "$1"
	# Of an allocation that failed, or of the crash that followed; addr2line -fe tells where.
	[ -z "${stack:-}" ] || printf 'stack: %s\n' "$stack"
	cat /tmp/answer
	cat -A "$file"
	ls -lA "$(dirname "$file")"
	exit 1
}

contained()
{
	"${CONTAINER_CAPABILITIES[@]}" "$@"
}

# With the socket named, the client does not start a new agent where there is none.
client()
{
	VASTAGENT_SOCKET=/run/vastagent/agent.sock contained vastagent "$@"
}

# Read without a fork; the mark keeps the newlines at the end.
read_file()
{
	IFS= read -r -d '' text <"$file" || true
}

# wait_for CMD...: at most 20 s.
wait_for()
{
	local end=$((${EPOCHREALTIME/[.,]/} + 20000000))
	until "$@"; do
		[ "${EPOCHREALTIME/[.,]/}" -lt "$end" ] || return 1
		read -r -t 0.005 <> <(:)
	done
	return 0
}

is_idle()
{
	! pgrep -P "$(pgrep -o -x vastagent)" -x vastagent >/dev/null
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
	client keys --user "$user" --json >/tmp/keys 2>&1 &&
		! grep -q '"state": *"pending"' /tmp/keys && grep -q "$stays_print" /tmp/keys
}

# A write that comes afterwards finds everything in order and leaves nothing behind.
# status is that of the addkey that was tried, any other word if there was none.
check_after()
{
	wait_for agrees || wrong "store and file agree: $(cat /tmp/keys)"
	is_whole || wrong "the file is whole afterwards"
	[ "$status" != 0 ] || [[ $text == *"$new"* ]] || wrong "what was acknowledged is still there"
	client addkey --user "$user" /tmp/new.pub >/tmp/answer 2>&1 || wrong "it is added later"
	client rmkey --user "$user" new@test >/tmp/answer 2>&1 || wrong "it is removed again"
	read_file
	[[ $text != *"$new"* && $text == *"$stays"* ]] || wrong "the removed key is gone"
	[ "$(ls -A "$(dirname "$file")")" = authorized_keys ] || wrong "no temporary file is left"
}
