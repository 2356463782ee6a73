#!/bin/sh
# onstart.sh: puts vastagent onto this instance and starts it. Run as root; run again at
# every start of the instance: what is in place already is left as it is.
# onstart.sh --image: only puts it there, for an image that instances are made of: starts
# nothing, adds no keys, leaves no state. The status is 1 if something went wrong.
#
#   VASTAGENT_BIN=FILE    install this program; else the file vastagent beside this
#                         script; else one that is built from the checkout it stands in
#   VASTAGENT_KEYS=...    public keys to let in, with a line break, ';' or a literal \n
#                         between them; VASTAGENT_KEYS_2, _3 and so on for more
#
# Without --image it never makes an instance fail to start: what goes wrong is said, the
# rest goes on, and the exit status is 0.
set +e -u # whatever shell runs it
unset CDPATH
umask 022
here=$(cd "$(dirname "$0")" && pwd) || exit 0
top=${here%/*}
config=/etc/vastagent.conf
build_packages='gcc make cmake pkg-config libc6-dev libevent-dev libsodium-dev libinih-dev'
build_packages="$build_packages libjansson-dev libseccomp-dev"
problems=0

say()
{
	printf 'vastagent: %s\n' "$*"
}

problem()
{
	say "PROBLEM: $*"
	problems=$((problems + 1))
}

# bounded SECONDS CMD...: a step that hangs must not hold the instance up.
bounded()
{
	seconds=$1
	shift
	if command -v timeout >/dev/null 2>&1; then
		timeout "$seconds" "$@"
	else
		"$@"
	fi
}

# Where it is, else where it can be put: an image may mount /usr/local read-only.
find_place()
{
	for program in /usr/local/bin/vastagent /usr/bin/vastagent; do
		[ ! -f "$program" ] || [ -L "$program" ] || return 0
	done
	for program in /usr/local/bin/vastagent /usr/bin/vastagent; do
		mkdir -p "${program%/*}" 2>/dev/null && [ -w "${program%/*}" ] && return 0
	done
}

missing_packages()
{
	for package in $build_packages; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
			grep -qx installed || echo "$package"
	done
}

install_packages()
{
	packages=$(missing_packages)
	[ -n "$packages" ] || return 0
	if ! command -v apt-get >/dev/null 2>&1; then
		problem "building needs $build_packages, and there is no apt-get here;" \
			"give a built program in VASTAGENT_BIN"
		return 1
	fi
	# shellcheck disable=SC2086 # a list of words
	say "installing what the build needs:" $packages
	# shellcheck disable=SC2086
	if apt-get update -q >"$work/apt.log" 2>&1 && DEBIAN_FRONTEND=noninteractive \
		apt-get install -q -y --no-install-recommends $packages >>"$work/apt.log" 2>&1; then
		return 0
	fi
	tail -n 5 "$work/apt.log"
	problem "apt-get failed: see above"
	return 1
}

build()
{
	install_packages || return 1
	say "building from $top"
	if cmake -S "$top" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DVASTAGENT_STATIC=ON \
		-DVASTAGENT_TESTS=OFF >"$work/build.log" 2>&1 &&
		cmake --build "$work/build" -j "$(nproc)" >>"$work/build.log" 2>&1; then
		strip "$work/build/vastagent"
		return 0
	fi
	tail -n 20 "$work/build.log"
	problem "the build failed: see above"
	return 1
}

# True if the installed program is as new as everything that it is built from.
is_built()
{
	[ -x "$program" ] || return 1
	[ -z "$(find "$top/CMakeLists.txt" "$top/agent" "$top/cmake" -newer "$program" 2>/dev/null |
		head -n 1)" ]
}

# Sets new to the program to install; to nothing if there is none, or none to be had.
find_program()
{
	new=
	if [ -n "${VASTAGENT_BIN:-}" ]; then
		new=$VASTAGENT_BIN
	elif [ -f "$here/vastagent" ]; then
		new=$here/vastagent
	elif [ -f "$top/CMakeLists.txt" ] && ! is_built; then
		build && new=$work/build/vastagent
	fi
}

# A package's own program is for dpkg to replace: another one goes beside it, and before it.
go_beside_package()
{
	[ "$program" = /usr/bin/vastagent ] && [ -e /usr/share/vastagent/hook.sh ] &&
		! cmp -s "$new" "$program" || return 0
	if mkdir -p /usr/local/bin 2>/dev/null && [ -w /usr/local/bin ]; then
		program=/usr/local/bin/vastagent
	else
		problem "/usr/local/bin cannot be written to: the package's vastagent is used"
		new=
	fi
}

install_program()
{
	find_program
	[ -z "$new" ] || go_beside_package
	if [ -n "$new" ] && [ ! -f "$new" ]; then
		problem "there is no program $new"
	elif [ -n "$new" ] && ! cmp -s "$new" "$program"; then
		if cp "$new" "$program.new" && chmod 755 "$program.new" &&
			bounded 5 "$program.new" version >/dev/null && mv -f "$program.new" "$program"; then
			say "installed $program: $("$program" version)"
			replaced=yes
		else
			rm -f "$program.new"
			problem "$new cannot be installed as $program, or does not run here"
		fi
	fi
	if [ ! -x "$program" ]; then
		problem "there is no $program: vastagent is not installed"
		return 1
	fi
	# Debian's sshd gives commands a PATH with /usr/local/bin, others may not.
	if [ ! -e /etc/debian_version ] && [ ! -e /usr/bin/vastagent ]; then
		ln -s "$program" /usr/bin/vastagent && say "linked /usr/bin/vastagent"
	fi
}

# install_text FILE TARGET: FILE of packaging/.
install_text()
{
	if [ ! -f "$top/packaging/$1" ] || cmp -s "$top/packaging/$1" "$2"; then
		return
	elif cp "$top/packaging/$1" "$2.new" && chmod 644 "$2.new" && mv "$2.new" "$2"; then
		say "wrote $2"
	else
		problem "cannot write $2"
	fi
}

# The platform's own images have directories for a page about it, and for what starts it.
install_texts()
{
	[ -e "$config" ] || install_text vastagent.conf "$config"
	[ ! -d /etc/vast_agents ] ||
		install_text vast_agents/vastagent.md /etc/vast_agents/vastagent.md
	[ "$image" = no ] || [ ! -d /etc/vast_boot.d ] ||
		install_text vast_boot.d/49-vastagent.sh /etc/vast_boot.d/49-vastagent.sh
}

# The program knows the image's package manager.
report_tmux()
{
	command -v tmux >/dev/null 2>&1 && return
	get=$(bounded 15 "$program" doctor --json 2>/dev/null |
		sed -n 's/.*"id": *"login.tmux"[^}]*"fix": *"\([^"]*\)".*/\1/p')
	tell=problem
	[ "$image" = no ] || tell=say # a later step may bring it
	"$tell" "there is no tmux here, so logins are plain shells;" \
		"get it with: ${get:-the package manager of this image}"
}

