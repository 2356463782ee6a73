#!/bin/bash
# The harness itself: a throw-away instance is what it claims to be, the platform in it
# does what the platform does, and when a scenario ends, by itself or by SIGKILL, the
# machine is as it was.
#
# The story runs in a world of its own, as every scenario does. Around it stands one
# more layer of namespaces, in which nothing else runs: there everything that is left
# behind can be counted.
here=$(cd "$(dirname "$0")" && pwd)

# ---- around the story ----

left_on_the_machine()
{
	cut -d' ' -f4- /proc/self/mountinfo | sort
	for process in /proc/[0-9]*; do
		readlink "$process"/ns/{mnt,pid,net,uts,ipc}
	done 2>/dev/null | sort -u
	# Less this very count; a shell of a scenario shows by its namespaces above.
	cat /proc/[0-9]*/comm 2>/dev/null | grep -vx 'bash\|cat\|diff\|grep\|sort' | sort
	ls -A /media
	ls -d /root/made-in-the-instance /work/made-in-the-instance 2>&1
}

nothing_left()
{
	[ "$(left_on_the_machine)" = "$before" ]
}

around()
{
	set -u
	# shellcheck source=tests/scenario/lib/check.sh
	. "$here/lib/check.sh"
	local before status=0 scenario
	before=$(left_on_the_machine)

	bash "$0" story || status=$?
	[ "$status" -eq 0 ] || exit "$status"
	nothing_left || fail "a scenario that ended leaves nothing" \
		"$(diff <(echo "$before") <(left_on_the_machine))"
	passed "a scenario that ended leaves nothing: no mount, process, namespace or file"

	exec 3<> <(:)
	bash "$0" hang >&3 &
	scenario=$!
	read -r -t 30 _ <&3 || fail "a scenario runs in the background"
	! nothing_left || fail "a running scenario is seen by this count"
	kill -KILL "$scenario"
	wait "$scenario" 2>/dev/null
	wait_until 10 nothing_left || fail "a killed scenario leaves nothing" \
		"$(diff <(echo "$before") <(left_on_the_machine))"
	passed "a scenario killed by SIGKILL leaves nothing either"
}

case ${1:-} in
story | hang) ;;
around)
	around
	exit 0
	;;
*)
	apart=(unshare --mount --pid --net --fork --kill-child --mount-proc)
	if "${apart[@]}" true 2>/dev/null; then
		exec "${apart[@]}" bash "$0" around
	fi
	exec bash "$0" story # it says why it cannot run
	;;
esac

# ---- the story ----

# shellcheck source=tests/scenario/lib/instance.sh
. "$here/lib/instance.sh"

