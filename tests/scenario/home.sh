#!/bin/bash
# What happens to a home, or on the way to it, is seen at once: it is moved away and back,
# replaced by a link, mounted over, made after the agent's start. The keys are where sshd
# looks for them each time, and an agent that has seen all this sleeps as before.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
home=/home/user
keys_file=$home/.ssh/authorized_keys

instance_start one --bashrc none --user yes
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
check "the agent starts" in_instance vastagent start
laptop_key mate >/dev/null
check "a key" in_instance vastagent addkey --user user --name mate "$(laptop_key mate)"
check "and one of root's" in_instance vastagent addkey --name mate "$(laptop_key mate)"
blob=$(laptop_key mate | cut -d ' ' -f 2)

holds_key()
{
	in_instance grep -qF "$blob" "$1"
}
gets_in()
{
	laptop ssh -i /root/.ssh/mate -o IdentitiesOnly=yes -o BatchMode=yes "$1@one" true
}
warned()
{
	in_instance vastagent status | grep -q "^warning: keys of $1.*$2"
}
restorations()
{
	in_instance grep -c '"event":"restored"' /var/lib/vastagent/events.jsonl
}
# A file of keys as somebody who does not know of the agent would leave it.
strip_keys()
{
	before=$(restorations)
	in_instance sed -i "/vastagent/d; \\#$blob#d" "$1"
}
is_restored()
{
	[ "$(restorations)" -gt "$before" ] && holds_key "$1"
}
# restored WHAT [FILE]: since strip_keys. The slow look comes every 5 minutes, and a retry
# after a failure is no sooner than that, so what comes within seconds was seen.
restored()
{
	check "$1" wait_until 20 is_restored "${2:-$keys_file}"
}

note "the home is moved away and back"
in_instance mv $home /elsewhere
strip_keys /elsewhere/.ssh/authorized_keys
in_instance mv /elsewhere $home
restored "it is restored at once"
check "and lets its owner in" gets_in user

note "another home in its place"
in_instance cp -a $home /other
strip_keys /other/.ssh/authorized_keys
in_instance sh -c "mv $home /before; mv /other $home"
restored "gets the keys"

note "the home becomes a link"
in_instance sh -c "mkdir /workspace; mv $home /workspace/user"
strip_keys /workspace/user/.ssh/authorized_keys
in_instance ln -s /workspace/user $home
restored "the link is followed"
check "and lets its owner in" gets_in user
strip_keys /workspace/user/.ssh/authorized_keys
restored "what lies behind it is watched"
in_instance mv /workspace /workspace2
strip_keys /workspace2/user/.ssh/authorized_keys
in_instance mv /workspace2 /workspace
restored "and so is each directory on the way"
in_instance cp -a /workspace/user /workspace/third
strip_keys /workspace/third/.ssh/authorized_keys
in_instance ln -sfnT /workspace/third $home
restored "a link that leads elsewhere now"
in_instance cp -a /workspace/third /workspace/fourth
strip_keys /workspace/fourth/.ssh/authorized_keys
in_instance sh -c "rm $home; mv /workspace/fourth $home"
restored "and a directory again"

note "home sync: the directory of keys becomes a link"
roots=/root/.ssh/authorized_keys
platform stage move_ssh
check "it is one" in_instance test -L /root/.ssh
before=$(restorations)
platform refresh
restored "what lies behind it is watched" $roots
in_instance sh -c 'rm /root/.ssh; cp -a /workspace/home/root/.ssh /root/kept'
strip_keys /root/kept/authorized_keys
in_instance ln -s kept /root/.ssh
restored "a link alone is seen" $roots
in_instance cp -a /root/kept/authorized_keys /root/keys
strip_keys /root/keys
in_instance ln -sf ../keys /root/kept/authorized_keys
restored "one to the file too" $roots
check "and lets its owner in" gets_in root

# More than ten restorations in a minute would be a fight.
in_instance vastagent stop >/dev/null
check "the agent starts anew" in_instance vastagent start

note "something is mounted over the home"
for volume in /tmp/first /tmp/second; do
	in_instance cp -a $home $volume
	strip_keys $volume/.ssh/authorized_keys
	machine_enter one mount --bind $volume $home
	restored "it gets the keys"
	check "and lets its owner in" gets_in user
	strip_keys $keys_file
	restored "it is watched"
done
machine_enter one umount -l $home
machine_enter one umount -l $home
strip_keys $keys_file
restored "and so is what is there below"

note "a home that is made after the agent's start"
late=/srv/homes/late/.ssh/authorized_keys
in_instance sh -c 'echo "late:x:1500:1500::/srv/homes/late:/bin/sh" >>/etc/passwd
	echo "late:x:1500:" >>/etc/group; echo "late:*:19000:0:99999:7:::" >>/etc/shadow'
check_fails "cannot be written to yet" 73 in_instance vastagent addkey --user late --name mate "$(laptop_key mate)"
check "which is said" warned late ''
in_instance mkdir -p /srv/homes/late/.ssh
in_instance chmod 700 /srv/homes/late/.ssh
in_instance chown -R late: /srv/homes/late
check "gets the key" wait_until 20 holds_key $late
check "and lets its owner in" gets_in late
in_instance chmod 777 /srv/homes/late
strip_keys $late
check "one that sshd would not read" wait_until 20 warned late 'can be written by others'
in_instance chmod 755 /srv/homes/late
restored "is repaired at once" $late

note "nothing of that keeps the agent awake"
agent=$(pgrep -o -x vastagent)
is_idle()
{
	! pgrep -P "$agent" -x vastagent
}
wait_until 15 is_idle || fail "the agent's last look ends"
timeout "${IDLE_SECONDS:-5}" strace -f -o "$WORLD/strace" -p "$agent" 2>/dev/null
# Valgrind looks around now and then.
in_valgrind ||
	expect_eq "no system call while nothing happens" 0 "$(grep -c ' = ' "$WORLD/strace")"
expect_eq "it waits" 1 "$(grep -c epoll_ "$WORLD/strace")"
