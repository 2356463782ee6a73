# shellcheck shell=bash
# Throw-away instances for the scenarios. A scenario begins with
#
#   . "$(dirname "$0")/lib/instance.sh"
#
# and is from there on a small world of its own: namespaces for processes, mounts
# and network that end with the script, however it ends, and leave nothing behind.
# In it stand instances (what a renter rents: a copy of this machine's root with the
# rights of a Docker container, the platform's boot, real sshd) and one laptop
# (192.0.2.1, a real ssh client) that has a wire to each of them.
#
#   instance_start NAME [OPTION...]  start one and wait until sshd listens; the calls
#                                    below speak of the one started or chosen last
#       --from IMAGE                 its files are a saved image's
#       --root DIRECTORY             a copy of this root, not of the machine's own (default:
#                                    $VASTAGENT_ROOT, where that is set)
#       --id NUMBER                  CONTAINER_ID (default: counted up from 12345)
#       --env NAME=VALUE             a variable of the template
#       --unnamed                    process 1 does not know which instance this is
#       --vm MACHINE_ID              a machine with an init and all capabilities
#       --on-start FILE|TEXT         the on-start text
#       ...                          and those of platform.sh: --bashrc, --endless,
#                                    --keys, --stage, --user
#   instance_use NAME                speak of another one
#   instance_stop                    all its processes die, its files stay
#   instance_start_again             the platform boots it again
#   instance_stop_start              both
#   instance_save IMAGE              keep its files as an image
#   instance_end                     destroy it
#   instance_log                     what its process 1 and the on-start text printed
#   instance_address                 its address
#   in_instance CMD...               run as root in it: a container's rights, a clean
#                                    environment, cwd /root
#   in_instance_as USER CMD...       the same as another account
#   platform VERB...                 platform.sh in it: refresh [--rename|--unlink], ...
#
#   laptop_start                     before the first instance, where its keys are wanted
#                                    by then; instance_start does it otherwise
#   laptop CMD...                    run on the laptop, as its root (every capability)
#   laptop_ssh ARG...                laptop ssh; every instance's NAME is a host name
#   laptop_key [NAME]                print the laptop's public key; NAME: a further key,
#                                    made if need be as ~/.ssh/NAME
#
#   sanitized                        the build under test has sanitizers, or runs in valgrind: what
#                                    they report then fails the scenario
#   in_valgrind                      the latter, where all takes longer
#   not_with_sanitizers WHY          skip the scenario if so
#
# Further parts, read along: check.sh (assertions), terminal.sh (terminals).
# Variables: VASTAGENT_BUILD (the build directory under test), SOURCE (the checkout),
# WORLD (a directory of this world, gone with it), INSTANCE (the name chosen).

set -u
SCENARIO_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOURCE=$(cd "$SCENARIO_LIB/../../.." && pwd)
VASTAGENT_BUILD=${VASTAGENT_BUILD:-$SOURCE/build/release}
WORLD=/media

# shellcheck source=tests/scenario/lib/capabilities.sh
. "$SCENARIO_LIB/capabilities.sh"
# shellcheck source=tests/scenario/lib/check.sh
. "$SCENARIO_LIB/check.sh"
# shellcheck source=tests/scenario/lib/terminal.sh
. "$SCENARIO_LIB/terminal.sh"

# A scenario that cannot run says why; where everything must run, that is a failure.
skip()
{
	printf 'skipped: %s\n' "$1"
	[ "${CI:-}" != true ] || exit 1
	exit 77
}

# The same for what no package brings and few kernels have: that is no failure anywhere.
skip_here()
{
	CI='' skip "$1"
}

# ---- a build with sanitizers ----

sanitized()
{
	grep -qs '^VASTAGENT_SANITIZE:STRING=.' "$VASTAGENT_BUILD/CMakeCache.txt"
}

in_valgrind()
{
	grep -qs '^VASTAGENT_SANITIZE:STRING=valgrind' "$VASTAGENT_BUILD/CMakeCache.txt"
}

not_with_sanitizers()
{
	! sanitized || {
		printf 'skipped: with sanitizers, since %s\n' "$1"
		exit 77
	}
}