milliseconds()
{
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

if [ "$1" = hang ]; then
	instance_start gpu --endless
	laptop sleep 1000 &
	in_instance sleep 1000 &
	echo running
	sleep 1000
fi

note "An instance, with the platform's tmux block and an on-start text"
# The laptop is started by hand here, only to tell its time from the instance's.
laptop_start
started=$(milliseconds)
instance_start gpu --env 'VASTAGENT_KEYS=one key; another $(touch /tmp/evaluated)' --user yes \
	--stage spread_keys --on-start '
		echo "on-start of $VAST_CONTAINERLABEL: $VASTAGENT_KEYS"
		touch /root/made-in-the-instance /work/made-in-the-instance
		env | grep ^CONTAINER_ID= >>/etc/environment'
note "it took $(($(milliseconds) - started)) ms from nothing to an sshd that listens"

note "It is a Docker container by its rights"
capabilities=$(in_instance sed -n 's/^Cap\(Inh\|Prm\|Eff\|Bnd\|Amb\):\t0*/\1=/p' /proc/self/status)
expect_eq "a command in it has Docker's 14 capabilities, inherits none" \
	$'Inh=\nPrm=a80425fb\nEff=a80425fb\nBnd=a80425fb\nAmb=' "$capabilities"
expect_eq "process 1 has the same" "$capabilities" \
	"$(in_instance sed -n 's/^Cap\(Inh\|Prm\|Eff\|Bnd\|Amb\):\t0*/\1=/p' /proc/1/status)"
check_fails "it may not mount" any in_instance mount -t tmpfs none /mnt
check_fails "it may not change the network" any in_instance ip link add type veth
{ in_instance_as user sleep 1001; } 2>/dev/null &
wait_until 20 in_instance pgrep -x -u user sleep || fail "the account user runs a program"
others=$(in_instance pgrep -x -u user sleep)
check_fails "it may not look into another account's processes" any \
	in_instance readlink "/proc/$others/fd/0"
in_instance kill "$others"
expect_eq "set-user-id programs work" "NoNewPrivs: 0" \
	"$(in_instance awk '/NoNewPrivs/ { print $1, $2 }' /proc/self/status)"
check "it may do what root in a container does" in_instance sh -c \
	'touch /tmp/f && chown 1001 /tmp/f && mknod /tmp/null c 1 3 && chroot / true'
expect_eq "only its own processes are there" "init.sh sshd ps" \
	"$(in_instance ps -e -o comm= | xargs)"
check "it has terminals, /dev/null and loopback" in_instance bash -c \
	'script -qec tty /dev/null >/dev/null && echo >/dev/null && echo >/dev/tcp/127.0.0.1/22'
expect_eq "its root has Debian's .bashrc" "" \
	"$(in_instance grep -v ssh_tmux /root/.bashrc | grep -i 'pyenv\|cargo')"
check "a build tree under test stands at its path" in_instance ls "$SOURCE/tests/scenario"

note "Where this cannot work, scenarios are skipped, and where they must work, they fail"
check_fails "in a container a scenario is skipped" 77 \
	in_instance bash "$SOURCE/tests/scenario/instance.sh"
expect_match "it says why" 'skipped: the kernel gives no namespaces here' "$SEEN"
check_fails "with CI=true it fails" 1 \
	in_instance CI=true bash "$SOURCE/tests/scenario/instance.sh"
check_fails "a check that does not hold ends the scenario" 1 \
	bash -c '. "$0"; check "two and two make five" test $((2 + 2)) -eq 5; exit 0' \
	"$SCENARIO_LIB/check.sh"

note "The platform's boot"
expect_match "the on-start text ran with the instance's variables" \
	'on-start of C.12345: one key; another \$\(touch /tmp/evaluated\)' "$(instance_log)"
check_fails "and nothing evaluated them" any in_instance ls /tmp/evaluated
expect_match "process 1 has them" 'CONTAINER_ID=12345' "$(in_instance tr '\0' '\n' </dev/null)$(
	in_instance cat /proc/1/environ | tr '\0' '\n')"
expect_eq "root's key is the laptop's" "$(laptop_key)" \
	"$(in_instance cat /root/.ssh/authorized_keys)"
expect_eq "a boot stage has copied it to the account user" "$(laptop_key)" \
	"$(in_instance_as user cat /home/user/.ssh/authorized_keys)"
expect_eq "which is uid 1001 in group 0" "1001 0 /home/user" \
	"$(in_instance_as user sh -c 'echo "$(id -u) $(id -g) $HOME"')"

note "The laptop logs in with its key"
check_fails "a remote command fails in the platform's block" any laptop_ssh gpu true </dev/null
expect_match "in the way that users know" "no sessions|not a terminal" "$SEEN"
expect_eq "another account has no block" user "$(laptop_ssh user@gpu whoami </dev/null)"
expect_eq "a session has no variable but those in /etc/environment" "12345 none" \
	"$(laptop_ssh user@gpu 'echo $CONTAINER_ID ${GPU_COUNT:-none}' </dev/null)"
laptop_key stranger >/dev/null
check_fails "a key that is not listed is refused" 255 \
	laptop_ssh -o IdentitiesOnly=yes -i /root/.ssh/stranger gpu true
expect_match "by sshd" "Permission denied \(publickey\)" "$SEEN"

note "A person's terminal"
term_ssh home gpu
term_wait home '^root@gpu:~#'
term_wait home '^\[ssh_tmux\]0:bash'
term_type home 'echo "it is $((6 * 7))"'
term_wait home '^it is 42'
expect_match "the instance's tmux shows the same" 'it is 42' \
	"$(in_instance tmux capture-pane -p -t ssh_tmux)"
