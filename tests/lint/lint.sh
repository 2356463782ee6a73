# shellcheck shell=bash
# What the lint checks share. Sourced with the arguments of va_lint.
set -u
SOURCE=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck disable=SC2034 # used by the checks
BUILD=${2:-$SOURCE/build/debug}
cd "$SOURCE" || exit 1
findings=0

finding()
{
	printf '%s\n' "$*"
	findings=$((findings + 1))
}

# need TOOL: where everything must run, a missing tool is a failure.
need()
{
	command -v "$1" >/dev/null && return
	echo "skipped: $1 is not installed"
	[ "${CI:-}" != true ] || exit 1
	exit 77
}

# finish WHAT COUNT: a check that looked at nothing has not passed.
finish()
{
	[ "$2" -gt 0 ] || finding "no $1 found: this check looks in the wrong place"
	[ "$findings" -eq 0 ] || exit 1
	echo "$2 $1: no finding"
}
