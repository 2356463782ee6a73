#!/bin/bash
# An instance is saved as an image and started again as another: the keys that were let
# in to the first do not get in to the second, until somebody says so.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

gets_in()
{
	laptop ssh -i "/root/.ssh/$1" -o IdentitiesOnly=yes -o BatchMode=yes "root@$2" true
}
warned()
{
	in_instance vastagent status | grep -q 'of another instance were set aside'
}
keys_file=/root/.ssh/authorized_keys
onstart="VASTAGENT_BIN=$VASTAGENT_BUILD/vastagent $SOURCE/onstart/onstart.sh >/var/log/onstart.log 2>&1"

note "the first instance"
instance_start first --on-start "$onstart" --stage environment --bashrc none
laptop_key mate >/dev/null
check "a key" in_instance vastagent addkey --name mate "$(laptop_key mate)"
check "gets in" gets_in mate first
platforms=$(in_instance head -n 1 "$keys_file")
instance_save image
check "stop and start of the same instance" instance_stop_start
check "keep it" wait_until 5 gets_in mate first
instance_end

note "another instance, from its image"
instance_start second --from image --id 99999 --on-start "$onstart" --keys never --bashrc none
check "the old keys are set aside" wait_until 10 warned
check_fails "the mate is not let in" any gets_in mate second
expect_eq "the platform's line stays, the block is out" "$platforms" \
	"$(in_instance cat "$keys_file")"
expect_match "it is written down" '"event":"set_aside"' "$(in_instance cat /var/lib/vastagent/events.jsonl)"
laptop_key other >/dev/null
check "a key of its own" in_instance vastagent addkey "$(laptop_key other)"
check "gets in" gets_in other second
check "adopt" in_instance vastagent adopt
expect_match "takes over the old ones" 'took over mate SHA256:' "$SEEN"
check "the mate is let in" gets_in mate second
check_fails "nothing is left to adopt" 1 warned
check "adopt again" in_instance vastagent adopt
expect_match "says so" 'no keys of another instance' "$SEEN"

note "the id is not taken from whoever starts the agent"
in_instance vastagent stop >/dev/null
in_instance sed -i 's/"instance": "99999"/"instance": "11111"/' /var/lib/vastagent/keys/root.json
check "started by hand with another id in its environment" \
	in_instance env CONTAINER_ID=11111 vastagent start
check "the id is that of process 1 all the same" wait_until 5 warned
instance_end

note "an image that is cleaned before it is saved"
instance_start third --on-start "$onstart" --bashrc none
in_instance vastagent addkey "$(laptop_key mate)" >/dev/null
check "--check says what would travel" in_instance vastagent clean-image --check
expect_match "the keys" 'would travel: the keys of root' "$SEEN"
expect_match "the journal" 'would travel: /var/lib/vastagent/events.jsonl' "$SEEN"
check "and changes nothing" gets_in mate third
check_fails "it waits for the agent to stop" 75 in_instance vastagent clean-image
in_instance vastagent stop >/dev/null
check "clean-image" in_instance vastagent clean-image
expect_eq "no trace in the file" 0 "$(in_instance grep -c vastagent "$keys_file" || true)"
expect_eq "nor in the state" "" "$(in_instance find /var/lib/vastagent -type f)"
check "--check has nothing to say" in_instance vastagent clean-image --check
expect_eq "at all" "" "$SEEN"
