#!/bin/bash
# What the agent remembers is on a disk that is full, read-only, deleted or damaged: the
# keys in force stay, nothing is invented, status and doctor say what is wrong, and once it
# is over all is as before. The journal keeps no key from being added.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
state=/var/lib/vastagent
store=$state/keys/root.json
journal=$state/events.jsonl

instance_start one --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
check "the agent starts" in_instance vastagent start
check "a key is added" in_instance vastagent addkey --name alice "$(laptop_key mate)"
check "one with an option" in_instance vastagent addkey --options no-pty "$(laptop_key limited)"
laptop_key late >/dev/null

status()
{
	in_instance vastagent status --json | jq -r "$1"
}
keys_in_force()
{
	in_instance grep -v '^#' /root/.ssh/authorized_keys
}
listed()
{
	in_instance vastagent keys --json | jq -r '.keys[] | select(.source == "instance") |
		"\(.fingerprint) \(.options) \(.comment) \(.state)"' | sort
}
# says REGEX: both say so.
says()
{
	expect_match "status says so" "$1" "$(in_instance vastagent status)"
	expect_match "doctor says so" "$1" "$(in_instance vastagent doctor)"
}
check "one from the template" in_instance curl -sf --unix-socket /run/vastagent/agent.sock -H \
	'Content-Type: application/json' http://localhost/v1/keys -d \
	"{\"user\":\"root\",\"origin\":\"template\",\"name\":\"bob\",\"text\":\"$(laptop_key bob)\"}"
check "one that is removed" in_instance vastagent addkey "$(laptop_key gone)"
in_instance vastagent rmkey gone@laptop >/dev/null
in_force=$(keys_in_force)
in_list=$(listed | sed 's/ alice / /; s/ mate@laptop / /')
whole=$(in_instance base64 -w0 $store)

# damage WHAT SHELL: the store becomes what SHELL makes of it; the next command mends it.
damage()
{
	note "the store: $1"
	in_instance sh -c "echo $whole | base64 -d >$store"
	in_instance sh -c "$2"
	expect_eq "the keys are the same to a command that only reads" "$in_list" \
		"$(listed | sed 's/ alice / /; s/ mate@laptop / /')"
	in_instance vastagent reload >/dev/null
	check "a look sets it aside" wait_until 20 in_instance test -e $store.damaged
	check "and makes it anew" wait_until 20 in_instance jq -e '.keys | length == 4' $store
	expect_eq "what is in force has not changed" "$in_force" "$(keys_in_force)"
	expect_eq "what was removed, and where a key is from, is known" 'gone@laptop removed command
bob active template' "$(in_instance vastagent keys --json | jq -r '.keys[] | select(
		.comment == "gone@laptop" or .name == "bob") | "\(if .name == "" then .comment else
		.name end) \(.state) \(.origin)"' | sort -r)"
	says 'was damaged; it was made anew from the block'
	expect_match "the journal has it" '"event":"rebuilt"' "$(in_instance tail -n 2 $journal)"
	in_instance rm $store.damaged
	expect_eq "the warning ends with the damaged file" '' "$(status '.warnings[]')"
}
size=$(in_instance stat -c %s $store)
for at in 5 90 $((size / 2)) $((size - 2)); do
	damage "byte $at is another" "printf '\\001' | dd of=$store bs=1 seek=$at conv=notrunc 2>/dev/null"
done
damage "cut off" "truncate -s $((size / 3)) $store"
damage "empty" "truncate -s 0 $store"
platform refresh
has_mate()
{
	in_instance grep -q ' alice$' /root/.ssh/authorized_keys
}
check "what was made anew is restored as before" wait_until 20 has_mate
check "and lets its owner in" laptop_ssh -i .ssh/mate root@one true
check "it is removed by its name" in_instance vastagent rmkey alice
check "undo" in_instance vastagent undo

