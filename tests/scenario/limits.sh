#!/bin/bash
# Keys that are let in for a time, or from somewhere only: sshd itself enforces it, and
# the agent takes the line out once the time is over.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
check "the agent starts" in_instance vastagent start
keys_file=/root/.ssh/authorized_keys
gets_in()
{
	laptop ssh -i "/root/.ssh/$1" -o IdentitiesOnly=yes -o BatchMode=yes root@one true
}
is_refused()
{
	! gets_in "$1"
}
state_is()
{
	in_instance vastagent keys --json | jq -e --arg name "$1" --arg state "$2" \
		'any(.keys[]; .name == $name and .state == $state)'
}
for key in brief dead later near far; do
	laptop_key "$key" >/dev/null
done

for_seconds=4s
! sanitized || for_seconds=30s
note "for a time"
check "a key for some seconds" in_instance vastagent addkey --name brief --for "$for_seconds" "$(laptop_key brief)"
check "gets in" gets_in brief
expect_match "the end stands in the line" 'expiry-time="20[0-9]{12}Z" ssh-ed25519' \
	"$(in_instance cat "$keys_file")"
check "when it is over it does not" wait_until 40 is_refused brief
check "the agent calls it expired" wait_until 20 state_is brief expired
gone()
{
	! in_instance grep -q ' brief$' "$keys_file"
}
check "and takes the line out" wait_until 20 gone
expect_match "and writes that down" '"event":"expired"' "$(in_instance cat /var/lib/vastagent/events.jsonl)"

note "with the agent dead"
check "a key for some seconds" in_instance vastagent addkey --name dead --for "$for_seconds" "$(laptop_key dead)"
in_instance vastagent stop >/dev/null
check "gets in" gets_in dead
check "sshd refuses it in time" wait_until 40 is_refused dead
check "the agent starts" in_instance vastagent start
check "and does not bring it back" wait_until 20 state_is dead expired

# seen_at END: "STATUS STATE" of a login and of the agent's list at that second; fails if
# the second was over before both had answered.
seen_at()
{
	local status=0 state
	while [ "$(date +%s)" -lt "$1" ]; do sleep 0.01; done
	gets_in second 2>/dev/null || status=$?
	state=$(in_instance vastagent keys --json |
		jq -r '.keys[] | select(.comment == "second@laptop") | .state')
	echo "$status $state"
	[ "$(date +%s)" -eq "$1" ]
}
ends_in_two_seconds()
{
	end=$(($(date +%s) + 2))
	in_instance sh -c "echo 'expiry-time=\"$(date -u -d "@$end" +%Y%m%d%H%M%SZ)\" $(laptop_key second)' |
		cat /tmp/before - >$keys_file"
}
if ! in_valgrind; then # which is not as quick
	note "in the second of the end itself"
	in_instance vastagent stop >/dev/null
	in_instance cp "$keys_file" /tmp/before
	in_instance vastagent start >/dev/null
	laptop_key second >/dev/null
	for _ in $(seq 10); do # a slow login is no answer
		ends_in_two_seconds
		! seen=$(seen_at "$end") || break
	done
	expect_eq "a key gets in, for sshd and for the agent's list" "0 active" "$seen"
	expect_eq "and in the next one not" "255 expired" "$(seen_at $((end + 1)))"
fi

for key in brief dead; do
	expect_eq "the end of $key is written down once" 1 "$(in_instance grep -c "\"event\":\"expired\".*$(
		laptop_key $key | ssh-keygen -lf - | cut -d ' ' -f 2)" /var/lib/vastagent/events.jsonl)"
done

note "until a time"
check "local time" in_instance vastagent addkey --name later --until 2099-12-31T18:00 "$(laptop_key later)"
expect_match "as RFC 3339 in JSON" '"expires":"2099-12-31T18:00:00Z"' \
	"$(in_instance vastagent keys --json)"
check "gets in" gets_in later
check "the platform rewrites the file" platform refresh
check "the end is restored with the key" wait_until 20 in_instance grep -q 'expiry-time="20991231180000Z"' "$keys_file"
for bad in "--until yesterday" "--until 2026-13-45" "--for 8" "--for 0h" "--for 4h --until 2099-01-01"; do
	# shellcheck disable=SC2086 # two words
	check_fails "refused: $bad" 64 in_instance vastagent addkey $bad "$(laptop_key near)"
done
check_fails "the past" 65 in_instance vastagent addkey --until 2001-01-01 "$(laptop_key near)"
check_fails "before there was time" 65 in_instance vastagent addkey --until 1960-01-01 "$(laptop_key near)"

note "adding the bare key does not lift the limit"
check "again without" in_instance vastagent addkey "$(laptop_key later)"
expect_match "is said to keep its options" 'keeps its options' "$SEEN"
expect_match "and does" 'expiry-time' "$(in_instance grep ' later$' "$keys_file")"
in_instance sh -c "echo '$(laptop_key far)' >>$keys_file"
check_fails "a limit that another line defeats" 65 in_instance vastagent addkey --for 8h "$(laptop_key far)"
expect_match "is refused with its number" 'line [0-9]+ of .* holds the same key with other options' "$SEEN"

note "from somewhere only"
check "the laptop's network" in_instance vastagent addkey --name near --from 192.0.2.0/24 "$(laptop_key near)"
check "gets in" gets_in near
check "another network" in_instance vastagent addkey --name near --from 198.51.100.0/24 "$(laptop_key near)"
expect_match "replaces that" 'options, which were replaced' "$SEEN"
check_fails "does not" any gets_in near
check "options of sshd" in_instance vastagent addkey --name near --options 'restrict,command="echo only this"' \
	"$(laptop_key near)"
expect_eq "count" "only this" "$(laptop ssh -i /root/.ssh/near -o IdentitiesOnly=yes root@one uptime)"
check_fails "unknown ones are refused" 65 in_instance vastagent addkey --options nonsense "$(laptop_key far)"
check_fails "a second line in them" any in_instance vastagent addkey --options "$(printf 'pty\nx')" "$(laptop_key far)"

note "the platform's bytes"
in_instance sh -c "printf 'ssh-ed25519 %s renter\\r\\n\\377\\376 not UTF-8' '$(laptop_key | cut -d ' ' -f 2)' >/tmp/platform"
in_instance cp /tmp/platform "$keys_file"
check "the keys are restored" wait_until 20 gets_in later
check "without the agent's lines the file is what the platform wrote, byte for byte" \
	in_instance sh -c 'vastagent keys --platform-bytes | cmp - /tmp/platform'

note "sshd is asked what it is once, and again when it is another one"
in_instance bash -c 'mv /usr/sbin/sshd /usr/sbin/sshd.real
	printf "#!/bin/bash\necho \"\$*\" >>/tmp/asked\nexec -a \"\$0\" /usr/sbin/sshd.real \"\$@\"\n" >/usr/sbin/sshd
	chmod 755 /usr/sbin/sshd'
asked()
{
	in_instance grep -cxe '-?' /tmp/asked
}
for number in 1 2 3; do
	check "a key for a time" in_instance vastagent addkey --for 1h "$(laptop_key "asked$number")"
done
expect_eq "asked once for three" 1 "$(asked)"
check "by whom the key is taken" gets_in asked3
in_instance touch /usr/sbin/sshd
check "a key for a time, after an upgrade" in_instance vastagent addkey --for 1h "$(laptop_key asked4)"
check "and another one" in_instance vastagent addkey --for 1h "$(laptop_key asked5)"
expect_eq "it was asked again, once" 2 "$(asked)"