install_hook()
{
	bounded 5 sh "$here/hook.sh" install --bin "$program" >"$work/hook.log" 2>&1 ||
		problem "the login hook is not in place: logins do not go to tmux"
	while read -r line; do
		say "$line"
	done <"$work/hook.log"
	report_tmux
}

# What this script was given and process 1 was not. A person's session has variables of
# its own, which are nobody else's.
hand_over_variables()
{
	[ -z "${SSH_CONNECTION:-}${TMUX:-}" ] || return 0
	bounded 10 "$program" env --hand-over || problem "sessions do not have this script's variables"
}

start_agent()
{
	if [ "$replaced" = yes ] && bounded 5 "$program" status >/dev/null 2>&1; then
		say "another version runs: it is started anew"
		bounded 10 "$program" stop >/dev/null || problem "the old agent does not stop"
	fi
	started=$(bounded 15 "$program" start --hand-over 2>&1) || problem "$started"
	# It starts all the same where the instance's id is not taken, and says why.
	printf '%s\n' "$started" | grep '^vastagent: '
}

add_keys()
{
	[ -n "$2" ] || return 0
	said=$(printf '%s\n' "$2" | bounded 15 "$program" addkey --template - 2>&1) ||
		problem "not all keys of $1 get in:"
	# What was there before is no news at the second start.
	printf '%s\n' "$said" | grep -v -e '^vastagent: there already' -e '^there already:' -e '^$'
}