note "another's store: the block is not taken for one"
in_instance sh -c "chown nobody $store"
check_fails "it is refused" any in_instance vastagent addkey "$(laptop_key late)"
expect_match "with what repairs it" 'chown root' "$SEEN"
in_instance chown root $store
check "which it does" in_instance vastagent addkey --dry-run "$(laptop_key late)"

# addkey_works WHAT: the journal's place is taken, and a key is added in no time.
# Whoever waits for a reader there is ended after ten seconds.
addkey_works()
{
	check "$1: a key is added at once" in_instance timeout 3 vastagent addkey "$(laptop_key late)"
	expect_match "$1: status says so" 'the journal could not be written' "$(status '.warnings[]')"
	in_instance vastagent rmkey late@laptop >/dev/null
	in_instance rm -rf $journal
}
note "the journal"
in_instance sh -c "rm $journal; mkfifo $journal"
addkey_works "a FIFO"
in_instance mkdir $journal
addkey_works "a directory"
in_instance ln -s /etc/passwd $journal
addkey_works "a link"
in_instance sh -c "head -c 1048570 /dev/zero | tr '\\0' x >$journal; mkdir $journal.1"
check "full, and cannot be renamed: a key is added" in_instance vastagent addkey "$(laptop_key late)"
expect_eq "it does not grow" 1048570 "$(in_instance stat -c %s $journal)"
in_instance vastagent rmkey late@laptop >/dev/null
in_instance rmdir $journal.1
check "it can: a key is added" in_instance vastagent addkey "$(laptop_key late)"
expect_eq "the full one is another file now" 1048570 "$(in_instance stat -c %s $journal.1)"
in_instance vastagent rmkey late@laptop >/dev/null

# A file system of its own for the state, which can fail.
in_force=$(keys_in_force)
in_instance vastagent stop >/dev/null
in_instance cp -a $state /tmp/state
machine_enter one mount -t tmpfs -o size=256k,mode=700 state $state
in_instance cp -a /tmp/state/keys /tmp/state/pause $state/ 2>/dev/null
in_instance vastagent start >/dev/null

# refused WHAT REGEX
refused()
{
	check_fails "$1: addkey says so" 73 in_instance vastagent addkey "$(laptop_key late)"
	expect_match "by what it was" "$2" "$SEEN"
	check_fails "$1: rmkey too" 73 in_instance vastagent rmkey --force limited@laptop
	says "$state/keys cannot be written"
	expect_eq "$1: what is in force has not changed" "$in_force" "$(keys_in_force)"
	check "$1: and lets in" laptop_ssh -i .ssh/mate root@one true
}
works_again()
{
	check "after that a key is added" in_instance vastagent addkey "$(laptop_key late)"
	check "and removed" in_instance vastagent rmkey late@laptop
	expect_no_match "status is calm" "$state/keys cannot" "$(status '.warnings[]')"
}
note "read-only"
check "it becomes so" wait_until 20 machine_enter one mount -o remount,ro $state
refused "read-only" 'Read-only file system'
machine_enter one mount -o remount,rw $state
works_again
note "full"
# The one before gives its room to the next.
in_instance sh -c "rm $state/keys/*.before; cat /dev/zero >$state/fill" 2>/dev/null
refused "full" 'No space left'
check "the agent stops" in_instance vastagent stop
# Valgrind needs files of its own there.
in_valgrind || machine_enter one mount -t tmpfs -o nr_inodes=1,mode=1777 tmp /tmp
check "and where /tmp is full, too, the on-start" in_instance vastagent onstart
check "brings it back" in_instance vastagent status
expect_eq "what is in force has not changed" "$in_force" "$(keys_in_force)"
in_valgrind || machine_enter one umount /tmp
in_instance rm $state/fill
works_again
note "deleted"
in_instance sh -c "rm -rf $state/*"
expect_eq "what is in force stays" "$in_force" "$(keys_in_force)"
says "$state/keys cannot be written"
check "a key is added all the same" in_instance vastagent addkey "$(laptop_key late)"
expect_eq "beside what was there" "$in_force" "$(keys_in_force | grep -v late@)"
