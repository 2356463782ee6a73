#!/bin/bash
# The story of the README, start to end: one command on a fresh instance, a teammate's
# key from a laptop, a file that the platform rewrites, a login that survives, commands
# and transfers that nobody disturbs, forwards that show, and an end.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

since()
{
	awk "BEGIN { printf \"%.2f\", $EPOCHREALTIME - $1 }"
}

keys_file=/root/.ssh/authorized_keys

mate_gets_in()
{
	laptop ssh -i /root/.ssh/mate -o IdentitiesOnly=yes one true
}

# Another image has no compiler: there the released program is what it all comes from.
onstart=("$SOURCE/onstart/onstart.sh")
[ -z "${VASTAGENT_ROOT:-}" ] || onstart=("$VASTAGENT_BUILD/vastagent" onstart)

note "the renter types one command"
instance_start one --user yes
started=$EPOCHREALTIME
check "the on-start builds, installs and starts" in_instance "${onstart[@]}"
first_report=$SEEN
note "with the build that took $(since "$started") s"
expect_match "the report tells the version" 'vastagent [0-9]+\.[0-9]+\.[0-9]+' "$first_report"
expect_match "the report tells the host keys" 'SHA256:.*ED25519' "$first_report"
expect_match "the report lists whose key gets in" 'renter@laptop' "$first_report"
expect_no_match "nothing is reported as a problem" 'PROBLEM' "$first_report"
check "the agent answers" in_instance vastagent status
expect_match "as this instance" "instance: 12345" "$SEEN"

note "a second run changes nothing"
before=$(in_instance find /usr/local /etc /var/lib/vastagent /root -type f -newermt '1 hour ago' \
	-printf '%p %T@ %i\n' | sort)
agent=$(in_instance vastagent status --json | jq .pid)
started=$EPOCHREALTIME
check "the on-start runs again" in_instance "${onstart[@]}"
note "the second run took $(since "$started") s"
expect_no_match "it installs nothing" 'installed|wrote|building' "$SEEN"
expect_eq "no file is touched" "$before" "$(in_instance find /usr/local /etc /var/lib/vastagent \
	/root -type f -newermt '1 hour ago' -printf '%p %T@ %i\n' | sort)"
expect_eq "the same agent runs" "$agent" "$(in_instance vastagent status --json | jq .pid)"

note "a teammate's key, from the laptop, in one line"
platforms_bytes=$(in_instance cat "$keys_file" | sha256sum)
laptop_key mate >/dev/null
check_fails "before, the mate is refused" any mate_gets_in
check "addkey through ssh" laptop sh -c 'ssh one vastagent addkey --name mate - </root/.ssh/mate.pub'
expect_match "the answer says what was done" \
	"added mate SHA256:[^ ]+ to root \($keys_file\)" "$SEEN"
expect_match "and how to connect" 'ssh -p 22 root@192.0.2.2' "$SEEN"
check "the next login works" mate_gets_in
check "adding it again is nothing new" \
	laptop sh -c 'ssh one vastagent addkey --name mate - </root/.ssh/mate.pub'
expect_match "and said to be there" 'there already' "$SEEN"
expect_eq "the platform's bytes are untouched" "$platforms_bytes" \
	"$(in_instance sed '/^# BEGIN vastagent/,/^# END vastagent/d' "$keys_file" | sha256sum)"

note "the platform rewrites the file, in each of its ways"
for way in '' --rename --unlink; do
	# shellcheck disable=SC2086 # no way is no argument
	platform refresh $way
	check "after a refresh ${way:-in place} the mate gets in" wait_until 20 mate_gets_in
done
check "the renter's own key still does" laptop_ssh one true
check "status counts it" in_instance vastagent status
# A file that is unlinked and written again may be met in between, and once more after.
expect_match "three restores" 'restored [345]' "$SEEN"

note "stop and start keep the key"
instance_stop_start
check "the on-start at the second boot" in_instance "${onstart[@]}"
check "the mate gets in" wait_until 20 mate_gets_in

