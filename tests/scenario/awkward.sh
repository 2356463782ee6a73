#!/bin/bash
# What the platform and its images do around the agent: an on-start text that never
# returns, keys that come late, a ~/.ssh that is moved away while the instance boots,
# lines copied to other accounts, stop and start.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

# As a template does it: first in the text, in the background.
onstart="VASTAGENT_BIN=$VASTAGENT_BUILD/vastagent $SOURCE/onstart/onstart.sh >/var/log/onstart.log 2>&1 &"
laptop_start
mate=$(laptop_key mate)
mate_gets_in()
{
	laptop ssh -i /root/.ssh/mate -o IdentitiesOnly=yes "$1" true
}
agent_answers()
{
	in_instance vastagent status
}
# The number of lines with the mate's key in a file of the instance.
copies()
{
	in_instance grep -c "$(cut -d ' ' -f 2 <<<"$mate")" "$1"
}

note "an on-start text that never returns, and keys that the platform writes after it began"
instance_start one --endless --keys late --on-start "$onstart" --env "VASTAGENT_KEYS=$mate"
check "the agent answers all the same" wait_until 10 agent_answers
check "the template's key gets in" wait_until 20 mate_gets_in one
check "and the platform's own" wait_until 20 laptop_ssh one true
check "the report is in the log" wait_until 10 in_instance grep -q 'COME FROM THE TEMPLATE' /var/log/onstart.log
expect_no_match "without a problem" PROBLEM "$(in_instance cat /var/log/onstart.log)"
check "a removed key" in_instance vastagent rmkey --force mate@laptop
in_instance rm /var/log/onstart.log
instance_stop_start
check "the agent is back after stop and start" wait_until 10 agent_answers
check "its report, too" wait_until 20 in_instance grep -q 'keys that get in' /var/log/onstart.log
check_fails "the template does not bring a removed key back" any mate_gets_in one
on_start_is_over()
{
	! in_instance pgrep -x onstart.sh
}
check "the report ends" wait_until 20 on_start_is_over
expect_no_match "and does not say that it did" 'COME FROM THE TEMPLATE' \
	"$(in_instance cat /var/log/onstart.log)"
instance_end

note "several keys in one line of a form"
second=$(laptop_key second)
instance_start two --on-start "$onstart" --env "VASTAGENT_KEYS=$mate;$second" \
	--env "VASTAGENT_KEYS_2=$(laptop_key third)\\n$(laptop_key fourth)"
for key in mate second third fourth; do
	check "$key gets in" wait_until 10 laptop ssh -i /root/.ssh/$key -o IdentitiesOnly=yes two true
done
instance_end

note "the image moves ~/.ssh away and puts a link in its place"
instance_start three --on-start "$onstart" --stage move_ssh
check "the agent answers" wait_until 10 agent_answers
check "a key is added through the link" in_instance vastagent addkey "$mate"
check "it gets in" mate_gets_in three
check "the link is still one" in_instance test -L /root/.ssh
platform refresh
check "and it is restored through it" wait_until 20 mate_gets_in three
platform refresh --rename
check "however the file is rewritten" wait_until 20 mate_gets_in three
instance_end

note "the image copies root's lines to another account"
instance_start four --user yes --on-start "$onstart"
check "the agent answers" wait_until 10 agent_answers
in_instance vastagent addkey "$mate" >/dev/null
platform stage spread_keys
expect_eq "the line is there" 1 "$(copies /home/user/.ssh/authorized_keys)"
copied=$(in_instance sha256sum /home/user/.ssh/authorized_keys)
check "a key for that account" in_instance vastagent addkey --user user "$second"
check "gets in" laptop ssh -i /root/.ssh/second -o IdentitiesOnly=yes user@four true
expect_eq "a copy of root's block is nobody's block: its bytes stay" "$copied" \
	"$(in_instance head -n "$(in_instance grep -n "BEGIN vastagent" /home/user/.ssh/authorized_keys |
		tail -n 1 | cut -d : -f 1)" /home/user/.ssh/authorized_keys | head -n -1 | sha256sum |
		sed 's|-$|/home/user/.ssh/authorized_keys|')"
instance_end

note "a person edits the file"
instance_start five --on-start "$onstart"
check "the agent answers" wait_until 10 agent_answers
in_instance vastagent addkey --name mate "$mate" >/dev/null
in_instance sed -i '/ mate$/d' /root/.ssh/authorized_keys
removed()
{
	in_instance vastagent keys --json | jq -e '.keys[] | select(.name == "mate" and .state == "removed")'
}
check "who takes a line out of the block is heeded" wait_until 20 removed
check_fails "the key is gone" any mate_gets_in five
check "adding it again brings it back" in_instance vastagent addkey --name mate "$mate"
check "for good" mate_gets_in five
in_instance cp /root/.ssh/authorized_keys /root/older
in_instance vastagent addkey "$second" >/dev/null
in_instance cp /root/older /root/.ssh/authorized_keys
both()
{
	mate_gets_in five && laptop ssh -i /root/.ssh/second -o IdentitiesOnly=yes five true
}
check "an older copy that is written back loses nothing" wait_until 20 both
check "pause" in_instance vastagent pause
platform refresh
check_fails "nothing is restored while it is paused" any wait_until 1 mate_gets_in five
check "resume" in_instance vastagent resume
check "and it is restored" wait_until 20 mate_gets_in five