term_keys home C-b d
term_gone home
expect_eq "a detached client ends the connection cleanly" 0 "$(term_status home)"
check "what ran in tmux runs on" in_instance tmux has-session -t ssh_tmux
in_instance touch /root/.no_auto_tmux
expect_eq ".no_auto_tmux switches the block off" hello "$(laptop_ssh gpu echo hello </dev/null)"

note "The platform rewrites authorized_keys"
file=/root/.ssh/authorized_keys
for how in '' --rename --unlink; do
	inode=$(in_instance stat -c %i $file)
	in_instance sh -c "echo '# by hand' >>$file"
	platform refresh $how
	expect_eq "refresh $how: only the platform's key is left" "$(laptop_key)" \
		"$(in_instance cat $file)"
	if [ -z "$how" ]; then
		expect_eq "written in place" "$inode" "$(in_instance stat -c %i $file)"
	fi
	check "refresh $how: the key works" laptop_ssh gpu true
done

note "Stop and start"
in_instance touch /run/kept /tmp/kept /root/kept
first_start=$(in_instance cut -d' ' -f22 /proc/1/stat)
instance_stop
check_fails "a stopped instance cannot be reached" 255 laptop_ssh gpu true
instance_start_again
check "its files are there" in_instance ls /run/kept /tmp/kept /root/kept
expect_eq "the on-start text ran again" 2 "$(instance_log | grep -c '^on-start of')"
check "it is another process 1" test "$(in_instance cut -d' ' -f22 /proc/1/stat)" -gt "$first_start"
check_fails "the processes are not" any in_instance tmux has-session
check "the laptop is let in again" laptop_ssh gpu true
expect_eq "the platform's block is there once" 1 \
	"$(in_instance grep -c 'attach.*ssh_tmux' /root/.bashrc)"

note "A saved image, started as another instance beside the first"
instance_save mine
instance_start copy --from mine --bashrc guarded --stage move_ssh
expect_eq "it has another id" "CONTAINER_ID=12346" \
	"$(in_instance cat /proc/1/environ | tr '\0' '\n' | grep CONTAINER_ID)"
expect_match "/etc/environment has the old one" "CONTAINER_ID=12345" \
	"$(in_instance cat /etc/environment)"
check "its files are copies" in_instance ls /run/kept /tmp/kept /root/kept
expect_eq "a boot stage has moved /root/.ssh" /workspace/home/root/.ssh \
	"$(in_instance readlink /root/.ssh)"
check "and the laptop is let in" laptop_ssh copy true
in_instance rm /root/kept
instance_use gpu
check "the first one has its own" in_instance ls /root/kept
instance_use copy
instance_end
check_fails "an ended instance cannot be reached" 255 laptop_ssh -o ConnectTimeout=2 copy true

note "An on-start text that never returns, and keys that come late"
instance_start endless --endless --keys late --bashrc none \
	--on-start 'ls /root/.ssh/authorized_keys; echo still running'
expect_match "the text ran before the keys were there" \
	'cannot access.*authorized_keys.*still running' "$(instance_log)"
check "sshd started beside it" laptop_ssh endless pgrep -x sleep

if sanitized; then
	note "what a sanitizer reports is found, whoever started the program"
	in_instance bash -c '"$1" daemon >/dev/null 2>&1 & daemon=$!
		until [ -S /run/vastagent/agent.sock ]; do sleep 0.01; done
		kill -SEGV "$daemon"
		wait "$daemon"
		VALGRIND_TRIAL=yes "$1" version' - "$VASTAGENT_BUILD/vastagent" >/dev/null 2>&1
	check_fails "a report stands there" 1 expect_no_reports "$WORLD/machines/$INSTANCE"
	expect_match "as it is" 'ERROR: AddressSanitizer: SEGV|1 bytes in 1 blocks are definitely lost' "$SEEN"
	in_instance sh -c 'rm -f /sanitizer/*'
	check "and then none" expect_no_reports "$WORLD/machines/$INSTANCE"
fi
