#!/bin/bash
# A file that something is mounted on (docker run -v …/authorized_keys:…) cannot be
# replaced: it is overwritten, foreign bytes stay, and a journal completes what was broken
# off. Killed at its system calls one by one, as in update_faults.sh.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
# shellcheck source=tests/scenario/lib/faults.sh
. "$SCENARIO_LIB/faults.sh"
stride=${UPDATE_FAULTS_STRIDE:-37}
[ "${UPDATE_FAULTS:-}" != all ] || stride=1
journal=/var/lib/vastagent/keys/user.journal

instance_start one --user yes
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
faults_prepare
foreign=$(cat "$WORLD/machines/one/tmp/other.pub")$'\r\n# no newline at the end\tof this file'

# As docker does it: the file lies elsewhere, and the directory is made by root.
in_instance sh -c 'mkdir -m 755 /home/user/.ssh; mkdir -m 700 /home/volume; : >'"$file"
in_instance tee /home/volume/keys <<<"$foreign" >/dev/null
in_instance sh -c "truncate -s -1 /home/volume/keys; chown -R user: /home/volume $file; chmod 600 /home/volume/keys"
machine_enter one mount --bind /home/volume/keys "$file"

inode()
{
	in_instance stat -c '%d %i' "$file"
}
before=$(inode)
sum=$(in_instance sha256sum <"$WORLD/machines/one/upper/home/volume/keys")
check "the agent starts" in_instance vastagent start
check "a key is added" in_instance vastagent addkey --user user /tmp/stays.pub
expect_eq "into the same file" "$before" "$(inode)"
expect_eq "behind the foreign bytes" "$sum" "$(in_instance head -c "${#foreign}" "$file" | sha256sum)"
check "a second one" in_instance vastagent addkey --user user /tmp/new.pub
expect_eq "and sshd takes all three" 3 "$(in_instance ssh-keygen -lf "$file" | wc -l)"
check "one is removed" in_instance vastagent rmkey --user user stays@test
expect_eq "the file shrinks" 2 "$(in_instance ssh-keygen -lf "$file" | wc -l)"
check "the last one of the agent's, too" in_instance vastagent rmkey --user user new@test
expect_eq "leaves the foreign bytes, and nothing else" "$sum" "$(in_instance sha256sum <"$WORLD/machines/one/upper/home/volume/keys")"
check_fails "no journal is left" any in_instance test -e "$journal"

note "somebody appends while it is overwritten"
# An own process for each line, as echo >> in a script of the user's is.
append()
{
	in_instance bash -c 'for i in {1..400}; do echo "# appended $i" >>"$0" || exit; done' "$file"
}
append &
appending=$!
for _ in {1..12}; do
	in_instance vastagent addkey --user user /tmp/new.pub >/dev/null || fail "it is added"
	in_instance vastagent rmkey --user user new@test >/dev/null || fail "it is removed"
done
wait "$appending"
# The first of them may stand behind the foreign text that does not end in a newline.
expect_eq "no line of it is lost" 400 "$(in_instance grep -ao '# appended' "$file" | wc -l)"

note "a write that was broken off is completed"
check "a key" in_instance vastagent addkey --user user /tmp/stays.pub
check "the agent stops" in_instance vastagent stop
in_instance cp -a /home/volume/keys /tmp/whole
in_instance cp -a /var/lib/vastagent/keys/user.json /tmp/user.json
check "the agent starts" in_instance vastagent start
check "another one" in_instance vastagent addkey --user user /tmp/new.pub
in_instance vastagent stop >/dev/null
# What a crash leaves in the middle: the journal, and a file that is half new, half old.
in_instance python3 - "$journal" "$file" <<'END'
import sys
old, new = open('/tmp/whole', 'rb').read(), open(sys.argv[2], 'rb').read()
head = 'vastagent-journal 1 %d %d %s\n' % (len(old), len(new), sys.argv[2])
with open(sys.argv[1], 'wb') as journal:
    journal.write(head.encode() + old + new)
cut = len(old) - 60
with open(sys.argv[2], 'r+b') as file:
    file.truncate(0)
    file.write(new[:cut] + old[cut:])
END
in_instance chmod 600 "$journal"
check "the agent starts" in_instance vastagent start
both()
{
	[ "$(in_instance ssh-keygen -lf "$file" | grep -cE '(new|stays)@test')" -eq 2 ] &&
		! in_instance test -e "$journal"
}
check "the file is completed and the journal gone" wait_until 20 both
expect_eq "foreign bytes are as they were" "$sum" \
	"$(in_instance head -c "${#foreign}" "$file" | sha256sum)"
in_instance vastagent rmkey --user user new@test >/dev/null

note "every $stride. system call of an addkey"
check "killed: after the next start old or new, never less" machine_enter one env -i --chdir=/ \
	HOME=/root LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin \
	"$helpers/rounds.sh" user "$file" kill $((RANDOM % stride + 1)) "$stride"
note "$SEEN"