# What leaks is told where a program ends by itself: the agents are stopped first.
stop_agents()
{
	local directory
	for directory in "$WORLD"/machines/*/; do
		INSTANCE=$(basename "$directory")
		if [ "$INSTANCE" != laptop ] && [ -d "/proc/$(machine_pid "$INSTANCE")" ]; then
			timeout -k 1 60 nsenter --target "$(machine_pid "$INSTANCE")" --mount --pid \
				--net --ipc -- /usr/local/bin/vastagent stop
		fi
	done
} >/dev/null 2>&1

# expect_no_reports DIRECTORY...: what machines' programs had to say (../../sanitized.c).
expect_no_reports()
{
	local report found=0
	while read -r report; do
		found=1
		echo "--- a sanitizer reports, in ${report%/upper/*}"
		cat "$report"
	done < <(grep -rlE 'ERROR: |runtime error: |^==[0-9]+==    at 0x' "${@/%//upper/sanitizer}")
	return "$found"
}

end_with_reports()
{
	local status=$?
	[ "$status" -ne 0 ] || stop_agents
	[ ! -d "$WORLD/machines/laptop" ] || expect_no_reports "$WORLD"/machines/* || status=1
	exit "$status"
}

# ---- the world ----

enter_world()
{
	local namespaces=(--mount --pid --net --uts --ipc --fork --kill-child --mount-proc)
	local why
	[ "$(id -u)" -eq 0 ] || skip "a throw-away instance needs root"
	[ -z "${VASTAGENT_ROOT:-}" ] ||
		not_with_sanitizers "another image does not have their libraries"
	[ -d "${VASTAGENT_ROOT:-/}" ] || skip "there is no root $VASTAGENT_ROOT; see lib/roots.sh"
	why=$(unshare "${namespaces[@]}" true 2>&1) ||
		skip "the kernel gives no namespaces here: $why"
	VASTAGENT_WORLD=new exec unshare "${namespaces[@]}" bash "$(realpath "$0")" "$@"
}

make_world()
{
	local why
	unset VASTAGENT_WORLD
	cd / || exit 1
	mount -t tmpfs -o mode=755 vastagent-world "$WORLD" || skip "no tmpfs may be mounted"
	mkdir -p "$WORLD"/{machines,images,try/{upper,work,root}}
	why=$(mount -t overlay overlay "$WORLD/try/root" -o \
		"lowerdir=/,upperdir=$WORLD/try/upper,workdir=$WORLD/try/work" 2>&1) ||
		skip "the kernel allows no overlay of the root here: $why"
	umount "$WORLD/try/root"
	ip link set lo up
	! sanitized || trap end_with_reports EXIT
}

# ---- machines: what the laptop and the instances have in common ----

# machine_run NAME KIND PROGRAM ARG...: start (again) the machine of that name.
machine_run()
{
	local directory=$WORLD/machines/$1 kind=$2
	shift 2
	printf '%s\n' "$SOURCE" "$VASTAGENT_BUILD" >"$directory/shown"
	: >"$directory/pid"
	! sanitized || install -d -m 1777 "$directory/upper/sanitizer"
	unshare --mount --pid --net --uts --ipc --fork --kill-child \
		bash "$SCENARIO_LIB/machine.sh" "$directory" "$kind" "$@" \
		>>"$directory/log" 2>&1 </dev/null &
	echo $! >"$directory/keeper"
	wait_until 30 test -s "$directory/pid" ||
		fail "the machine $(basename "$directory") starts" "$(cat "$directory/log")"
}

machine_pid()
{
	cat "$WORLD/machines/$1/pid"
}

machine_stop()
{
	local keeper
	keeper=$(cat "$WORLD/machines/$1/keeper")
	kill -KILL "$(machine_pid "$1")"
	wait "$keeper" 2>/dev/null
	return 0
}

# machine_enter NAME CMD...: run in all of its namespaces and in its root.
machine_enter()
{
	local pid
	pid=$(machine_pid "$1")
	shift
	nsenter --target "$pid" --mount --pid --net --uts --ipc -- "$@"
}

# ---- the laptop ----

# Hundreds of logins: a key exchange that takes 10 ms, where the default of today takes 150.
laptop_start()
{
	local files=$WORLD/machines/laptop/files
	mkdir -p "$files"/root/.ssh
	chmod 700 "$files"/root/.ssh
	printf '%s\0' HOME=/root PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
		>"$WORLD/machines/laptop/environ"
	echo / >"$WORLD/machines/laptop/base"
	ssh-keygen -q -t ed25519 -N '' -C renter@laptop -f "$files/root/.ssh/id_ed25519"
	cat >"$files/root/.ssh/config" <<-'END'
		Host *
			User root
			StrictHostKeyChecking accept-new
			ControlMaster no
			ServerAliveInterval 0
			ConnectTimeout 10
			LogLevel ERROR
			KexAlgorithms ^curve25519-sha256
	END
	machine_run laptop full "$SCENARIO_LIB/init.sh" true
}

laptop()
{
	machine_enter laptop env -i --chdir=/root HOME=/root USER=root LOGNAME=root SHELL=/bin/bash \
		PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 "$@"
}

laptop_ssh()
{
	laptop ssh "$@"
}

# shellcheck disable=SC2120 # scenarios ask for further keys
laptop_key()
{
	local name=${1:-id_ed25519}
	laptop test -e "/root/.ssh/$name" ||
		laptop ssh-keygen -q -t ed25519 -N '' -C "$name@laptop" -f "/root/.ssh/$name"
	laptop cat "/root/.ssh/$name.pub"
}

# ---- instances ----

INSTANCE=
instances_made=0
BOOT_SECONDS=240 # an on-start text may build the agent

instance_start()
{
	local name=$1 from='' id=$((12345 + instances_made)) template=() on_start='' boot=() vm=''
	local root=${VASTAGENT_ROOT:-/}
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--from) from=$2 ;;
		--root) root=$2 ;;
		--id) id=$2 ;;
		--env) template+=("$2") ;;
		--on-start) on_start=$2 ;;
		--vm) vm=$2 ;;
		--unnamed)
			id=
			shift
			continue
			;;
		--endless)
			boot+=("$1")
			shift
			continue
			;;
		*) boot+=("$1" "$2") ;;
		esac
		shift 2
	done
	[ -d "$WORLD/machines/laptop" ] || laptop_start
	instances_made=$((instances_made + 1))
	INSTANCE=$name
	local directory=$WORLD/machines/$name
	mkdir -p "$directory/files/root" "$directory/files/etc/ssh"
	[ -z "$from" ] || cp -a "$WORLD/images/$from/." "$directory/"
	echo "$root" >"$directory/base"
	echo "192.0.2.$((1 + instances_made))" >"$directory/address"
	echo "vethi$instances_made" >"$directory/wire"
	printf '%s\0' boot "${boot[@]}" >"$directory/boot"
	instance_environ "$id" "${template[@]}" >"$directory/environ"
	instance_files "$directory/files" "$on_start" "$from"
	instance_kind "$directory" "$vm"
	laptop sh -c 'echo "$1 $2" >>/etc/hosts' - "$(instance_address)" "$name"
	instance_start_again
	[ "$root" = / ] || note "$name is $(in_instance sh -c \
		'. /etc/os-release; echo "$PRETTY_NAME, $(ssh -V 2>&1), $(tmux -V)"')"
}

# The variables of docker-environment, as the platform gives them to process 1.
# shellcheck disable=SC2119
instance_environ()
{
	local id=$1
	shift
	[ -z "$id" ] || printf '%s\0' "CONTAINER_ID=$id" "VAST_CONTAINERLABEL=C.$id"
	printf '%s\0' PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HOME=/root "CONTAINER_API_KEY=0123456789abcdef$id" \
		"PUBLIC_IPADDR=$(instance_address)" \
		VAST_TCP_PORT_22=22 VAST_TCP_PORT_8080=40080 GPU_COUNT=2 \
		DATA_DIRECTORY=/workspace/ JUPYTER_TOKEN=a0b1c2d3e4f5 \
		"SSH_PUBLIC_KEY=$(laptop_key)" "$@"
}

# What lies in a new container: the on-start text, its name, host keys. With an image,
# what is not given anew is the image's copy.
instance_files()
{
	local files=$1 on_start=$2 from=$3 type
	printf '127.0.0.1\tlocalhost\n%s\t%s\n' "$(instance_address)" "$INSTANCE" \
		>"$files/etc/hosts"
	if [ -f "$on_start" ]; then
		cp "$on_start" "$files/root/onstart.sh"
	elif [ -n "$on_start" ] || [ -z "$from" ]; then
		printf '%s\n' "$on_start" >"$files/root/onstart.sh"
	fi
	[ -z "$from" ] || return 0
	for type in ed25519 ecdsa; do
		ssh-keygen -q -t "$type" -N '' -C "root@$INSTANCE" \
			-f "$files/etc/ssh/ssh_host_${type}_key" </dev/null
	done
}

# A container has Docker's mark, a VM an id of its own and an init that is called so.
instance_kind()
{
	local directory=$1 vm=$2
	if [ -z "$vm" ]; then
		touch "$directory/files/.dockerenv"
		return
	fi
	mkdir -p "$directory/upper" "$directory/files/usr/local/sbin"
	[ -e "$directory/upper/.dockerenv" ] || mknod "$directory/upper/.dockerenv" c 0 0
	echo "$vm" >"$directory/files/etc/machine-id"
	ln -sf "$SCENARIO_LIB/init.sh" "$directory/files/usr/local/sbin/init"
	touch "$directory/vm"
}

instance_start_again()
{
	local boot process=(container "$SCENARIO_LIB/init.sh")
	[ ! -e "$WORLD/machines/$INSTANCE/vm" ] || process=(full /usr/local/sbin/init)
	mapfile -d '' -t boot <"$WORLD/machines/$INSTANCE/boot"
	machine_run "$INSTANCE" "${process[@]}" "$SCENARIO_LIB/platform.sh" "${boot[@]}"
	connect_wire
	wait_until "$BOOT_SECONDS" instance_booted
	instance_listens || fail "instance $INSTANCE boots"
}

# A wire from the laptop: one address there, a route to each instance. Acknowledged at once,
# or each login waits 40 ms for it (Nagle's algorithm on one side, delayed ones on the other).
connect_wire()
{
	local wire address
	wire=$(cat "$WORLD/machines/$INSTANCE/wire")
	address=$(instance_address)
	ip link add "$wire" netns "$(machine_pid laptop)" type veth \
		peer name eth0 netns "$(machine_pid "$INSTANCE")"
	nsenter --target "$(machine_pid laptop)" --net ip -batch - <<-END
		address add 192.0.2.1/32 dev $wire
		link set $wire up
		route add $address dev $wire quickack 1
	END
	nsenter --target "$(machine_pid "$INSTANCE")" --net ip -batch - <<-END
		address add $address/24 dev eth0
		link set eth0 up
		route change 192.0.2.0/24 dev eth0 proto kernel scope link src $address quickack 1
	END
}

instance_booted()
{
	instance_listens || [ ! -d "/proc/$(machine_pid "$INSTANCE")" ]
}

instance_listens()
{
	grep -qs ': [0-9A-F]*:0016 [0-9A-F]*:0000 0A' "/proc/$(machine_pid "$INSTANCE")/net/tcp"
}

instance_use()
{
	[ -d "$WORLD/machines/$1" ] || fail "there is an instance $1"
	INSTANCE=$1
}

instance_address()
{
	cat "$WORLD/machines/$INSTANCE/address"
}

instance_log()
{
	cat "$WORLD/machines/$INSTANCE/log"
}

instance_stop()
{
	machine_stop "$INSTANCE"
}

instance_stop_start()
{
	instance_stop
	instance_start_again
}

# What docker commit keeps: every file, no process. The ones that the platform lays
# into a new container come anew (environ, boot), the rest are copies.
instance_save()
{
	local part
	mkdir -p "$WORLD/images/$1"
	for part in upper tmp run cleaned; do
		cp -a "$WORLD/machines/$INSTANCE/$part" "$WORLD/images/$1/"
	done
}

instance_end()
{
	machine_stop "$INSTANCE"
	! sanitized || expect_no_reports "$WORLD/machines/$INSTANCE" || exit 1
	rm -rf "${WORLD:?}/machines/${INSTANCE:?}"
	INSTANCE=
}

in_instance()
{
	machine_enter "$INSTANCE" "${CONTAINER_CAPABILITIES[@]}" env -i --chdir=/root \
		HOME=/root USER=root LOGNAME=root SHELL=/bin/bash LANG=C.UTF-8 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

in_instance_as()
{
	in_instance bash -c 'exec setpriv --reset-env --reuid "$0" --regid "$(id -g "$0")" \
		--init-groups -- "$@"' "$@"
}

platform()
{
	in_instance "$SCENARIO_LIB/platform.sh" "$@"
}

# What to know about a failure, from every instance that stands.
post_mortem()
{
	local directory
	for directory in "$WORLD"/machines/*/; do
		[ -d "$directory/files" ] || continue
		INSTANCE=$(basename "$directory")
		[ "$INSTANCE" != laptop ] || continue
		echo "--- $INSTANCE: its log"
		tail -n 60 "$directory/log"
		echo "--- $INSTANCE: processes"
		in_instance ps -eo pid,ppid,user,stat,tty,args --forest
		echo "--- $INSTANCE: /root/.ssh/authorized_keys"
		in_instance cat -A /root/.ssh/authorized_keys
		echo "--- $INSTANCE: the agent's log"
		in_instance sh -c 'tail -n 60 /var/log/vastagent.log /var/lib/vastagent/events.jsonl'
	done
	terminals_post_mortem
}

if [ "${VASTAGENT_WORLD:-}" = new ]; then
	make_world
else
	enter_world "$@"
fi
