# shellcheck shell=bash
# Assertions of the scenarios. Each prints one line; the first that does not hold
# prints what was seen, then a post-mortem, and ends the scenario.
#
#   check WHAT CMD...              CMD succeeds
#   check_fails WHAT STATUS CMD... CMD ends with STATUS, or with any but 0 for "any"
#   expect_eq WHAT WANT GOT        the two texts are the same, byte for byte
#   expect_match WHAT REGEX TEXT   TEXT matches (bash's =~, lines and all)
#   expect_no_match WHAT REGEX TEXT
#   wait_until SECONDS CMD...      poll until CMD succeeds; status 1 if it never did
#   fail WHAT                      say so and end
#   note TEXT                      a heading of the story, or a number worth printing
#
# After check and check_fails, $SEEN is what CMD printed (both streams).

checks=0
SEEN=

note()
{
	printf '# %s\n' "$*"
}

passed()
{
	checks=$((checks + 1))
	printf 'ok %d - %s\n' "$checks" "$1"
}

fail()
{
	printf 'not ok %d - %s\n' "$((checks + 1))" "$1"
	shift
	[ $# -eq 0 ] || printf '%s\n' "$@" | sed 's/^/    /'
	if declare -F post_mortem >/dev/null; then
		post_mortem 2>&1 | sed 's/^/    /'
	fi
	exit 1
}

check()
{
	local what=$1 status=0
	shift
	SEEN=$("$@" 2>&1) || status=$?
	[ "$status" -eq 0 ] || fail "$what" "$* ended with status $status and printed:" "$SEEN"
	passed "$what"
}

check_fails()
{
	local what=$1 want=$2 status=0
	shift 2
	SEEN=$("$@" 2>&1) || status=$?
	if [ "$want" = any ] && [ "$status" -ne 0 ]; then
		want=$status
	fi
	[ "$status" = "$want" ] ||
		fail "$what" "$* ended with status $status, not $want, and printed:" "$SEEN"
	passed "$what"
}

expect_eq()
{
	[ "$2" = "$3" ] || fail "$1" "wanted: $(printf %q "$2")" "got:    $(printf %q "$3")"
	passed "$1"
}

expect_match()
{
	[[ $3 =~ $2 ]] || fail "$1" "wanted a match of: $2" "got:" "$3"
	passed "$1"
}

expect_no_match()
{
	[[ ! $3 =~ $2 ]] || fail "$1" "wanted no match of: $2" "got:" "$3"
	passed "$1"
}

# A condition can cost as much as what it waits for: the longer it takes, the rarer it is asked.
wait_until()
{
	local begin=${EPOCHREALTIME/[.,]/} limit=$(($1 * 1000000)) waited pause
	shift
	until "$@" >/dev/null 2>&1; do
		waited=$((${EPOCHREALTIME/[.,]/} - begin))
		[ "$waited" -lt "$limit" ] || return 1
		pause=$((waited < 900000 ? 10000 + waited / 10 : 100000))
		sleep "$(printf '0.%06d' "$pause")"
	done
}
