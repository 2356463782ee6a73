#!/bin/bash
# The agent and everything it started are killed at many moments of an addkey. At each
# moment the file is whole: the platform's bytes, and either the old or the new block.
# What was acknowledged is there after the next start.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
check "the agent starts" in_instance vastagent start
laptop_key mate >/dev/null

# One round inside the instance: a key is added, and the agent's process group, its
# children with it, is killed a moment later.
in_instance tee /root/round.sh >/dev/null <<'END'
#!/bin/bash
# round.sh MICROSECONDS KEYFILE
vastagent start >/dev/null
group=$(ps -o pgid= -p "$(vastagent status --json | jq .pid)")
# With a socket named, the client does not start a new agent when this one is gone.
VASTAGENT_SOCKET=/run/vastagent/agent.sock vastagent addkey "$2" >/root/answer 2>&1 &
client=$!
read -r -t "$(($1 / 1000000)).$(printf %06d $(($1 % 1000000)))" <> <(:)
kill -9 -- "-${group// /}"
wait "$client"
exit 0
END
in_instance chmod +x /root/round.sh

whole()
{
	local text
	text=$(in_instance cat /root/.ssh/authorized_keys) || return 1
	# The platform's line comes first and is whole, and sshd takes every other line.
	[ "$(head -n 1 <<<"$text")" = "$platforms_line" ] || return 1
	[ "$(grep -vc '^#' <<<"$text")" -eq \
		"$(in_instance ssh-keygen -l -f /root/.ssh/authorized_keys | wc -l)" ]
}

# Every marker has its partner: a block that was cut off would have only one.
has_whole_block()
{
	[ "$(in_instance grep -c '^# BEGIN vastagent' /root/.ssh/authorized_keys)" -eq \
		"$(in_instance grep -c '^# END vastagent' /root/.ssh/authorized_keys)" ]
}

platforms_line=$(in_instance cat /root/.ssh/authorized_keys)
# How long one takes, in microseconds; half as much again, and the answer is there.
took=$(in_instance bash -c 'begin=${EPOCHREALTIME/[.,]/}
	vastagent addkey "$1" >/dev/null && echo $((${EPOCHREALTIME/[.,]/} - begin))' - "$(laptop_key mate)")
span=$((took * 3 / 2 > 20000 ? took * 3 / 2 : 20000))
in_instance vastagent rmkey mate@laptop >/dev/null
note "the agent is killed 0 to $((span / 1000)) ms into an addkey"
acknowledged=()
killed=0
for ((moment = span / 100; moment < span; moment += span / 50)); do
	in_instance ssh-keygen -q -t ed25519 -N '' -C "key$moment" -f "/root/key$moment"
	in_instance /root/round.sh "$moment" "/root/key$moment.pub" 2>/dev/null
	whole || fail "after $moment us the file is whole" "$(in_instance cat -A /root/.ssh/authorized_keys)"
	has_whole_block || fail "after $moment us the block is whole"
	if in_instance grep -q '^added' /root/answer; then
		acknowledged+=("$moment")
	else
		killed=$((killed + 1))
	fi
done
passed "the file was whole at each of $((${#acknowledged[@]} + killed)) moments"
note "${#acknowledged[@]} keys were acknowledged, $killed were not"
[ "$killed" -gt 0 ] || fail "some moments come before the answer"

check "the agent starts again" in_instance vastagent start
all_there()
{
	local moment file
	file=$(in_instance cat /root/.ssh/authorized_keys)
	for moment in "${acknowledged[@]}"; do
		grep -q " key$moment\$" <<<"$file" || return 1
	done
}
check "every acknowledged key is there" wait_until 20 all_there
check "no temporary file is left once something is written" in_instance vastagent addkey \
	"$(laptop_key mate)"
expect_eq "in ~/.ssh" authorized_keys "$(in_instance ls -A /root/.ssh)"
