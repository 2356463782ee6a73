#!/bin/bash
# Four addkey loops beside other programs that change the same file. Beside those that
# append (echo >>, ssh-copy-id), every key that anyone was told is added is there at the
# end. Beside those that write the whole file, of which some write back what they read
# before, every key that vastagent acknowledged is there, and the platform's own always.
#
# CONTENTION_SECONDS (5) is the length of each.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
helpers=$SOURCE/tests/scenario/contention
# The usual one would print thousands of keys.
post_mortem()
{
	in_instance sh -c 'tail -n 20 /var/log/vastagent.log; tail -n 5 /tmp/log.*; ls -la /root/.ssh'
}
seconds=${CONTENTION_SECONDS:-5}
file=/root/.ssh/authorized_keys

# Without the platform's tmux block, on which ssh-copy-id fails.
instance_start one --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
shared=$WORLD/machines/one/tmp
check "many keys are made" python3 "$helpers/keys.py" "$shared/keys" $((seconds * 400 + 400))
check "the agent starts" in_instance vastagent start
platforms=$(in_instance head -n 1 "$file" | cut -d ' ' -f 2)

# Each loop writes what it was told is added, one blob a line, to /tmp/told.NAME.
# addkey_loop N: takes every 4th key of the first half.
run_loop()
{
	in_instance bash "$helpers/loops.sh" "$@" &
	loops+=($!)
}

copy_id_loop()
{
	local number=0 end=$((SECONDS + seconds))
	while [ $SECONDS -lt $end ]; do
		number=$((number + 1))
		laptop_key "copied$number" >/dev/null
		# It asks by a login of its own which keys are there already.
		laptop ssh-copy-id -i "/root/.ssh/copied$number.pub" one >/dev/null 2>&1 &&
			laptop cut -d ' ' -f 2 "/root/.ssh/copied$number.pub" >>"$shared/told.copied"
	done
}

# nothing_missing FILE...: each blob that was told stands in the file.
nothing_missing()
{
	cut -d ' ' -f 2- "$@" 2>/dev/null | sort -u >"$shared/wanted"
	grep -oE 'AAAA[A-Za-z0-9+/=]+' "$WORLD/machines/one/upper$file" | sort -u |
		comm -23 "$shared/wanted" - >"$shared/missing"
	[ ! -s "$shared/missing" ]
}

# expect_all WHAT FILE...: within the time in which late writers and restores are over.
expect_all()
{
	local what=$1
	shift
	wait_until 12 nothing_missing "$@" || fail "$what" "of $(wc -l <"$shared/wanted") these are missing:" \
		"$(grep -F -f "$shared/missing" "$@" | head -n 20)" \
		"$(in_instance vastagent status)"
	passed "$what ($(wc -l <"$shared/wanted") keys)"
}

wait_for_loops()
{
	wait "${loops[@]}"
	[ -s "$shared/told.addkey1" ] || fail "keys were added at all" "$(cat "$shared"/log.*)"
}

begin()
{
	note "$1, for $seconds s"
	rm -f "$shared"/told.* "$shared"/log.*
	loops=()
	for number in 1 2 3 4; do
		run_loop addkey "$number" "$seconds"
	done
}

begin "echo >> and ssh-copy-id"
run_loop echo 5 "$seconds"
run_loop echo 6 "$seconds"
copy_id_loop
wait_for_loops
for name in copied echo5; do
	[ -s "$shared/told.$name" ] || fail "all of them were at work" "$(cat "$shared"/log.*)"
done
echo "platform $platforms" >"$shared/told.platform"
expect_all "every key that anyone acknowledged is there" "$shared"/told.*

for writer in sed editor; do
	begin "$writer"
	run_loop "$writer" 5 "$seconds"
	wait_for_loops
	echo "platform $platforms" >"$shared/told.platform"
	expect_all "every key that vastagent acknowledged is there, and the platform's" \
		"$shared"/told.addkey* "$shared/told.platform"
done

for how in '' --rename --unlink; do
	begin "the platform's rewrite ${how:-in place}"
	run_loop "platform$how" 5 "$seconds"
	wait_for_loops
	echo "platform $platforms" >"$shared/told.platform"
	expect_all "every key that vastagent acknowledged is there, and the platform's" \
		"$shared"/told.addkey* "$shared/told.platform"
done
expect_eq "no temporary file is left" authorized_keys "$(in_instance ls -A /root/.ssh)"
agent=$(in_instance vastagent status --json | jq .pid)
no_child()
{
	! in_instance pgrep -P "$agent" -x vastagent
}
check "and no process, once the last look is over" wait_until 15 no_child
