#!/bin/bash
# sshd from 9.8 on shuts an address out for a while after refused logins: what the client sees
# then, that the guide has it, that doctor says so, and that the guide's way out is one.
# shellcheck disable=SC2016 # what runs there is expanded there
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
page=$SOURCE/packaging/vastagent-guide.7
reason='Not allowed at this time'

instance_start gpu --bashrc none
in_instance sh -c '/usr/sbin/sshd -T | grep -qi ^persourcepenalties' || skip "this sshd is older than 9.8"
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent

read_anew()
{
	in_instance sh -c 'kill -HUP "$(cat /run/sshd.pid)"'
}

knock()
{
	laptop ssh -v -F none -o BatchMode=yes -o StrictHostKeyChecking=accept-new \
		-o IdentitiesOnly=yes -i "/root/.ssh/$1" root@gpu true 2>&1
}

is_shut_out()
{
	[[ $(knock stranger) == *"$reason"* ]]
}

laptop_key stranger >/dev/null
expect_no_match "switched off, doctor is silent about it" 'penalties' "$(in_instance vastagent doctor)"
in_instance sed -i '/^PerSourcePenalties/d' /etc/ssh/sshd_config.d/platform.conf
read_anew
expect_match "doctor knows that this sshd does so" 'ok +sshd.penalties .*lets nobody in' \
	"$(in_instance vastagent doctor)"
check "a stranger is shut out in the end" wait_until 60 is_shut_out
check_fails "and with that address the renter" 255 knock id_ed25519
expect_match "sees why with -v" "$reason" "$SEEN"
# sshd closes what it has not read: the client is told so, or not yet.
seen=$(grep -Eom 1 \
	'^kex_exchange_identification: (Connection closed by remote host|read: Connection reset by peer)' \
	<<<"$SEEN") || fail "and without it one of two messages" "$SEEN"
for message in "$reason" "${seen#*: }"; do
	check "the guide has: $message" grep -q "$message" "$page"
done
check "it says how to switch it off" grep -q 'PerSourcePenalties no' "$page"
in_instance sed -i '1i PerSourcePenalties no' /etc/ssh/sshd_config
read_anew
check "and then the renter gets in" wait_until 20 knock id_ed25519
