#!/bin/bash
# deb.sh [--work DIRECTORY] [DIRECTORY]: the Debian package, built from this checkout with
# packaging/debian, into DIRECTORY (build/dist). The same source, compiler and libraries
# give the same bytes, wherever and whenever it is built. The version is project(VERSION)
# in CMakeLists.txt. --work keeps what was compiled, for another build.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
work=

usage()
{
	echo 'usage: packaging/deb.sh [--work DIRECTORY] [DIRECTORY]' >&2
	exit 64
}

while [ $# -gt 0 ]; do
	case $1 in
	--work)
		[ $# -ge 2 ] || usage
		mkdir -p "$2"
		work=$(cd "$2" && pwd)
		shift
		;;
	-*) usage ;;
	*) break ;;
	esac
	shift
done
[ $# -le 1 ] || usage
mkdir -p "${1:-$top/build/dist}"
dist=$(cd "${1:-$top/build/dist}" && pwd)
if [ -z "$work" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
fi

export LC_ALL=C TZ=UTC
umask 022
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct 2>/dev/null || echo 0)}
VASTAGENT_COMMIT=${VASTAGENT_COMMIT:-$(git -C "$top" rev-parse --short=12 HEAD 2>/dev/null || true)}
export SOURCE_DATE_EPOCH VASTAGENT_COMMIT
version=$(sed -n 's/^project(vastagent VERSION \([0-9.]*\).*/\1/p' "$top/CMakeLists.txt")

# Beside the tree, since dpkg-buildpackage puts the package beside what it builds.
tree=$work/vastagent
mkdir -p "$tree"
rm -rf "$tree/debian" "$tree"/{agent,onstart,packaging}
cp -r --preserve=timestamps "$top"/{CMakeLists.txt,CHANGELOG.md,LICENSE,README.md,agent,cmake,onstart,packaging} "$tree"
mv "$tree/packaging/debian" "$tree/debian"
cat >"$tree/debian/changelog" <<-END
	vastagent ($version) unstable; urgency=medium

	  * See CHANGELOG.md.

	 -- $(sed -n 's/^Maintainer: //p' "$tree/debian/control")  $(date -R -d "@$SOURCE_DATE_EPOCH")
END
rm -f "$work"/vastagent*.deb
export DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-parallel=$(nproc)} noautodbgsym"
if ! (cd "$tree" && dpkg-buildpackage --build=binary --no-sign --no-pre-clean) \
	>"$work/log" 2>&1; then
	tail -n 40 "$work/log" >&2
	echo 'deb.sh: the build failed: see above' >&2
	exit 1
fi
cp "$work"/vastagent_*.deb "$dist"
for package in "$work"/vastagent_*.deb; do
	echo "$dist/$(basename "$package"): $(stat -c %s "$package") bytes"
done
