#!/bin/bash
# The Debian package in instances without systemd: installed, upgraded, removed, purged,
# installed again. Removed, every key works and the login is as it was, byte for byte;
# purged, the state and the comments around the keys are gone, too, and the keys are named.
# PACKAGE_TWICE=1 builds it twice, from scratch, and compares the bytes.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
not_with_sanitizers "what is packaged has none"
# shellcheck source=tests/scenario/lib/package.sh
. "$(dirname "$0")/lib/package.sh"
# shellcheck source=tests/scenario/lib/picture.sh
. "$(dirname "$0")/lib/picture.sh"

agent()
{
	in_instance vastagent status --json | jq -r "$1"
}

agent_is_gone()
{
	! in_instance pgrep -f '^vastagent daemon'
}

# Whatever the platform's block makes of the command then.
gets_in()
{
	laptop ssh -v -i "/root/.ssh/$1" -o IdentitiesOnly=yes "$2@one" true 2>&1 |
		grep -q '^Authenticated to'
}

# ---- the file ----

package_build || fail "it is built"
passed "it is built"
lintian=(lintian -EviIL +pedantic --fail-on warning --allow-root)
check "lintian finds nothing" "${lintian[@]}" "$NEW"
expect_eq "nothing at all" "" "$(grep '^[EWIPX]:' <<<"$SEEN")"
files=$(dpkg-deb -c "$NEW" | awk '{ print $6 }')
for file in ./usr/bin/vastagent ./usr/share/man/man1/vastagent.1.gz ./etc/vastagent.conf \
	./usr/share/bash-completion/completions/vastagent ./lib/systemd/system/vastagent.service \
	./usr/share/zsh/vendor-completions/_vastagent \
	./usr/share/fish/vendor_completions.d/vastagent.fish; do
	expect_match "it has $file" "$file"$'\n' "$files"$'\n'
done
if [ -n "${PACKAGE_TWICE:-}" ]; then
	check "built from scratch" "$SOURCE/packaging/deb.sh" "$WORLD/first"
	umask 077
	package_copy_source "$WORLD/a/directory/of/another/length"
	SOURCE_DATE_EPOCH=$(git -C "$SOURCE" log -1 --format=%ct)
	VASTAGENT_COMMIT=$(git -C "$SOURCE" rev-parse --short=12 HEAD)
	export SOURCE_DATE_EPOCH VASTAGENT_COMMIT
	check "and elsewhere" "$WORLD/a/directory/of/another/length/packaging/deb.sh" "$WORLD/second"
	unset SOURCE_DATE_EPOCH VASTAGENT_COMMIT
	umask 022
	check "the same bytes" cmp "$WORLD"/{first,second}/"$(basename "$NEW")"
fi

# ---- in an instance ----

instance_start one --user yes --stage spread_keys
package_bring
before=$(picture)

note "where nothing may be started, as in image builds"
package_policy 101
check "it is installed" apt_get install /tmp/old.deb
expect_match "it says that it does not start" 'not started: policy-rc.d' "$SEEN"
check "no agent runs" agent_is_gone
check "the hook is there" in_instance grep -q '/usr/bin/vastagent login' \
	/etc/profile.d/zz-vastagent.sh
check "root's first command starts the agent" in_instance vastagent addkey --name mate \
	"$(laptop_key mate)"
check "purged again" apt_get purge vastagent
expect_match "it names the key that gets in" 'still gets in as root: mate SHA256:' "$SEEN"
check "it gets in" gets_in mate root
expect_eq "the file has a plain line more" "$(laptop_key)
$(laptop_key mate | sed 's/ [^ ]*$/ mate/')" "$(in_instance cat /root/.ssh/authorized_keys)"
check "as the platform has it" platform refresh
expect_eq "everything else is as it was" "" \
	"$(picture_differences "$before" "$(picture)" | grep -v authorized_keys)"

note "where it may"
package_policy 0
check "it is installed" package_do -i /tmp/old.deb
expect_eq "the agent runs" 0.0.9 "$(agent .version)"
wait_until 20 in_instance grep -q '! -x /usr/bin/vastagent' /root/.bashrc ||
	fail "the platform's block stands back"