add_template_keys()
{
	add_keys VASTAGENT_KEYS "${VASTAGENT_KEYS:-}"
	number=2
	while eval "[ -n \"\${VASTAGENT_KEYS_$number:-}\" ]"; do
		eval "add_keys VASTAGENT_KEYS_$number \"\$VASTAGENT_KEYS_$number\""
		number=$((number + 1))
	done
}

# To be compared at the first connection, and lines that spare the question.
report_host_keys()
{
	# Asked once, since sshd takes its time; the types are named as ssh's question names them.
	bounded 10 "$program" hostkeys --json 2>&1 | sed 's/{"fingerprint"/\n&/g' | sed -n \
		-e '/^vastagent: /p' -e 's/"ssh-ed25519",/"ED25519",/' -e 's/"ssh-rsa",/"RSA",/' \
		-e 's/"ecdsa-[^"]*",/"ECDSA",/' -e h \
		-e 's/^{[^:]*:"\([^"]*\)","type":"\([^"]*\)","bits":\([0-9]*\),"file":"\([^"]*\)".*/vastagent: host key: \1  \2  \3  \4/p' \
		-e g -e 's/.*"known_hosts":"\([^"]*\)".*/known_hosts: \1/p'
	if [ -n "${VAST_TCP_PORT_22:-}" ] && [ -n "${PUBLIC_IPADDR:-}" ]; then
		say "connect with: ssh -p $VAST_TCP_PORT_22 root@$PUBLIC_IPADDR"
	elif [ -n "${CONTAINER_ID:-}" ]; then
		say "the address to connect to: vastai ssh-url $CONTAINER_ID"
	fi
}

# What keeps keys out, less what sshd lacks where it is only started after this.
report_doctor()
{
	grep ': fail: ' "$work/doctor" |
		grep -v -e ': sshd\.running: ' -e ': sshd\.hostkeys: ' -e ': sshd\.rundir: '
}

report()
{
	# Meanwhile, since it asks sshd.
	bounded 10 "$program" doctor --log >"$work/doctor" 2>&1 &
	doctor=$!
	say "$("$program" version) on $(cat /proc/sys/kernel/hostname)"
	report_host_keys
	say "keys that get in:"
	bounded 10 "$program" keys || problem "the keys cannot be listed"
	template=$(bounded 10 "$program" keys --json 2>/dev/null |
		grep -c '"origin":"template","state":"[ap]')
	[ "${template:-0}" -eq 0 ] || say "SOME OF THESE KEYS COME FROM THE TEMPLATE (VASTAGENT_KEYS):" \
		"its author can log in, unless you run vastagent rmkey"
	bounded 10 "$program" status | grep '^warning: '
	wait "$doctor"
	report_doctor
}

image=no
case ${1:-} in
'') ;;
--image) image=yes ;;
*)
	say "usage: onstart.sh [--image]"
	exit 64
	;;
esac
if [ "$(id -u)" -ne 0 ]; then
	problem "onstart.sh must be run as root"
	[ "$image" = no ]
	exit
fi
work=$(mktemp -d /tmp/vastagent-onstart.XXXXXX 2>/dev/null ||
	mktemp -d /dev/shm/vastagent-onstart.XXXXXX) || {
	problem "neither /tmp nor /dev/shm can be written to"
	[ "$image" = no ]
	exit
}
trap 'rm -rf "$work"' EXIT
replaced=no
find_place
if install_program; then
	install_texts
	install_hook
	if [ "$image" = no ]; then
		hand_over_variables
		start_agent
		add_template_keys
		report
	fi
fi
[ "$problems" -eq 0 ] || say "$problems problems: see above"
[ "$image" = no ] || [ "$problems" -eq 0 ]
