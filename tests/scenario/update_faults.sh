#!/bin/bash
# An update is killed, and made to fail, at its system calls one by one; then the real
# faults: full, read-only and immutable. At each the file is the old or the new one,
# never less; store and file agree afterwards; what was acknowledged is there.
#
# By default every so manieth call, which differs from run to run; all of them with
# UPDATE_FAULTS=all (some minutes).
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
# shellcheck source=tests/scenario/lib/faults.sh
. "$SCENARIO_LIB/faults.sh"
stride=${UPDATE_FAULTS_STRIDE:-29}
[ "${UPDATE_FAULTS:-}" != all ] || stride=1

instance_start one --user yes
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
faults_prepare
faults_begin

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

# ---- the real faults ----

note "what belongs to the file beside its bytes"
digest()
{
	in_instance sha256sum "$file" | cut -d ' ' -f 1
}
in_instance sh -c "chmod 640 $file; setfattr -n user.note -v kept $file"
check "an ACL can be set" in_instance setfacl -m u:nobody:r "$file"
in_instance setfacl -d -m u:daemon:r /home/user/.ssh
attributes()
{
	in_instance stat -c '%u %g %a' "$file"
	in_instance getfattr --absolute-names -d "$file"
	in_instance getfacl -p "$file"
}
before=$(attributes)
in_instance ln "$file" /home/user/other-name
other=$(in_instance cat /home/user/other-name | sha256sum)
check "a key is added" in_instance vastagent addkey --user user /tmp/new.pub
expect_eq "owner, mode, attributes and ACL are kept, and no default ACL is taken" "$before" "$(attributes)"
expect_eq "another hard link keeps the old bytes" "$other" "$(in_instance cat /home/user/other-name | sha256sum)"
in_instance vastagent rmkey --user user new@test >/dev/null
in_instance sh -c "setfacl -b $file; setfacl -k /home/user/.ssh; chmod 600 $file; rm /home/user/other-name"

# refused WHAT: an addkey fails with a sentence, and the file is untouched.
refused()
{
	local what=$1 before
	before=$(digest)
	check_fails "$what: addkey says so" 73 in_instance vastagent addkey --user user /tmp/new.pub
	expect_match "by what it was: $SEEN" "$2.*remembered and tried again" "$SEEN"
	expect_eq "the file is untouched" "$before" "$(digest)"
	expect_eq "and alone" authorized_keys "$(in_instance ls -A /home/user/.ssh)"
	expect_match "the key is pending" pending "$(in_instance vastagent keys --user user --json |
		jq -r '.keys[] | select(.comment == "new@test") | .state')"
}

arrives()
{
	in_instance grep -q new@test "$file"
}

mended()
{
	check "once that is over, the key is written" wait_until 20 arrives
	check "and is removed" in_instance vastagent rmkey --user user new@test
}

# The file moves to a file system of its own for this.
copy=$(in_instance cat "$file")
in_instance vastagent pause >/dev/null # it would make a new ~/.ssh meanwhile
in_instance mv /home/user/.ssh /home/user/.ssh-away
in_instance mkdir /home/user/.ssh
machine_enter one mount -t tmpfs -o size=16k,mode=700,uid=1001 small /home/user/.ssh
in_instance_as user sh -c 'umask 077; cat >~/.ssh/authorized_keys' <<<"$copy"
check "the agent sees another file system" in_instance vastagent resume
note "a full disk"
# Until then the watch for late writers may give back room.
idle()
{
	! in_instance pgrep -P "$(in_instance vastagent status --json | jq .pid)" -x vastagent
}
check "the agent has nothing to do" wait_until 20 idle
in_instance_as user sh -c 'cat /dev/zero >/home/user/.ssh/fill' 2>/dev/null
in_instance_as user sh -c 'while echo x >>/home/user/.ssh/fill; do :; done' 2>/dev/null
in_instance_as user sh -c "mv ~/.ssh/fill ~/.ssh/.fill"
full_before=$(digest)
check_fails "full: addkey says so" 73 in_instance vastagent addkey --user user /tmp/new.pub
expect_match "by what it was: $SEEN" 'No space left.*remembered and tried again' "$SEEN"
expect_eq "the file is untouched" "$full_before" "$(digest)"
in_instance rm /home/user/.ssh/.fill
mended

note "a read-only file system"
# Not while the last change is watched for late writers.
check "it becomes read-only" wait_until 20 machine_enter one mount -o remount,ro /home/user/.ssh
refused "read-only" 'Read-only file system'
machine_enter one mount -o remount,rw /home/user/.ssh
mended

in_instance vastagent pause >/dev/null
check "it goes away" wait_until 20 machine_enter one umount /home/user/.ssh
in_instance rmdir /home/user/.ssh
in_instance mv -T /home/user/.ssh-away /home/user/.ssh
in_instance vastagent resume >/dev/null
check "back on the first file system" in_instance vastagent addkey --user user /tmp/stays.pub
if machine_enter one chattr +i "$file" 2>/dev/null; then
	note "an immutable file"
	refused "immutable" 'Operation not permitted'
	machine_enter one chattr -i "$file"
	mended
fi
note "a directory that only root can write to"
in_instance chown root: /home/user/.ssh
in_instance chmod 755 /home/user/.ssh
refused "root's directory" 'Permission denied'
in_instance chown user: /home/user/.ssh
mended