check "a key for root" in_instance vastagent addkey --name mate "$(laptop_key mate)"
check "a key for user" in_instance vastagent addkey --user user --name other "$(laptop_key other)"
term_ssh home one
term_wait home 'root@one:~#' 20
check "a login is in tmux" in_instance tmux has-session -t =ssh_tmux
in_instance sh -c 'printf "[agent]\nlog_level = debug\n" >>/etc/vastagent.conf'
pid=$(agent .pid)
check "the same again" package_do -i /tmp/old.deb
check "one agent runs" in_instance sh -c '[ "$(pgrep -cx vastagent-keep)" = 1 ]'

note "upgraded"
check "it is upgraded" apt_get install /tmp/new.deb
version=$(dpkg-deb -f "$NEW" Version)
expect_eq "the new agent runs" "$version" "$(agent .version)"
check_fails "the old one does not" any in_instance kill -0 "$pid"
check "a changed configuration is kept" in_instance grep -q 'log_level = debug' /etc/vastagent.conf
check "the session goes on" in_instance tmux has-session -t =ssh_tmux
term_type home 'echo still $((40 + 2))'
term_wait home 'still 42'
check "the mate gets in" gets_in mate root
check "the platform rewrites the file" platform refresh
check "the mate gets in still" wait_until 20 gets_in mate root
pid=$(agent .pid)
package_policy 101
check "where nothing may be started" package_do -i /tmp/new.deb
expect_eq "the agent runs on" "$pid" "$(agent .pid)"
package_policy 0
expect_eq "dpkg finds its files as they were, but for the configuration" \
	"??5?????? c /etc/vastagent.conf" "$(in_instance dpkg --verify vastagent)"

note "removed"
check "it is removed" apt_get remove vastagent
expect_match "it says that the keys stay" 'kept the keys of root' "$SEEN"
check "the agent is gone" agent_is_gone
check "root's mate gets in" gets_in mate root
check "user's, too" gets_in other user
expect_eq "nothing differs but the keys, what is known of them, and what is kept until purged" \
	"etc/systemd etc/vastagent.conf etc/vastagent.conf.dpkg-dist home/user/.ssh/authorized_keys
root/.ssh/authorized_keys var/lib/vastagent var/log/vastagent.log" \
	"$(picture_differences "$before" "$(picture)" |
		sed 's#^\(var/lib/vastagent\|etc/systemd\)/.*#\1#' | sort -u | xargs -n 4)"

note "installed again"
check "it is" package_do -i /tmp/new.deb
check "the keys are known still" in_instance vastagent keys
expect_match "by name" 'mate' "$SEEN"
check "the mate can be removed" in_instance vastagent rmkey mate
check_fails "and is refused" any gets_in mate root
check "and let in again" in_instance vastagent undo
check "a key for eight hours" in_instance vastagent addkey --for 8h --name guest "$(laptop_key guest)"

note "removed, then purged when the program is gone"
check "removed" package_do -r vastagent
check "purged" package_do -P vastagent
for key in 'root: mate' 'root: guest' 'user: other'; do
	expect_match "it names $key" "still gets in as $key SHA256:" "$SEEN"
done
for key in mate guest; do
	check "root's $key gets in" gets_in "$key" root
done
check "user's other gets in" gets_in other user
expect_no_match "no comment of the agent's is left" 'vastagent' \
	"$(in_instance cat /root/.ssh/authorized_keys /home/user/.ssh/authorized_keys)"
expect_match "the guest's time still ends" 'expiry-time="[0-9]*Z?"[^,]* .* guest' \
	"$(in_instance cat /root/.ssh/authorized_keys)"
expect_eq "nothing else differs" "home/user/.ssh/authorized_keys root/.ssh/authorized_keys" \
	"$(picture_differences "$before" "$(picture)" | xargs)"
expect_eq "no directory is left" "" "$(in_instance sh -c 'ls -d /run/vastagent \
	/var/lib/vastagent /var/lib/vastagent.removed /tmp/vastagent* /usr/share/vastagent 2>/dev/null')"
expect_eq "dpkg knows nothing of it" "" "$(in_instance dpkg-query -W vastagent 2>/dev/null)"

note "removed and purged, where things are broken"
check "installed, without sshd and tmux" in_instance sh -c 'mv /usr/sbin/sshd /usr/sbin/sshd.away
	mv /usr/bin/tmux /usr/bin/tmux.away; dpkg --force-unsafe-io -i /tmp/new.deb'
