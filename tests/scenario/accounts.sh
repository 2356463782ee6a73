#!/bin/bash
# Keys of other accounts than root: by root, by the account itself, mirrored from root;
# accounts that cannot log in, that vanish, whose file is the administrator's.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one --user yes --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
in_instance useradd -m -s /bin/bash alice
laptop_key mate >/dev/null
laptop_key other >/dev/null
mate=$(laptop_key mate)
# gets_in KEY USER
gets_in()
{
	laptop ssh -i "/root/.ssh/$1" -o IdentitiesOnly=yes -o BatchMode=yes "$2@one" true
}
is_out()
{
	! gets_in "$1" "$2"
}

note "mirrored accounts get root's keys, and lose them with root"
in_instance sh -c 'printf "[keys]\nmirror = user\n" >/etc/vastagent.conf'
check "the agent starts" in_instance vastagent start
check "a key for root" in_instance vastagent addkey --name mate "$mate"
check "gets in to user" wait_until 20 gets_in mate user
expect_eq "as one that follows root's" mirror \
	"$(in_instance vastagent keys --user user --json | jq -r '.keys[0].origin')"
expect_eq "as the account's own file" "user 600" \
	"$(in_instance stat -c '%U %a' /home/user/.ssh/authorized_keys)"
check_fails "not to alice" any gets_in mate alice
in_instance sh -c ': >/home/user/.ssh/authorized_keys'
check "it is restored there, too" wait_until 20 gets_in mate user
in_instance vastagent rmkey mate >/dev/null
check "gone from root" is_out mate root
check "gone from user" wait_until 20 is_out mate user
in_instance sh -c 'printf "[keys]\n" >/etc/vastagent.conf'
check "the configuration is read again" in_instance vastagent reload

note "an account adds its own"
check "by itself" in_instance_as alice vastagent addkey "$mate"
check "it gets in" gets_in mate alice
in_instance_as alice sh -c ': >~/.ssh/authorized_keys'
check "from then on the account is looked after" wait_until 20 gets_in mate alice
instance_stop_start
check "also after stop and start" in_instance vastagent start
in_instance_as alice sh -c ': >~/.ssh/authorized_keys'
check "it is restored" wait_until 20 gets_in mate alice

note "an account that would keep root from taking its key out"
in_instance useradd -m -s /bin/bash bob
in_instance chmod 755 /home/alice /home/alice/.ssh
in_instance vastagent addkey --user alice --name third "$(laptop_key third)"
in_instance_as bob flock /home/alice/.ssh sh -c 'touch /tmp/held; exec sleep 600' &
check "another account holds its lock" wait_until 20 in_instance test -e /tmp/held
check "in vain" in_instance vastagent rmkey --user alice third
check "it is out" is_out third alice
in_instance sh -c 'pkill -u bob; chmod 700 /home/alice/.ssh'

# hang USER REQUESTS: the account's own file hangs, and requests about it wait.
hang()
{
	in_instance_as "$1" sh -c 'mkdir -p -m 700 ~/.ssh; exec 8<~/.ssh; flock 8
		for i in $(seq '"$2"'); do
			curl -s --unix-socket /run/vastagent/agent.sock -d "{\"text\":\"'"$mate"'\"}" \
				-H "Content-Type: application/json" http://localhost/v1/keys 8<&- &
		done
		touch "/tmp/hangs-$(id -un)"; exec sleep 600' >/dev/null 2>&1 &
	check "$1 hangs" wait_until 20 in_instance test -e "/tmp/hangs-$1"
}
in_instance vastagent addkey --name mate "$mate" >/dev/null
hang alice 20
check_fails "root's removal is answered" 75 in_instance vastagent rmkey mate
expect_match "and says what was not done" 'nothing was done about the keys of alice' "$SEEN"
check "it is out" is_out mate root
for i in $(seq 9); do
	in_instance useradd -m "crowd$i"
	hang "crowd$i" 5
done
check "a key of root's is added" in_instance vastagent addkey --name mate "$mate"
in_instance sh -c 'pkill sleep; pkill curl; rm /tmp/hangs-*'

note "accounts that cannot log in"
in_instance useradd -m -s /usr/sbin/nologin carl
check "a key for one without a shell" in_instance vastagent addkey --user carl "$mate"
expect_match "is added, and it is said" 'carl cannot log in: .*/usr/sbin/nologin.*chsh' "$SEEN"
in_instance useradd -M -d /home/nowhere -s /bin/bash dora
check_fails "a home that is missing" 73 in_instance vastagent addkey --user dora "$mate"
expect_match "is named" '/home/nowhere' "$SEEN"
check_fails "an account that is not there" 67 in_instance vastagent addkey --user erin "$mate"

note "every account at once"
accounts=$(in_instance vastagent status --json | jq -r '.accounts[].user')
expect_match "there are several" 'alice' "$accounts"
expect_eq "keys --all lists each" "$accounts" \
	"$(in_instance vastagent keys --all --json 2>/dev/null | jq -r '.accounts[].user')"
expect_eq "with its keys" "$(in_instance vastagent keys --user alice --json | jq -c .keys)" \
	"$(in_instance vastagent keys --all --json 2>/dev/null | jq -c '.accounts[] | select(.user == "alice") | .keys')"
expect_match "for people too" '/alice/.ssh/authorized_keys of alice:' "$(in_instance vastagent keys --all 2>/dev/null)"
expect_match "another account has its own" '^\["alice"\]$' \
	"$(in_instance_as alice vastagent keys --all --json | jq -c '[.accounts[].user]')"
check_fails "it is all or one" 64 in_instance vastagent keys --all --user alice

note "an account that is deleted, and its home"
in_instance vastagent keys --user carl >/dev/null
in_instance userdel -r carl 2>/dev/null
in_instance vastagent reload >/dev/null
warned()
{
	in_instance vastagent status | grep -q "warning: keys of carl: no account 'carl'"
}
check "status says so" wait_until 20 warned
check "the others are looked after all the same" in_instance vastagent addkey "$(laptop_key other)"
in_instance sh -c ': >/root/.ssh/authorized_keys'
check "and restored" wait_until 20 gets_in other root

note "a file that is the administrator's"
in_instance sh -c 'mkdir -m 755 /etc/ssh/keys; echo "AuthorizedKeysFile /etc/ssh/keys/%u" \
	>/etc/ssh/sshd_config.d/keys.conf'
instance_stop_start
check "the agent starts" in_instance vastagent start
check "root adds to it" in_instance vastagent addkey --user alice "$(laptop_key other)"
expect_match "where sshd reads it" '/etc/ssh/keys/alice' "$SEEN"
check "it gets in" gets_in other alice
expect_eq "as root's, for sshd to read with the account's rights" "root 644" "$(in_instance stat -c '%U %a' /etc/ssh/keys/alice)"
check_fails "the account itself does not" 77 in_instance_as alice vastagent addkey "$mate"
expect_match "and is told why" 'only root changes it' "$SEEN"
