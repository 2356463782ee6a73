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
check "keep it" wait_until 20 gets_in mate first
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
in_instance sed -i '/^ "sum"/d; s/"instance": "99999"/"instance": "11111"/' /var/lib/vastagent/keys/root.json
check "started by hand with another id in its environment" \
	in_instance env CONTAINER_ID=11111 vastagent start
check "the id is that of process 1 all the same" wait_until 20 warned
instance_end

note "an image that is cleaned before it is saved"
instance_start third --on-start "$onstart" --bashrc none
in_instance vastagent addkey "$(laptop_key mate)" >/dev/null
check "--check says what would travel" in_instance vastagent clean-image --check
expect_match "the keys" 'would travel: the keys of root' "$SEEN"
expect_match "the journal" 'would travel: /var/lib/vastagent/events.jsonl' "$SEEN"
check "as JSON, too" in_instance vastagent clean-image --check --json
expect_match "the same" '^\{"check":true,"accounts":\["root"\],"files":\["/var/lib/vastagent/events.jsonl"' "$SEEN"
check "and changes nothing" gets_in mate third
check_fails "it waits for the agent to stop" 75 in_instance vastagent clean-image
in_instance vastagent stop >/dev/null
check "clean-image" in_instance vastagent clean-image
expect_eq "no trace in the file" 0 "$(in_instance grep -c vastagent "$keys_file" || true)"
expect_eq "nor in the state" "" "$(in_instance find /var/lib/vastagent -type f)"
check "--check has nothing to say" in_instance vastagent clean-image --check
expect_eq "at all" "" "$SEEN"
expect_eq "nor as JSON" '{"check":false,"accounts":[],"files":[]}' \
	"$(in_instance vastagent clean-image --json)"
instance_end

# ---- which instance it is, where process 1 does not tell ----

handed_over=/run/vastagent/instance
is_instance()
{
	[ "$(in_instance vastagent status --json | jq -r .instance)" = "$1" ]
}
# The agent learns it when it looks at keys.
becomes_instance()
{
	in_instance vastagent reload >/dev/null
	wait_until 20 is_instance "$1"
}
# on_start TEXT: what the next boot of this instance runs.
on_start()
{
	in_instance sh -c 'printf "%s\n" "$1" >/root/onstart.sh' - "$1"
}

note "the on-start hands over which instance this is"
instance_start handed --unnamed --on-start "export CONTAINER_ID=777; $onstart" --bashrc none
check "it is known" is_instance 777
expect_eq "in a file of root's" '600 0' "$(in_instance stat -c '%a %u' $handed_over)"
check "another word later" in_instance env CONTAINER_ID=888 vastagent start --hand-over
expect_match "is refused" 'this is instance 777, as the on-start said before, not 888' "$SEEN"
check "so" is_instance 777
in_instance rm $handed_over
check "from a login" in_instance env CONTAINER_ID=888 SSH_CONNECTION='192.0.2.1 1 192.0.2.2 22' \
	vastagent start --hand-over
expect_match "nothing is taken" "not taken from a login's environment" "$SEEN"
check "what is no id is not taken" in_instance env CONTAINER_ID='8 8' vastagent start --hand-over
check_fails "nobody but root may" 77 in_instance_as nobody env CONTAINER_ID=888 \
	vastagent start --hand-over
check_fails "so there is none" 1 in_instance test -e $handed_over
check "nor one in status" becomes_instance null
check "the label is as good" in_instance env VAST_CONTAINERLABEL=C.777 vastagent start --hand-over
check "as the number" is_instance 777
in_instance chmod 666 $handed_over
check "what others could have written is not believed" becomes_instance null
in_instance chmod 600 $handed_over
check "what they could not is" becomes_instance 777
check "a key" in_instance vastagent addkey --name mate "$(laptop_key mate)"
on_start "vastagent start"
check "the container starts again, and nobody hands anything over" instance_stop_start
check "the old word is there" in_instance grep -q ' 777$' $handed_over
check "but void" is_instance null
check "the key stays" wait_until 20 gets_in mate handed
instance_save handed
instance_end

note "a copy that is told later which instance it is"
instance_start copy --unnamed --from handed --keys never --bashrc none
check "it is not known" is_instance null
check "nothing changes" gets_in mate copy
check "it is handed over to the agent that runs" in_instance env CONTAINER_ID=999 vastagent start --hand-over
check "and the old keys are set aside at once" wait_until 20 warned
check_fails "the mate is not let in" any gets_in mate copy
instance_end

note "the platform's label file"
label=/root/.vast_containerlabel
instance_start labelled --unnamed --from handed --keys never --bashrc none
in_instance sh -c "echo C.555 >$label; chmod 666 $label"
in_instance vastagent reload >/dev/null
check_fails "one that others can write to is not believed" 1 wait_until 1 is_instance 555
in_instance sh -c "mkdir -m 700 /tmp/volume; cp $label /tmp/volume"
machine_enter labelled mount --bind /tmp/volume /root
in_instance chmod 644 $label
in_instance vastagent reload >/dev/null
check_fails "nor one on a volume, which another instance may share" 1 wait_until 1 is_instance 555
machine_enter labelled umount /root
in_instance chmod 644 $label
check "one that is root's alone is" becomes_instance 555
check "the old keys are set aside" wait_until 20 warned
instance_end

note "a VM"
first_id=0123456789abcdef0123456789abcdef
second_id=fedcba9876543210fedcba9876543210
instance_start vm --unnamed --vm $first_id --on-start "$onstart; vastagent addkey --name mate '$(laptop_key mate)'" \
	--bashrc none
check "has an id of its own" wait_until 20 is_instance machine-$first_id
check "a key" wait_until 20 gets_in mate vm
instance_save vm
on_start "CONTAINER_ID=777 vastagent start --hand-over"
check "the platform's id" instance_stop_start
check "comes in its place" wait_until 20 is_instance 777
check "for the store too" wait_until 20 in_instance grep -q '"instance": "777"' /var/lib/vastagent/keys/root.json
on_start "vastagent start"
check "a start before the on-start" instance_stop_start
check "knows the machine only" wait_until 20 is_instance machine-$first_id
check "which is no reason to set the keys aside" gets_in mate vm
check_fails "nobody is warned" 1 warned
in_instance vastagent stop >/dev/null
check "an agent that may not read process 1's environment" in_instance vastagent start
check "knows nothing" is_instance null
check "and changes nothing" gets_in mate vm
instance_end
instance_start othervm --unnamed --vm $second_id --from vm --on-start "$onstart" --keys never --bashrc none
check "another machine from its image" wait_until 20 is_instance machine-$second_id
check "sets the keys aside" wait_until 20 warned
