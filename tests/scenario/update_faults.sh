#!/bin/bash
# An update is killed, and made to fail, at its system calls one by one; then the real
# faults: full, read-only and immutable. At each the file is the old or the new one,
# never less; store and file agree afterwards; what was acknowledged is there.
#
# By default every so manieth call, which differs from run to run; all of them with
# UPDATE_FAULTS=all (some minutes).
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
helpers=$SOURCE/tests/scenario/update_faults
stride=${UPDATE_FAULTS_STRIDE:-17}
[ "${UPDATE_FAULTS:-}" != all ] || stride=1

instance_start one --user yes
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
check "the stepper is built" cc -O1 -Wall -o "$WORLD/machines/one/tmp/stepper" "$helpers/stepper.c"
for name in new stays other; do
	in_instance ssh-keygen -q -t ed25519 -N '' -C "$name@test" -f "/tmp/$name"
done
file=/home/user/.ssh/authorized_keys
in_instance_as user sh -c 'umask 077; mkdir -p ~/.ssh; cat /tmp/other.pub >~/.ssh/authorized_keys'
check "the agent starts" in_instance vastagent start
check "a key is there" in_instance vastagent addkey --user user /tmp/stays.pub

# first: one of the first STRIDE calls; the others follow in steps.
first()
{
	echo $((RANDOM % stride + 1))
}

# rounds ACTION: in the instance, with the capabilities that ptrace(2) needs.
rounds()
{
	machine_enter one env -i --chdir=/ HOME=/root LANG=C.UTF-8 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		"$helpers/rounds.sh" user "$file" "$1" "$(first)" "$stride"
}

note "every $stride. system call of an addkey"
check "killed: old or new, never less" rounds kill
note "$SEEN"
calls=write,fsync,renameat2,openat,ftruncate,close,fchmod,fchown,rename,renameat,unlinkat,unlink
[ "$stride" -eq 1 ] || stride=$((stride / 3 + 1))
for error in ENOSPC EIO EDQUOT EROFS EBUSY; do
	check "$error at write, fsync, rename, open and the like" rounds "$error:$calls"
	note "$SEEN"
done
