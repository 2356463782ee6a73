#!/bin/bash
# A key that is removed is gone: everywhere on the instance, for good, and the answer
# says what else still lets it in. What went can be brought back.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one --user yes --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
check "the agent starts" in_instance vastagent start
keys_file=/root/.ssh/authorized_keys

# gets_in KEY [USER]
gets_in()
{
	laptop ssh -i "/root/.ssh/$1" -o IdentitiesOnly=yes -o BatchMode=yes "${2:-root}@one" true
}
fingerprint()
{
	laptop ssh-keygen -l -f "/root/.ssh/$1.pub" | cut -d ' ' -f 2
}
for key in alice alice2 bob carol dave; do
	laptop_key "$key" >/dev/null
done

note "a person with several keys is removed by one name"
check "alice's two keys" in_instance vastagent addkey --name alice "$(laptop_key alice)" "$(laptop_key alice2)"
check "bob's" in_instance vastagent addkey "$(laptop_key bob)"
check "both of alice's get in" gets_in alice
check "both" gets_in alice2
check "rmkey by name" in_instance vastagent rmkey alice
check_fails "the first is gone" any gets_in alice
check_fails "and the second" any gets_in alice2
check "bob is not" gets_in bob
check "undo brings back both" in_instance vastagent undo
expect_eq "it says so" 2 "$(grep -c '^brought back' <<<"$SEEN")"
check "the first" gets_in alice
check "the second" gets_in alice2
check_fails "there is nothing more to undo" 0 in_instance vastagent undo
expect_match "and that is said" 'no key of root was removed' "$SEEN"
expect_eq "to scripts, too" '[]' "$(in_instance vastagent undo --json 2>/dev/null | jq -c .added)"
expect_eq "and that there was nothing to remove" '[[],true]' \
	"$(in_instance vastagent rmkey nobody --json 2>/dev/null | jq -c '[.removed,.complete]')"
check "three are removed, one at once after the other" in_instance sh -c \
	'vastagent rmkey bob@laptop && vastagent rmkey "$0" && vastagent rmkey "$1"' \
	"$(fingerprint alice)" "$(fingerprint alice2)"
check "undo brings back" in_instance vastagent undo
expect_eq "the last one alone" "$(fingerprint alice2)" "$(grep -o 'SHA256:[^ ]*' <<<"$SEEN")"
check "then the one before" in_instance vastagent undo
check "and the first" in_instance vastagent undo
expect_match "which is bob's" '^brought back bob@laptop' "$SEEN"

note "by fingerprint, by its beginning, by comment"
check "the whole fingerprint" in_instance vastagent rmkey "$(fingerprint alice2)"
check_fails "it is gone" any gets_in alice2
check "its beginning" in_instance vastagent rmkey "$(fingerprint bob | cut -c 1-14)"
check_fails "it is gone" any gets_in bob
check_fails "too short a beginning" 64 in_instance vastagent rmkey SHA256:
in_instance sh -c "echo '$(laptop_key carol | sed 's/carol@laptop/twin/')' >>$keys_file"
in_instance sh -c "echo '$(laptop_key dave | sed 's/dave@laptop/twin/')' >>$keys_file"
before=$(in_instance sha256sum "$keys_file")
check_fails "a comment that fits two keys" 64 in_instance vastagent rmkey twin
candidates=$SEEN
for key in carol dave; do
	check "$key is listed as a candidate" grep -F "$(fingerprint $key)" <<<"$candidates"
done
expect_eq "and removes nothing" "$before" "$(in_instance sha256sum "$keys_file")"

note "a line that vastagent did not write"
check_fails "stays, and that is not wholly done" 75 in_instance vastagent rmkey "$(fingerprint carol)"
expect_match "the line is named" "line [0-9]+ of $keys_file, which vastagent did not write, still lets" "$SEEN"
check "it still gets in" gets_in carol
check "--foreign takes it out" in_instance vastagent rmkey --foreign "$(fingerprint carol)"
expect_match "with a warning" 'the platform may write it back' "$SEEN"
check_fails "it is gone" any gets_in carol
check "the other line is not" gets_in dave

