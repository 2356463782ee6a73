#!/bin/bash
# Many instances at once, with the tools that people have: ClusterShell and Ansible. A
# teammate's key for all, three of them down, the home of one on a volume that is full; who
# failed and why; again, which changes nothing; then only those that failed; and out again.
#
# FLEET=all: Ansible speaks to all twenty, not only to the first six, since on two cores
# each of its tasks takes half a second for every instance.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
command -v clush >/dev/null || skip "there is no clush here (clustershell)"
command -v ansible-playbook >/dev/null || skip "there is no Ansible here (ansible-core)"

size=20
some=6
[ "${FLEET:-}" != all ] || some=$size
down=(3 4 6)
full=5
healthy=$((size - ${#down[@]} - 1))
parts=$SOURCE/tests/scenario/fleet
files=$WORLD/machines/laptop/tmp

# ---- the instances, and the list of them that vastai prints ----

laptop_start
for number in $(seq "$size"); do
	instance_start "gpu$number" --id "$number" --bashrc none
	in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
	jq -n --arg address "$(instance_address) " --argjson id "$number" '{id: $id, label: "train",
		actual_status: "running", public_ipaddr: $address, ssh_host: "ssh5.vast.ai", ssh_port: 1,
		ports: {"22/tcp": [{HostIp: "0.0.0.0", HostPort: "22"}]}}' >>"$files/instances"
done
echo '{"id": 999, "actual_status": "exited"}' >>"$files/instances"
laptop_key mate >/dev/null
laptop_key other >/dev/null
laptop_key template >/dev/null
laptop sh -c 'jq -s . /tmp/instances | jq -rf "$1/ssh_config.jq" >~/.ssh/vast
	sed -i "1i Include ~/.ssh/vast" ~/.ssh/config
	mkdir -p ~/.config/clustershell && cp "$1/groups.conf" ~/.config/clustershell/' - \
	"$SOURCE/packaging/fleet"
expect_eq "the instances that run, by their numbers" "vast-[1-$size]" "$(laptop nodeset -f -a)"
expect_eq "and by their label" "vast-[1-$size]" "$(laptop nodeset -f @train)"

for number in "${down[@]}"; do
	instance_use "gpu$number"
	instance_stop
done
instance_use "gpu$full"
machine_enter "$INSTANCE" sh -c 'mv /root/.ssh /root/.bashrc /root/.profile /tmp &&
	mount -t tmpfs -o size=256k,mode=700 home /root && mv /tmp/.ssh /tmp/.bashrc /tmp/.profile /root
	cat /dev/zero >/root/fill' 2>/dev/null
check_fails "a full home" any in_instance sh -c 'echo more >/root/more'

# ---- clush ----

# everywhere NODES COMMAND: with mate's key on standard input; what went well to /tmp/out,
# the rest to /tmp/failed.
everywhere()
{
	laptop sh -c 'clush -S -w "$1" "$2" <~/.ssh/mate.pub >/tmp/out 2>/tmp/failed' - "$@"
}
# Those that failed, by the line of packaging/fleet/README.md.
failed_nodes()
{
	laptop sh -c "sed -n 's/^clush: \\(.*\\): exited with exit code.*/\\1/p' /tmp/failed | nodeset -f"
}
key_files()
{
	local machine
	for machine in "$WORLD"/machines/gpu*/; do
		[ "$(basename "$machine")" = "gpu$full" ] || sha256sum "$machine/upper/root/.ssh/authorized_keys"
	done
}
# gets_in KEY NODES: status 0 if the key gets in to all of them.
gets_in()
{
	laptop clush -S -o "-i /root/.ssh/$1 -o IdentitiesOnly=yes -o BatchMode=yes" -w "$2" true
}

note "a key for all, in one command line, at $SECONDS s"
addkey='vastagent addkey --name mate -'
check_fails "some fail, and the status says so" 255 everywhere @train "$addkey"
expect_eq "the others have it" "$healthy" "$(grep -c 'vast-[0-9]*: added mate SHA256' "$files/out")"
expect_eq "who failed" 'vast-[3-6]' "$(failed_nodes)"
said=$(<"$files/failed")
for number in "${down[@]}"; do
	expect_match "vast-$number is down" "vast-$number: ssh: connect to host .*: (No route|Network is unr|Connection)" "$said"
done
expect_match "vast-$full is full" "vast-$full: vastagent: .*authorized_keys.*No space left on device" "$said"
expect_match "which is a status of its own" "clush: vast-$full: exited with exit code 73" "$said"
instance_use "gpu$full"
expect_match "but it is kept there" 'pending .* mate ' "$(in_instance vastagent keys)"
before=$(key_files)
note "again, at $SECONDS s"
check_fails "again" 255 everywhere @train "$addkey"
expect_eq "the others have it already" "$healthy" "$(grep -c ': there already: mate SHA256' "$files/out")"
expect_eq "nothing was added" 0 "$(grep -c ': added' "$files/out")"
expect_eq "no file has changed" "$before" "$(key_files)"
retry=$(failed_nodes)
expect_eq "the same fail" 'vast-[3-6]' "$retry"

# ---- Ansible ----

laptop tee /root/ansible.cfg >/dev/null <<-'END'
	[defaults]
	forks = 20
	retry_files_enabled = True
	retry_files_save_path = /tmp
	[ssh_connection]
	pipelining = True
END
check "the collection is installed by one line" laptop ansible-galaxy collection install \
	"$SOURCE/packaging/ansible"
check "its documentation is there" laptop ansible-doc vastagent.fleet.vastagent_key
expect_match "with the options" 'exclusive' "$SEEN"
laptop sh -c 'nodeset -e -S "\n" "vast-[1-$1]" >hosts' - "$some"
# play NAME OPTION...: a playbook of ours.
play()
{
	local book=$1
	shift
	laptop ansible-playbook -i hosts "$parts/$book.yml" "$@"
}
# recap WHAT: the instances where that is not 0, of the play that was just seen.
recap()
{
	sed -n "s/^\\(vast-[0-9]*\\) .* $1=[1-9].*/\\1/p" <<<"$SEEN" | laptop nodeset -f
}
rest()
{
	laptop nodeset -f "vast-[1-$some]" -x 'vast-[3-6]'
}

note "a playbook, at $SECONDS s"
check_fails "some fail" any play key
expect_eq "who is down" 'vast-[3-4,6]' "$(recap unreachable)"
expect_eq "who failed" "vast-$full" "$(recap failed)"
expect_match "why" 'the keys cannot be written: .*No space left on device; what was asked for is remembered.*; pending: SHA256:' "$SEEN"
expect_match "with the status" '"rc": 73' "$SEEN"
expect_eq "where it was added" "$(rest)" "$(recap changed)"
note "again, at $SECONDS s"
before=$(key_files)
check_fails "again" any play key
expect_eq "nothing changes" "" "$(recap changed)"
expect_eq "and it does not" "$before" "$(key_files)"
expect_eq "the same fail" "vast-$full" "$(recap failed)"

# ---- they come back ----

for number in "${down[@]}"; do
	instance_use "gpu$number"
	instance_start_again
done
instance_use "gpu$full"
in_instance rm /root/fill
note "only those that failed, at $SECONDS s"
check "clush" everywhere "$retry" "$addkey"
expect_eq "reaches them, and no other" "$retry" \
	"$(sed -n 's/^\(vast-[0-9]*\): \(added\|there already:\) .*/\1/p' "$files/out" | laptop nodeset -f)"
check "Ansible" play key --limit @/tmp/key.retry
expect_eq "reaches them, and no other" "$retry" "$(recap ok)"
expect_match "and adds it where it was not" '^vast-\[?3' "$(recap changed)"
check "the key gets in to all" gets_in mate "vast-[1-$size]"
check "Ansible's, too" gets_in other "vast-[1-$some]"

note "somebody leaves, at $SECONDS s"
check "clush" everywhere @train 'vastagent rmkey mate'
check_fails "she gets in nowhere" 255 gets_in mate "vast-[1-$size]"
expect_eq "nowhere at all" "$size" "$(grep -c 'exited with exit code 255' <<<"$SEEN")"
check "Ansible" play key -e state=absent
expect_eq "everywhere" "vast-[1-$some]" "$(recap changed)"
check_fails "she gets in nowhere" 255 gets_in other "vast-[1-$some]"

note "what the module answers, at $SECONDS s"
check "as it should" play module --limit vast-1 -v
expect_no_match "a private key is in no output" "$(laptop sed -n 3p /root/.ssh/mate)" "$SEEN"

# ---- the role ----

note "the role, at $SECONDS s"
for name in new1 new2; do
	instance_start "$name" --bashrc none
	echo "$name" >>"$files/hosts"
done
laptop sh -c 'cp /tmp/hosts . && strip -o vastagent-1 "$1" && sha256sum vastagent-1 >vastagent-1.sha256' - \
	"$VASTAGENT_BUILD/vastagent"
role()
{
	play role -e "vastagent_file=/root/$1" "${@:2}"
}
check "in check mode" role vastagent-1 --check
expect_eq "it would change both" 2 "$(grep -c 'changed=[1-9].*failed=0' <<<"$SEEN")"
check_fails "and has not" any in_instance ls /usr/local/bin/vastagent
check "it installs" role vastagent-1
expect_eq "on both" 2 "$(grep -c 'changed=[1-9].*failed=0' <<<"$SEEN")"
check "the agent runs" in_instance vastagent status
check "the hook is in place" in_instance test -e /etc/profile.d/zz-vastagent.sh
check "the key gets in" gets_in template new1,new2
expect_eq "nothing is left in /tmp" "" "$(in_instance find /tmp -maxdepth 1 -name 'vastagent*')"
check "again" role vastagent-1
expect_eq "nothing changes" 2 "$(grep -c 'changed=0 .*failed=0' <<<"$SEEN")"
check "a newer one" laptop sh -c 'cp vastagent-1 vastagent-2; echo >>vastagent-2; cp vastagent-1.sha256 vastagent-2.sha256'
check_fails "with another SHA-256 is refused" any role vastagent-2 --limit new2
expect_match "in words" 'its SHA-256 is not [0-9a-f]{64}' "$SEEN"
before=$(in_instance vastagent status --json | jq .pid)
check "with its own it is installed" role vastagent-2 --limit new2 \
	-e "vastagent_sha256=$(laptop sha256sum vastagent-2 | cut -d ' ' -f 1)"
expect_match "and runs" '^[0-9]+$' "$(in_instance vastagent status --json | jq .pid)"
expect_no_match "in place of the old one" "^$before\$" "$(in_instance vastagent status --json | jq .pid)"
note "all of it took $SECONDS s"
