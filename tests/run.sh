#!/bin/bash
# Installs what build and tests need, builds, and runs every test. The last lines are
# ctest's summary, and the exit status is 0 only if nothing failed.
#
# Units run with AddressSanitizer and UndefinedBehaviorSanitizer; the scenarios run the
# binary that is shipped (preset release), in throw-away instances.
set -eu
cd "$(dirname "$0")/.."
builds=${VASTAGENT_BUILDS:-$PWD/build}
jobs=$(nproc)

for_build='build-essential cmake pkg-config git libevent-dev libsodium-dev libinih-dev
	libjansson-dev libcmocka-dev libseccomp-dev'
for_tests='openssh-server openssh-client tmux zsh fish rsync jq curl strace procps iproute2
	util-linux mount libcap2-bin ncurses-term ca-certificates python3 xauth dropbear-bin lsof acl
	attr openssl putty-tools sudo git sshfs mosh rclone ansible-core python3-paramiko
	python3-pexpect python3-yaml debhelper dpkg-dev lintian systemd debootstrap clustershell
	libfaketime valgrind libc6-dbg'
for_lint='shellcheck mandoc clang-format clang-tidy cppcheck python3-voluptuous'
for_bench='nghttp2-client nginx-light google-guest-agent'

usage()
{
	cat <<-END
		usage: tests/run.sh [--bench | --soak | --sanitize | --valgrind | --matrix] [-R REGEX]...
		  -R REGEX   only the tests whose names match, as unit.* scenario.* lint.*
		  --bench    no tests, but the benchmarks in tests/bench
		  --soak     no tests, but a quarter of an hour of everything at once
		  --sanitize the scenarios, of a program with sanitizers
		  --valgrind the same in valgrind, and the unit tests and the fuzz seeds
		  --matrix   also the stories in the roots of other images, Debian's and Ubuntu's
		  --help     this text
		CI=true makes a test that would be skipped a failure.
	END
}

missing_packages()
{
	local package
	for package in $for_build $for_tests $for_lint; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
			echo "$package"
	done
}

# openssh-server would start a server on this machine; policy-rc.d forbids it, unless
# the machine has a policy of its own already.
install_packages()
{
	local policy=/usr/sbin/policy-rc.d ours=no status=0
	if [ "$(id -u)" -ne 0 ]; then
		echo "tests/run.sh: not root, so install these first:" "$@" >&2
		exit 1
	fi
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
		ours=yes
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q || status=$?
	apt-get install -q -y --no-install-recommends "$@" || status=$?
	[ "$ours" = no ] || rm -f "$policy"
	trap - EXIT
	[ "$status" -eq 0 ] || exit "$status"
}

# build DIRECTORY PRESET [OPTION...]
build()
{
	local directory=$builds/$1 preset=$2
	shift 2
	cmake --log-level=WARNING --preset "$preset" -B "$directory" "$@"
	cmake --build "$directory" -j "$jobs"
}

# What is built there runs in valgrind: the program by itself, the tests by ctest.
build_for_valgrind()
{
	build valgrind debug -DVASTAGENT_SANITIZE=valgrind -DVASTAGENT_FILTER=OFF \
		"-DVASTAGENT_UNDER_TEST=$builds/valgrind" "-DVASTAGENT_ROOTS=$builds/roots" \
		"-DCMAKE_CROSSCOMPILING_EMULATOR=valgrind;-q;--error-exitcode=99;--leak-check=full;--vgdb=no"
}

# Debian 12 has no validator of OpenAPI 3.1; npm's registry has.
install_validator()
{
	[ ! -x "$builds/npm/node_modules/.bin/validate-api" ] || return 0
	command -v npm >/dev/null || install_packages npm
	npm install --silent --no-audit --no-fund --prefix "$builds/npm" \
		@seriousme/openapi-schema-validator@2
}

run_benchmarks()
{
	local script status=0
	for script in tests/bench/*.sh; do
		[ -e "$script" ] || continue
		echo "== $script"
		VASTAGENT_BUILD=$builds/release bash "$script" || status=1
	done
	return "$status"
}

bench=no
soak=no
sanitize=no
valgrind=no
only=()
configuration=()
while [ $# -gt 0 ]; do
	case $1 in
	--bench) bench=yes ;;
	--soak) soak=yes ;;
	--sanitize) sanitize=yes ;;
	--valgrind) valgrind=yes ;;
	--matrix) configuration=(-C matrix) ;;
	-R)
		[ $# -ge 2 ] || {
			usage >&2
			exit 64
		}
		only+=(-R "$2")
		shift
		;;
	--help | -h)
		usage
		exit 0
		;;
	*)
		usage >&2
		exit 64
		;;
	esac
	shift
done

[ "$bench" = no ] || for_tests="$for_tests $for_bench"
mapfile -t missing < <(missing_packages)
[ "${#missing[@]}" -eq 0 ] || install_packages "${missing[@]}"

# A report fails a scenario, whichever process it is of; those that cannot run so say why.
if [ "$sanitize" = yes ]; then
	build asan asan "-DVASTAGENT_UNDER_TEST=$builds/asan" "-DVASTAGENT_ROOTS=$builds/roots"
	ctest --test-dir "$builds/asan" -j 2 --output-on-failure --no-tests=error \
		-L scenario -FS '.*' "${only[@]}"
	exit
fi
if [ "$valgrind" = yes ]; then
	build_for_valgrind
	ctest --test-dir "$builds/valgrind" -j 2 --output-on-failure --no-tests=error \
		-L 'unit|fuzz|scenario' -FS '.*' "${only[@]}"
	exit
fi
build release release
# For every_fault: the same, but a library can come between it and the C library.
cmake --build "$builds/release" -j "$jobs" --target vastagent_dynamic
if [ "$bench" = yes ]; then
	run_benchmarks
	exit
fi
if [ "$soak" = yes ]; then
	SOAK_SECONDS=${SOAK_SECONDS:-900} VASTAGENT_BUILD=$builds/release bash tests/scenario/soak.sh
	exit
fi
build_for_valgrind
build asan asan "-DVASTAGENT_UNDER_TEST=$builds/release" "-DVASTAGENT_ROOTS=$builds/roots" \
	"-DVASTAGENT_VALGRIND=$builds/valgrind"
install_validator
# One more than there are processors, since most of them wait now and then.
ctest --test-dir "$builds/asan" -j $((jobs + 1)) --output-on-failure --no-tests=error \
	"${configuration[@]}" "${only[@]}"