note "copies that the image spread, and the blocks of other accounts"
in_instance vastagent addkey --name bob "$(laptop_key bob)" >/dev/null
platform stage spread_keys
check "the copy gets in" gets_in bob user
in_instance useradd -m -s /bin/bash carl
in_instance vastagent addkey --user carl --name bob "$(laptop_key bob)" >/dev/null
check "and carl's own" gets_in bob carl
check "rmkey" in_instance vastagent rmkey bob
expect_match "names each of the others" 'also from user .*also from carl|also from carl .*also from user' \
	"${SEEN//$'\n'/ }"
for user in root user carl; do
	check_fails "gone from $user" any gets_in bob "$user"
done
in_instance useradd -r -m -d /srv/git -s /bin/bash git
in_instance vastagent addkey --user git --name bob "$(laptop_key bob)" >/dev/null
in_instance vastagent addkey --name bob "$(laptop_key bob)" >/dev/null
crowd=70
! in_valgrind || crowd=5 # in which each takes a second
in_instance env crowd=$crowd sh -c 'for i in $(seq $crowd); do
		echo "crowd$i:x:$((3000 + i)):3000::/home/crowd$i:/bin/bash" >>/etc/passwd; done
	useradd -m -s /bin/bash last; mkdir -m 700 /home/last/.ssh
	grep " bob$" /root/.ssh/authorized_keys >/home/last/.ssh/authorized_keys
	chown -R last: /home/last/.ssh'
check "the copy of the last of many gets in" gets_in bob last
check "rmkey" in_instance vastagent rmkey bob
for user in git last; do
	check_fails "gone from $user" any gets_in bob "$user"
done
check "what the image copied beside it is untouched" in_instance grep -q renter@laptop \
	/home/user/.ssh/authorized_keys

note "it does not come back by itself"
instance_stop_start
check "the agent starts" in_instance vastagent start
check "nor by the template" in_instance sh -c "echo '$(laptop_key bob)' | vastagent addkey --template -"
expect_match "which is told" 'was removed before' "$SEEN"
platform refresh
check_fails "bob stays out" any gets_in bob
check "added again by hand" in_instance vastagent addkey "$(laptop_key bob)"
check "he is back" gets_in bob

note "open sessions"
term_ssh session one
term_wait session 'root@one:~#'
check "the answer names them" in_instance vastagent rmkey bob@laptop
expect_match "by pid" 'sessions that are open stay open.*: [0-9]+' "$SEEN"
term_kill session

note "the last key, and all of them"
in_instance vastagent addkey --name alice "$(laptop_key alice)" >/dev/null
in_instance sh -c ": >$keys_file"
check "it is restored alone" wait_until 20 gets_in alice
check_fails "the last key is not removed" 77 in_instance vastagent rmkey alice
expect_match "without being told twice" 'is the last key .* repeat it with force' "$SEEN"
check "with --force it is" in_instance vastagent rmkey --all --force
check_fails "nobody gets in" any gets_in alice
expect_eq "the file is as it was" "" "$(in_instance cat "$keys_file")"
check "--all where nothing is" in_instance vastagent rmkey --all

note "who was added to another account only"
platform refresh
check "one of user's" in_instance vastagent addkey --user user --name carla "$(laptop_key carol)"
check_fails "root has none such" 75 in_instance vastagent rmkey carla
expect_match "and is told who has" "one of user: vastagent rmkey --user user carla" "$SEEN"
check "with that" in_instance vastagent rmkey --user user carla
check_fails "it is gone" any gets_in carol user
check "and there is nothing to do" in_instance vastagent rmkey carla

note "sync makes a person's keys exactly these"
laptop sh -c 'cat /root/.ssh/alice.pub /root/.ssh/alice2.pub' | in_instance tee /tmp/alice.keys >/dev/null
check "two keys" in_instance vastagent sync --name alice /tmp/alice.keys
check "get in" gets_in alice
check "both" gets_in alice2
before=$(in_instance stat -c '%i %Y' "$keys_file")
check "again" in_instance vastagent sync --name alice /tmp/alice.keys
expect_eq "nothing changes" "$before" "$(in_instance stat -c '%i %Y' "$keys_file")"
check "one key" in_instance sh -c "tail -n 1 /tmp/alice.keys | vastagent sync --name alice -"
check_fails "the other is gone" any gets_in alice
check "this one stays" gets_in alice2
check_fails "a bad file changes nothing" 65 in_instance sh -c "echo nonsense | vastagent sync --name alice -"
check "she still gets in" gets_in alice2