check "a key for root" in_instance vastagent addkey --name mate "$(laptop_key mate)"
check "a key for user" in_instance vastagent addkey --user user --name other "$(laptop_key other)"
check "removed, with a configuration that cannot be read and a home that is not safe" \
	in_instance sh -c 'echo nonsense >>/etc/vastagent.conf; chmod 777 /home/user
		dpkg --force-unsafe-io -r vastagent'
check "the agent is gone" agent_is_gone
check_fails "and the hook" any in_instance ls /etc/profile.d/zz-vastagent.sh
check "purged, when its libraries are gone" in_instance sh -c '
	printf "#!/bin/sh\nexit 127\n" >/tmp/broken; chmod 755 /tmp/broken
	ln -sf /tmp/broken /var/lib/vastagent.removed/vastagent
	dpkg --force-unsafe-io -P vastagent'
expect_match "it says whose keys get in still" 'authorized_keys of: root user' "$SEEN"
in_instance sh -c 'chmod 755 /home/user; mv /usr/sbin/sshd.away /usr/sbin/sshd
	mv /usr/bin/tmux.away /usr/bin/tmux'
check "the mate does" gets_in mate root
expect_eq "nothing else is left" "" "$(in_instance sh -c 'ls -d /run/vastagent \
	/var/lib/vastagent /var/lib/vastagent.removed /etc/vastagent.conf /var/log/vastagent.log 2>/dev/null')"

note "beside a program of the template's"
check "the platform writes its keys" platform refresh
check "installed" package_do -i /tmp/new.deb
check "the template's on-start" in_instance env VASTAGENT_BIN="$VASTAGENT_BUILD/vastagent" \
	"$SOURCE/onstart/onstart.sh"
expect_no_match "it has no problem" 'PROBLEM' "$SEEN"
expect_eq "the package's program is its own still" "" "$(in_instance dpkg --verify vastagent)"
check "the template's agent runs" wait_until 20 in_instance grep -q \
	'! -x /usr/local/bin/vastagent' /root/.bashrc
check "the template's is what logins run" in_instance grep -q '/usr/local/bin/vastagent login' \
	/etc/profile.d/zz-vastagent.sh
in_instance vastagent doctor >"$WORLD/doctor"
expect_match "doctor says which is used" 'there are two programs: /usr/local/bin/vastagent is' \
	"$(cat "$WORLD/doctor")"
check "a key" in_instance vastagent addkey --name mate "$(laptop_key mate)"
pid=$(agent .pid)
check_fails "uninstalling says what is first" 69 in_instance vastagent uninstall
check "upgraded" package_do -i /tmp/new.deb
check "purged" package_do -P vastagent
expect_eq "the template's agent runs on" "$pid" "$(agent .pid)"
check "with the hook" in_instance grep -q '/usr/local/bin/vastagent login' \
	/etc/profile.d/zz-vastagent.sh
check "and the keys" in_instance vastagent rmkey mate
check "installed beside it" package_do -i /tmp/new.deb
expect_eq "the template's agent runs on" "$pid" "$(agent .pid)"
check "removed" package_do -P vastagent
check "uninstalled" in_instance vastagent uninstall --keys
expect_eq "everything is as it was, but for the key that was left above" \
	home/user/.ssh/authorized_keys "$(picture_differences "$before" "$(picture)")"

note "a shell that comes later"
in_instance rm -r /usr/bin/fish /etc/fish
check "installed without fish" package_do -i /tmp/new.deb
check_fails "there is no hook for it" any in_instance ls /etc/fish
check "fish is installed" in_instance sh -c 'mkdir -p /tmp/fish/DEBIAN /tmp/fish/usr/bin
	printf "%s\n" "Package: fish-later" "Replaces: fish" "Version: 1" "Architecture: all" \
		"Maintainer: nobody <nobody@example.org>" "Description: fish" >/tmp/fish/DEBIAN/control
	cp /bin/true /tmp/fish/usr/bin/fish; dpkg-deb -b /tmp/fish /tmp/fish.deb &&
	dpkg --force-unsafe-io -i /tmp/fish.deb'
check "its hook is there" in_instance grep -q '/usr/bin/vastagent login' \
	/etc/fish/conf.d/vastagent.fish
