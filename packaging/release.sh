#!/bin/bash
# release.sh [--url URL] [DIRECTORY]: the file that is released: fully static, stripped, the
# same bytes wherever it is built with the same compiler and libraries. Into DIRECTORY
# (build/dist) go
#
#   vastagent-VERSION-MACHINE         the program, with the on-start and the hook in it
#   vastagent-VERSION-MACHINE.sha256  for sha256sum -c
#   template.sh                       onstart/template.sh with URL (where the program can be
#                                     fetched) and that checksum filled in
#
# The version is project(VERSION) in CMakeLists.txt. It fails where the file is larger than
# LIMIT, or where linking says anything that is not known.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
limit=2000000
url=

usage()
{
	echo 'usage: packaging/release.sh [--url URL] [DIRECTORY]' >&2
	exit 64
}

complain()
{
	echo "release.sh: $1" >&2
	exit 1
}

while [ $# -gt 0 ]; do
	case $1 in
	--url)
		[ $# -ge 2 ] || usage
		url=$2
		shift
		;;
	-*) usage ;;
	*) break ;;
	esac
	shift
done
[ $# -le 1 ] || usage
case $url in
*[!A-Za-z0-9:/._~%+@=-]*) complain "--url: quote what is no letter of a plain address: $url" ;;
esac
mkdir -p "${1:-$top/build/dist}"
dist=$(cd "${1:-$top/build/dist}" && pwd)

# What libevent brings along for its HTTP client, which the agent does not use.
known_warnings='getaddrinfo getprotobynumber getservbyname'

build()
{
	if ! cmake -S "$top" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DVASTAGENT_STATIC=ON \
		-DVASTAGENT_TESTS=OFF >"$work/log" 2>&1 ||
		! cmake --build "$work/build" -j "$(nproc)" >>"$work/log" 2>&1; then
		tail -n 30 "$work/log" >&2
		complain 'the build failed: see above'
	fi
}

check_warnings()
{
	local found
	found=$(sed -n "s/.*warning: Using '\(.*\)' in statically linked applications.*/\1/p" \
		"$work/log" | sort | xargs)
	if [ "$found" != "$known_warnings" ] ||
		[ "$(grep -c 'warning:' "$work/log")" -ne "$(wc -w <<<"$known_warnings")" ]; then
		grep 'warning:' "$work/log" >&2
		complain "the warnings of the build are not the known ones: $known_warnings"
	fi
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C TZ=UTC CFLAGS='' LDFLAGS=''
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
build
check_warnings
strip --strip-all --remove-section=.comment "$work/build/vastagent"
size=$(stat -c %s "$work/build/vastagent")
[ "$size" -le "$limit" ] || complain "the program has $size bytes, more than $limit"
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:.*=//p' "$work/build/CMakeCache.txt")
name=vastagent-$version-$(uname -m)
install -m 755 "$work/build/vastagent" "$dist/$name"
(cd "$dist" && sha256sum "$name" >"$name.sha256")
sum=$(cut -d ' ' -f 1 "$dist/$name.sha256")
sed -e "s|^url=.*|url=${url:-URL/$name}|" -e "s|^sum=.*|sum=$sum|" "$top/onstart/template.sh" \
	>"$dist/template.sh"
touch -d "@$SOURCE_DATE_EPOCH" "$dist/$name" "$dist/$name.sha256" "$dist/template.sh"
echo "$dist/$name: $size bytes, SHA-256 $sum"
