#!/bin/bash
# A pause is kept over restarts of the agent and of the instance, ends by itself, whatever
# happens to the clock, and does not travel to another instance.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
remembered=/var/lib/vastagent/pause

instance_start one --bashrc none --on-start "install -m 755 $VASTAGENT_BUILD/vastagent /usr/local/bin/
	vastagent start"
blob=$(laptop_key mate | cut -d ' ' -f 2)
check "a key" in_instance vastagent addkey "$(laptop_key mate)"

holds_key()
{
	in_instance grep -qF "$blob" /root/.ssh/authorized_keys
}
status()
{
	in_instance vastagent status --json | jq -r "$1"
}
goes_on()
{
	[ "$(status .paused)" = false ] && holds_key
}
# restart_agent [TEXT]: with that as the pause that it remembers, and the sum of it.
restart_agent()
{
	in_instance vastagent stop >/dev/null
	[ $# -eq 0 ] || printf '%s\n%s\n' "$1" "$(sha256sum <<<"$1" | cut -c 1-64)" |
		in_instance sh -c 'cat >"$1"' - $remembered
	in_instance vastagent start >/dev/null
}

note "for a time"
check "pause" in_instance vastagent pause 10m
end=$(status .paused_until)
expect_match "has an end" '^20..-..-..T..:..:..Z$' "$end"
expect_match "that status says" "warning: restoring is paused until $end" "$(in_instance vastagent status)"
expect_eq "it is kept for root alone" '600 0' "$(in_instance stat -c '%a %u' $remembered)"
restart_agent
expect_eq "another agent is paused too" true "$(status .paused)"
expect_eq "until then" "$end" "$(status .paused_until)"
platform refresh
check "the instance starts again" instance_stop_start
expect_eq "it is paused still" "$end" "$(status .paused_until)"
check_fails "and nothing is restored" any wait_until 1 holds_key
check "resume" in_instance vastagent resume
check "ends it" wait_until 20 goes_on
check_fails "for good" any in_instance test -e $remembered
restart_agent
expect_eq "a new agent knows of none" false "$(status .paused)"

note "until resume"
check "pause" in_instance vastagent pause
restart_agent
expect_eq "is kept" 'true null' "$(status '"\(.paused) \(.paused_until)"')"
in_instance vastagent resume >/dev/null

note "damaged"
check "pause" in_instance vastagent pause 10m
in_instance sed -i '1s/"seconds":6/"seconds":9/' $remembered
restart_agent
expect_eq "it is none" false "$(status .paused)"
expect_match "which is said" "$remembered is damaged: keys are restored again" \
	"$(in_instance cat /var/log/vastagent.log)"

note "it ends by itself"
short=3
! sanitized || short=15
check "a short one" in_instance vastagent pause "${short}s"
platform refresh
restart_agent
expect_eq "that a new agent keeps" true "$(status .paused)"
check "is over in time" wait_until 20 goes_on
now=$(date +%s)
id=$(status .instance)
platform refresh
restart_agent "{\"until\":$((now - 10)),\"seconds\":600,\"instance\":\"$id\"}"
check "one that ended while no agent ran is over" wait_until 20 goes_on
platform refresh
restart_agent "{\"until\":$((now + 86400)),\"seconds\":$short,\"instance\":\"$id\"}"
expect_eq "where the clock was set back by a day" true "$(status .paused)"
check "it does not last a day longer" wait_until 20 goes_on

note "another instance's, and damage"
restart_agent '{"until":0,"seconds":0,"instance":"99999"}'
check "a copied image's is none" wait_until 20 goes_on
restart_agent '{"until":'
check "what cannot be read is none" wait_until 20 goes_on
