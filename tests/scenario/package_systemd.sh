#!/bin/bash
# The Debian package under systemd itself, which is process 1 of a machine of its own: the
# unit has started when the agent answers, does its work within its limits, is started
# again, and ends. Removing the package leaves the keys.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
not_with_sanitizers "what is packaged has none"
# shellcheck source=tests/scenario/lib/package.sh
. "$(dirname "$0")/lib/package.sh"

# ---- the machine ----

# A cgroup of its own, which goes with the scenario; if that was killed, with a later one.
cgroups=$(findmnt -n -o TARGET -t cgroup2 | head -n 1)
[ -n "$cgroups" ] || skip_here "there is no cgroup2 here"
find "$cgroups" -depth -path "$cgroups/vastagent-test-*" -type d -mmin +20 -exec rmdir {} \;
cgroup=$(mktemp -d "$cgroups/vastagent-test-XXXXXX" 2>/dev/null) || skip_here "no cgroup can be made here"

remove_cgroup()
{
	find "$cgroup" -depth -type d -exec rmdir {} \;
	[ ! -e "$cgroup" ]
}

machine=$WORLD/machines/systemd
root=$machine/root

# The namespaces' first process becomes systemd. Nothing is started but what is asked for.
start_systemd()
{
	mkdir -p "$machine"/{upper,work,root}
	mount -t overlay overlay \
		-o "lowerdir=/,upperdir=$machine/upper,workdir=$machine/work" "$root"
	rm -rf "$root"/etc/systemd/system/*.wants "$root"/etc/ssh/ssh_host_* "$root"/root/.ssh \
		"$root"/usr/sbin/policy-rc.d "$root"/usr/local/bin/vastagent
	: >"$root/etc/machine-id"
	printf '%s\n' '[Unit]' 'Wants=systemd-journald.service systemd-user-sessions.service' \
		'After=systemd-journald.service' >"$root/etc/systemd/system/small.target"
	(
		echo "$BASHPID" >"$cgroup/cgroup.procs"
		exec unshare --mount --pid --net --uts --ipc --cgroup --fork --kill-child bash -c '
			cd "$1" && mount -t proc proc proc && mount -t tmpfs tmpfs run &&
			mount -t tmpfs tmpfs tmp && mount --rbind /dev dev &&
			mount -t tmpfs tmpfs sys && mkdir -p sys/fs/cgroup .outside &&
			mount -t cgroup2 cgroup2 sys/fs/cgroup && ip link set lo up &&
			pivot_root . .outside && umount -l .outside && mount --make-rshared . &&
			exec env -i container=vastagent-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
				/lib/systemd/systemd --system --unit=small.target --log-target=console' - "$root"
	) <&- >"$machine/console" 2>&1 &
	keeper=$!
}

stop_systemd()
{
	kill -KILL "$(pgrep -P "$keeper")" "$keeper" 2>/dev/null
	wait "$keeper" 2>/dev/null
	wait_until 20 remove_cgroup
}

on_machine()
{
	nsenter --target "$(pgrep -P "$keeper")" --mount --pid --net --uts --ipc --cgroup -- \
		env -i HOME=/root LANG=C.UTF-8 TERM=dumb DEBIAN_FRONTEND=noninteractive \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

post_mortem()
{
	on_machine systemctl --no-pager status vastagent
	on_machine journalctl --no-pager -u vastagent
	cat "$machine/console"
}

unit()
{
	on_machine systemctl show -P "$1" vastagent
}

agent_pid()
{
	on_machine vastagent status --json | jq .pid
}

gets_in()
{
	on_machine ssh -i /root/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		"$1@127.0.0.1" "${2:-true}"
}

restarted_since()
{
	# In this order: what is active once the process is another one is the new one.
	[ "$(unit MainPID)" != "$1" ] && [ "$(unit ActiveState)" = active ]
}

package_build || fail "it is built"
trap stop_systemd EXIT
start_systemd
wait_until 30 on_machine systemctl is-active small.target || fail "systemd starts"
cp "$NEW" "$OLD" "$root/root/"
on_machine ssh-keygen -q -t ed25519 -N '' -f /root/key
on_machine useradd -m -s /bin/sh user

# ---- the story ----

check "it is installed" on_machine dpkg --force-unsafe-io -i "/root/$(basename "$OLD")"
expect_eq "the unit runs as soon as that is done" active "$(unit ActiveState)"
expect_eq "it is the agent, without a parent of its own" "$(unit MainPID)" "$(agent_pid)"
check_fails "which would be seen" any on_machine pgrep -x vastagent-keep
check "it starts with the machine" on_machine systemctl is-enabled vastagent
old=$(unit MainPID)
check "it is upgraded" on_machine dpkg --force-unsafe-io -i "/root/$(basename "$NEW")"
check "the new one runs" restarted_since "$old"

errors=$(on_machine systemd-analyze verify vastagent.service 2>&1)
[ "$(systemctl --version | awk '{ print $2; exit }')" -ge 254 ] || # which know growing pauses
	errors=$(grep -v -e "Unknown key 'RestartSteps'" -e "Unknown key 'RestartMaxDelaySec'" \
		<<<"$errors")
expect_eq "the unit is well formed" "" "$(grep vastagent <<<"$errors")"
score=$(on_machine systemd-analyze security --no-pager vastagent |
	sed -n 's/.*exposure level.*: \([0-9.]*\) .*/\1/p')
check "its exposure, $score, is below 4" awk "BEGIN { exit !(0$score > 0 && 0$score < 4) }"

note "at work within its limits"
on_machine ssh-keygen -A >"$machine/said"
check "ssh starts" on_machine systemctl start ssh
key=$(on_machine cat /root/key.pub)
check "a key for root" on_machine vastagent addkey --name mate "$key"
check "a key for user" on_machine vastagent addkey --name mate --user user "$key"
for account in root user; do
	check "it lets $account in" gets_in "$account"
	file=$(on_machine sh -c "echo ~$account/.ssh/authorized_keys")
	on_machine sh -c ': >"$1"' - "$file"
	check "the file of $account is emptied: it lets in again" wait_until 20 gets_in "$account"
	expect_eq "which is theirs" "$account 600" "$(on_machine stat -c '%U %a' "$file")"
done
check "a mount over a home" on_machine mount -t tmpfs -o mode=755,uid="$(on_machine id -u user)" \
	tmpfs /home/user
# In a machine's first minute the agent makes none itself, since boots move homes about.
on_machine install -d -m 700 -o user -g user /home/user/.ssh
check "is seen by the unit" wait_until 60 gets_in user
check "sessions" gets_in user 'vastagent sessions --json'
expect_match "see the user's" '"user":"user"' "$(tr -d ' \n' <<<"$SEEN")"
session=$(gets_in root 'vastagent sessions --json' | jq -r '.sessions[0].pid')
expect_match "and root's, with its process" '^[0-9]+$' "$session"
for command in keys forwards services doctor events hostkeys; do
	on_machine vastagent "$command" >"$machine/said" 2>&1
	expect_no_match "$command: nothing is refused by a limit" 'not permitted|Permission denied' \
		"$(cat "$machine/said")"
done
expect_no_match "nor does the journal tell so" 'not permitted|Permission denied|signal 31|status=31' \
	"$(on_machine journalctl --no-pager -u vastagent)"

note "its end"
old=$(unit MainPID)
on_machine kill -KILL "$old"
check "killed, it is started again" wait_until 30 restarted_since "$old"
check "reloaded" on_machine systemctl reload vastagent
check "stopped by its own command" on_machine vastagent stop
check "it stays stopped" wait_until 20 eval '[ "$(unit ActiveState)" = inactive ]'
check "started by its own command" on_machine vastagent start
check "the unit takes over" on_machine systemctl start vastagent
expect_eq "and is the one agent" "$(unit MainPID)" "$(agent_pid)"
check_fails "no parent is left" any on_machine pgrep -x vastagent-keep
on_machine install -m 755 /bin/true /usr/local/bin/vastagent
on_machine systemctl restart vastagent
expect_eq "where the template has its own, the unit steps back" "inactive no" \
	"$(unit ActiveState) $(unit ConditionResult)"
on_machine rm /usr/local/bin/vastagent
check "it starts" on_machine systemctl start vastagent
check "it is removed" on_machine dpkg --force-unsafe-io -r vastagent
check_fails "the agent is gone" any on_machine pgrep -f 'vastagent daemon'
check "the key lets root in" gets_in root
check "it is purged" on_machine dpkg --force-unsafe-io -P vastagent
check "the key lets root in" gets_in root
expect_no_match "without a comment" vastagent "$(on_machine cat /root/.ssh/authorized_keys)"
expect_eq "the unit is gone" not-found "$(unit LoadState)"
expect_eq "nothing of it is left" "" "$(on_machine sh -c 'find /etc /var/lib/vastagent /var/lib/vastagent.removed \
	/run/vastagent /var/lib/systemd -name "*vastagent*" 2>/dev/null')"