note "a login lands in tmux, and nothing dies with the connection"
term_ssh first one
term_wait first 'root@one:~#'
check "it is the session ssh_tmux" wait_until 20 in_instance tmux has-session -t =ssh_tmux
term_type first 'sleep 1000 & echo job $((40 + 2))'
term_wait first 'job 42'
term_kill first
check "the job outlives the connection" in_instance pgrep -x sleep
term_ssh second one
term_wait second 'job 42'
check "a second login attaches" in_instance tmux list-clients -t ssh_tmux
# A session of less than a second counts as one that failed: no person is that quick.
has_lived()
{
	local created
	created=$(in_instance tmux list-clients -F '#{client_created}' | sort -n | tail -n 1)
	[ "$EPOCHSECONDS" -gt "$((created + 1))" ]
}
check "it has been looked at" wait_until 20 has_lived
term_keys second C-b d
check "detaching ends the connection" term_gone second

note "commands and transfers do not notice"
expect_eq "a command's output, byte for byte" "hello" "$(laptop_ssh one echo hello)"
check_fails "and its status" 7 laptop_ssh one exit 7
laptop sh -c 'head -c 300000 /dev/urandom >/root/data'
sum=$(laptop sha256sum </dev/null /root/data | cut -d ' ' -f 1)
check "scp" laptop scp -q /root/data one:/tmp/scp
check "scp, the old protocol" laptop scp -O -q /root/data one:/tmp/scp-old
check "sftp" laptop sh -c 'echo put /root/data /tmp/sftp | sftp -q -b - one'
check "rsync" laptop rsync -e ssh /root/data one:/tmp/rsync
expect_eq "all four arrived whole" 4 \
	"$(in_instance sha256sum /tmp/scp /tmp/scp-old /tmp/sftp /tmp/rsync | grep -c "^$sum")"

note "forwards show"
# The instance's own sshd is the server that all three lead to.
laptop bash -c 'ssh -N -o ExitOnForwardFailure=yes -L 18080:localhost:22 -R 19090:localhost:22 \
	-D 11080 one & echo $! >/root/tunnel.pid'
shows()
{
	in_instance vastagent forwards --json | jq -e "any(.forwards[]; $1)"
}
check "-R shows at once" wait_until 20 shows '.type == "remote" and (.listen | endswith(":19090"))'
check_fails "an idle -L does not" any shows '.type == "local"'
laptop bash -c 'exec 3<>/dev/tcp/127.0.0.1/18080 && read -r banner <&3 && echo $$ >/root/user.pid &&
	sleep 1000 3>&3' &
check "-L shows once a byte went through" wait_until 20 shows '.type == "local" and
	(.target | endswith(":22")) and .connections == 1 and .session.user == "root"'
laptop bash -c 'echo $$ >/root/socks.pid; exec curl -s --socks5-hostname 127.0.0.1:11080 \
	telnet://127.0.0.2:22 </dev/null' >/dev/null &
check "-D shows where it leads" wait_until 20 shows '.type == "local" and .target == "127.0.0.2:22"'
check "for people too" in_instance vastagent forwards
note "$SEEN"
check "the session that holds them is listed" in_instance vastagent sessions
expect_match "with its client" '192\.0\.2\.1:[0-9]+' "$SEEN"
laptop sh -c 'kill "$(cat /root/tunnel.pid)"'
all_gone()
{
	! shows true
}
check "all are gone with the connection" wait_until 20 all_gone

note "who does not want tmux says so"
check "touch ~/.no_auto_tmux" laptop_ssh one touch .no_auto_tmux
term_ssh plain one
term_wait plain 'root@one:~#'
# shellcheck disable=SC2016 # for the shell over there
term_type plain 'echo "tmux is ${TMUX:-off}"'
term_wait plain 'tmux is off'
term_type plain exit
check "exit ends the connection" term_gone plain

note "a key that is removed is gone"
check "rmkey by name" laptop_ssh one vastagent rmkey mate
expect_match "the answer says so" 'removed mate SHA256:' "$SEEN"
check_fails "the mate is refused" any mate_gets_in
platform refresh
check_fails "also after a refresh" any mate_gets_in
expect_eq "the file is the platform's again, byte for byte" "$platforms_bytes" \
	"$(in_instance cat "$keys_file" | sha256sum)"
check "the agent stops" in_instance vastagent stop
expect_match "and says so" 'stopped' "$SEEN"
