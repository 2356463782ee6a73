#!/bin/bash
# What the platform does to an instance, run inside it.
#
#   boot [OPTION...]   as process 1 starts: keys, tmux block, on-start text, sshd
#       --bashrc unguarded|guarded|none  Debian's root .bashrc; one that returns early
#                              where it is not interactive; no block at all (unguarded)
#       --endless              the on-start text's last line never returns: sshd starts
#                              beside it
#       --keys early|late|never  when authorized_keys is written: before the on-start
#                              text; after it began; by no one (early)
#       --stage NAME           a boot stage of the platform's images, which the end of
#                              the on-start text runs; may be repeated
#       --user yes             an account "user" (uid 1001, gid 0), as in those images
#   refresh [--rename|--unlink] [--keys FILE]
#                      write authorized_keys again, in place or by those means, from
#                      the instance's own keys or from FILE
#   stage NAME         environment | move_ssh | spread_keys
set -u
keys_file=/root/.ssh/authorized_keys

# A value of process 1's environment: only there do the instance's variables stand.
instance_variable()
{
	local entry
	while IFS= read -r -d '' entry; do
		[ "${entry%%=*}" != "$1" ] || printf '%s' "${entry#*=}"
	done </proc/1/environ
}

# ---- keys ----

make_keys_directory()
{
	mkdir -p /root/.ssh
	chmod 700 /root/.ssh
}

platform_keys()
{
	if [ -n "$1" ]; then
		cat "$1"
	else
		printf '%s\n' "$(instance_variable SSH_PUBLIC_KEY)"
	fi
}

refresh()
{
	local how='' from=''
	while [ $# -gt 0 ]; do
		case $1 in
		--keys)
			from=$2
			shift
			;;
		*) how=$1 ;;
		esac
		shift
	done
	make_keys_directory
	case $how in
	--rename)
		platform_keys "$from" >"$keys_file.new"
		chmod 600 "$keys_file.new"
		mv -f "$keys_file.new" "$keys_file"
		;;
	--unlink)
		rm -f "$keys_file"
		platform_keys "$from" >"$keys_file"
		;;
	*) platform_keys "$from" >"$keys_file" ;;
	esac
	chmod 600 "$keys_file"
}

# ---- /root/.bashrc ----

write_tmux_block()
{
	[ "$1" != none ] || return 0
	if [ "$1" = guarded ] && [ ! -e /root/.bashrc.platform ]; then
		cp /etc/skel/.bashrc /root/.bashrc
	fi
	grep -qs ssh_tmux /root/.bashrc || cat >>/root/.bashrc <<-'END'
		if [[ -z "$TMUX" && -n "$SSH_CONNECTION" && ! -e ~/.no_auto_tmux ]]; then
			tmux attach-session -t ssh_tmux || tmux new-session -s ssh_tmux
			exit
		fi
	END
}

# ---- the boot stages of the platform's images ----

# 10: truncated and written at the first boot and on a clone.
stage_environment()
{
	local id
	id=$(instance_variable CONTAINER_ID)
	grep -qsx "CONTAINER_ID=\"$id\"" /etc/environment && return
	: >/etc/environment
	env | sed -n 's/^\([A-Za-z_][A-Za-z_0-9]*\)=\(.*\)$/\1="\2"/p' >>/etc/environment
}

# 35: without -T, as there: if /root/.ssh came back in between, the link lands in it. The
# modes are what mkdir is told there, whatever the boot's umask.
stage_move_ssh()
{
	umask 022
	[ ! -L /root/.ssh ] || return 0
	mkdir -p /workspace/home/root
	[ ! -e /root/.ssh ] || mv /root/.ssh /workspace/home/root/.ssh
	mkdir -p /workspace/home/root/.ssh
	chmod 700 /workspace/home/root/.ssh
	ln -s /workspace/home/root/.ssh /root/.ssh
}

# 46: every line that is missing, comments included; nothing is ever taken out.
stage_spread_keys()
{
	local home line file
	for home in /home/*/; do
		file=$home.ssh/authorized_keys
		mkdir -p "$home.ssh"
		touch "$file"
		while IFS= read -r line; do
			grep -qxF -- "$line" "$file" || printf '%s\n' "$line" >>"$file"
		done <"$keys_file"
		chown -R --reference="$home" "$home.ssh"
		chmod 700 "$home.ssh"
		chmod 600 "$file"
	done
}

run_stages()
{
	local stage
	for stage; do
		"stage_$stage"
	done
}

# ---- boot ----

make_user()
{
	! grep -q ^user: /etc/passwd || return 0
	echo 'user:x:1001:0::/home/user:/bin/bash' >>/etc/passwd
	echo 'user:*:19000:0:99999:7:::' >>/etc/shadow
	cp -r /etc/skel /home/user
	chown -R 1001:0 /home/user
}

# The on-start text and what an image's entrypoint does after it.
on_start()
{
	cd /root || return
	bash /root/onstart.sh
	run_stages "${stages[@]}"
	if [ "$endless" = yes ]; then
		exec sleep infinity
	fi
}

# Until the on-start text is over, or for one second where it never will be.
late_keys()
{
	if [ "$endless" = yes ]; then
		sleep 1
	else
		wait "$1"
	fi
	refresh
}

# Before 8.2 sshd knows no Include, and the first value of a keyword counts.
configure_sshd()
{
	local own=/etc/ssh/sshd_config.d/platform.conf main=/etc/ssh/sshd_config
	if grep -q '^Include /etc/ssh/sshd_config.d' "$main"; then
		printf '%s no\n' "$@" >"$own"
	elif ! grep -q "^$1 no" "$main"; then
		{ printf '%s no\n' "$@" && cat "$main"; } >"$main.new"
		mv "$main.new" "$main"
	fi
}

# Keys only: the platform allows no passwords. From 9.8 on sshd shuts an address out for a
# while after refused logins; those that a story has refused come from one.
start_sshd()
{
	local off=(PasswordAuthentication KbdInteractiveAuthentication)
	[ -x /usr/sbin/sshd ] || return 0
	mkdir -p /run/sshd
	! /usr/sbin/sshd -t -o PerSourcePenalties=no 2>/dev/null || off+=(PerSourcePenalties)
	configure_sshd "${off[@]}"
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /usr/sbin/sshd
}

boot()
{
	local bashrc=unguarded keys=early user=no started
	endless=no stages=()
	while [ $# -gt 0 ]; do
		case $1 in
		--bashrc) bashrc=$2 ;;
		--endless)
			endless=yes
			shift
			continue
			;;
		--keys) keys=$2 ;;
		--stage) stages+=("$2") ;;
		--user) user=$2 ;;
		esac
		shift 2
	done
	[ "$user" = no ] || make_user
	[ "$keys" != early ] || refresh
	write_tmux_block "$bashrc"
	on_start &
	started=$!
	[ "$keys" != late ] || late_keys "$started"
	[ "$endless" = yes ] || wait "$started"
	touch /root/hasbooted
	start_sshd
}

verb=$1
shift
case $verb in
boot) boot "$@" ;;
refresh) refresh "$@" ;;
stage) run_stages "$@" ;;
*)
	echo "platform.sh: no such verb: $verb" >&2
	exit 64
	;;
esac
