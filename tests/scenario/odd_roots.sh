#!/bin/bash
# Images that are no distribution's, assembled here: one that is busybox, with dropbear, then
# with tmux, then with no ssh server at all; and one whose /etc was written by hand, without an
# /etc/profile, where the login shells are bash, zsh and fish. The on-start has nothing to complain of but what is missing,
# keys get in, a login is a shell (in tmux where there is one), and an uninstall leaves
# everything as it was.
# shellcheck disable=SC2016 # what is typed is expanded where it is typed
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
# shellcheck source=tests/scenario/lib/picture.sh
. "$(dirname "$0")/lib/picture.sh"
roots=$WORLD/odd

# What the tests run in an instance, and that its own programs are no match for.
tools=/opt/tools
PATH=$tools:$PATH

# ---- the roots ----

# accounts ROOT SHELL: /etc, written by hand.
accounts()
{
	mkdir -p "$1"/{etc/ssh,root,home/user}
	printf 'NAME=odd\nPRETTY_NAME="%s"\n' "$(basename "$1")" >"$1/etc/os-release"
	cat >"$1/etc/passwd" <<-END
		root:x:0:0:root:/root:$2
		sshd:x:100:65534::/run/sshd:/bin/false
		user:x:1001:1001::/home/user:$2
	END
	printf '%s:*:19000:0:99999:7:::\n' root sshd user >"$1/etc/shadow"
	printf '%s\n' root:x:0: user:x:1001: nogroup:x:65534: >"$1/etc/group"
	chmod 640 "$1/etc/shadow"
	chmod 700 "$1/root"
	chown 1001:1001 "$1/home/user"
}

# put ROOT DIRECTORY PROGRAM...: this machine's programs, in that directory of the root, and the
# libraries that they are linked to. Nothing is ever written through a link of the root's,
# which may name a file of this machine.
put()
{
	local root=$1 directory=$2
	shift 2
	mkdir -p "$root$directory"
	cp -L --remove-destination -t "$root$directory" "$@"
	ldd "$@" 2>/dev/null | grep -o '/[^ :]*\.so[^ :]*' | sort -u |
		xargs cp -L --remove-destination --parents -t "$root"
}

busybox_root()
{
	local root=$roots/busybox applet
	mkdir -p "$root"/{sbin,usr/bin,usr/local/bin,dev,proc,run,sys,tmp,var/log,etc/dropbear}
	accounts "$root" /bin/sh
	put "$root" /bin /bin/busybox /bin/bash
	put "$root" /usr/sbin /usr/sbin/dropbear
	put "$root" /opt/later /usr/bin/tmux
	put "$root" "$tools" /usr/bin/{env,setpriv}
	for applet in $(busybox --list-full); do
		[ -e "$root/$applet" ] || ln -sr "$root/bin/busybox" "$root/$applet"
	done
	cp -r --parents /usr/lib/locale/C.utf8 /lib/terminfo "$root"
	# Alpine's, as far as it matters.
	cat >"$root/etc/profile" <<-'END'
		export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		for script in /etc/profile.d/*.sh; do
			[ ! -r "$script" ] || . "$script"
		done
	END
}

# This machine's programs, and nothing of its /etc.
bare_root()
{
	local root=$roots/bare-$1 directory
	accounts "$root" "$(command -v "$1")"
	for directory in etc root home; do
		setfattr -n trusted.overlay.opaque -v y "$root/$directory"
	done
	: >"$root/etc/ssh/sshd_config"
	# Without these, zsh asks a new user questions, and fish reads all manual pages.
	touch "$root"/{root,home/user}/.zshrc
	mkdir -p "$root"/{root,home/user}/.local/share/fish/generated_completions
	chown -R 1001:1001 "$root/home/user"
}

# ---- what holds in each ----

mate_gets_in()
{
	laptop ssh -i /root/.ssh/mate -o IdentitiesOnly=yes "$1@$INSTANCE" true
}

# on_start [PROBLEM]: the one that it may have.
on_start()
{
	check "$INSTANCE: the on-start" in_instance "$VASTAGENT_BUILD/vastagent" onstart
	expect_eq "$INSTANCE: its problems" "${1:-}" \
		"$(sed -n 's/^vastagent: PROBLEM: \([^;,]*\).*/\1/p' <<<"$SEEN")"
	expect_no_match "$INSTANCE: and nothing is missing" 'not found|No such file|applet' "$SEEN"
	expect_match "$INSTANCE: it reports" 'keys that get in:' "$SEEN"
}

keys()
{
	local account
	for account in root user; do
		check "$INSTANCE: a key of $account's" in_instance vastagent addkey --user "$account" "$(laptop_key mate)"
		check "$INSTANCE: gets in" mate_gets_in "$account"
	done
	laptop_key | in_instance sh -c 'cat >/root/.ssh/authorized_keys'
	check "$INSTANCE: the platform writes the file anew, and it gets in still" wait_until 20 mate_gets_in root
}

# login ACCOUNT REGEX: what its terminal shows, and that a shell answers there.
login()
{
	local name=$INSTANCE-$1
	term_open "$name" ssh -i /root/.ssh/mate -o IdentitiesOnly=yes "$1@$INSTANCE"
	term_wait "$name" "$2" 20
	term_type "$name" 'echo "in $(echo this shell)"'
	term_wait "$name" '^in this shell' 20
	term_close "$name"
}

# What a home keeps: a file of keys that was made for a key stands empty. What fish writes for itself is fish's.
uninstall()
{
	check "$INSTANCE: uninstall --keys" in_instance vastagent uninstall --keys
	expect_eq "$INSTANCE: everything is as it was" \
		home/user/.ssh/authorized_keys \
		"$(picture_differences "$before" "$(picture)" | grep -v /fish/ | xargs)"
	check "$INSTANCE: no key is left" in_instance test ! -s /home/user/.ssh/authorized_keys
}

# ---- the stories ----

busybox_story()
{
	instance_start busybox --root "$roots/busybox" \
		--on-start 'dropbear -R -p 22; rm /bin/bash'
	check "busybox: dropbear lets the renter in, and makes its host key" laptop_ssh busybox true
	before=$(picture)
	on_start 'there is no tmux here'
	keys
	login root '^~ #$'
	login user '^~ \$$'
	check "busybox: doctor finds that dropbear lets the key in" \
		in_instance vastagent doctor "$(laptop_key mate)"
	expect_match "busybox: and that it is dropbear" 'server here is dropbear' "$SEEN"
	in_instance mv /opt/later/tmux /usr/bin
	on_start
	login root '^\[ssh_tmux\]'
	login user '^\[ssh_tmux\]'
	in_instance sh -c 'killall tmux dropbear; rm /usr/sbin/dropbear'
	on_start
	check_fails "busybox: doctor" 1 in_instance vastagent doctor
	expect_match "busybox: misses the server" 'no ssh server' "$SEEN"
	expect_no_match "busybox: and has nothing to say of its settings, or an apt-get" \
		'password|apt-get' "$SEEN"
	uninstall
}

shell_story()
{
	bare_root "$1"
	instance_start "$1" --root "$roots/bare-$1:/"
	before=$(picture)
	on_start
	keys
	login root '^\[ssh_tmux\]'
	login user '^\[ssh_tmux\]'
	uninstall
}

busybox_root
busybox_story
shell_story bash
shell_story zsh
shell_story fish
