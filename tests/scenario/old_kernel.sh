#!/bin/bash
# The program on a kernel 4.15, which has none of the system calls that came later, and in a
# container whose runtime forbids the calls that it does not know (EPERM, as Docker did before
# 20.10.10): whatever vastagent runs, tmux included, is traced, and such a call fails.
# shellcheck disable=SC2016 # what is typed is expanded where it is typed
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

# The numbers from 424 on are the same on all machines; before them came io_pgetevents and
# rseq. statx(2) is older, but 4.15's cannot tell a mount, which the C library's own way for
# a kernel without it cannot, either.
young="statx,?io_pgetevents,?rseq,$(seq -f '?%g' -s , 424 469)"

# install_under ERROR: a vastagent whose young calls fail with it. It stays its parent's child
# (-D), since the login hook looks at that; the tracer of an agent outlives the command that
# started it, and must not keep that command's output open.
install_under()
{
	in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /opt/vastagent
	in_instance mkdir -m 1777 /tmp/calls
	in_instance sh -c 'cat >/usr/local/bin/vastagent; chmod 755 /usr/local/bin/vastagent' <<-END
		#!/bin/sh
		set -- strace -D -f -qq -A -o /tmp/calls/\$\$ -e signal=none -e "trace=$young" \\
			-e "inject=$young:error=$1" /opt/vastagent "\$@"
		case " \$* " in
		*' start '*) "\$@" >/tmp/said 2>&1 </dev/null; status=\$?; cat /tmp/said; exit "\$status" ;;
		esac
		exec "\$@"
	END
}

mate_gets_in()
{
	laptop ssh -i /root/.ssh/mate -o IdentitiesOnly=yes "$@" true
}

restored()
{
	in_instance grep -q mate /root/.ssh/authorized_keys
}

login_with_ENOSYS()
{
	term_wait login '^\[ssh_tmux\]' 30
}

# It is the image's tmux that does not run there.
login_with_EPERM()
{
	term_wait login 'vastagent: tmux could not show the session; this is a plain shell' 30
}

# It finds what is to be known, which is status 1 at most.
doctor_runs()
{
	local status=0
	in_instance vastagent doctor || status=$?
	[ "$status" -le 1 ]
}

story()
{
	local how=$1
	check "$how: the on-start" in_instance sh "$SOURCE/onstart/onstart.sh"
	expect_no_match "$how: without a problem" 'PROBLEM' "$SEEN"
	check "$how: a key is added" in_instance vastagent addkey --name mate "$(laptop_key mate)"
	check "$how: and gets in" mate_gets_in "$box"
	platform refresh --rename
	check "$how: it is restored" wait_until 20 restored
	check "$how: another account's" in_instance vastagent addkey --user user "$(laptop_key mate)"
	check "$how: gets in, too" mate_gets_in "user@$box"
	term_ssh login "$box"
	"login_with_$how" "$how"
	term_type login 'echo "gpus $GPU_COUNT"'
	term_wait login '^gpus 2$' 30
	expect_eq "$how: sessions" 1 "$(in_instance vastagent sessions --json | jq '.sessions | length')"
	check "$how: forwards" in_instance vastagent forwards
	check "$how: services" in_instance vastagent services
	expect_match "$how: with their program" 'sshd' "$SEEN"
	check "$how: doctor runs" doctor_runs
	machine_enter "$box" sh -c 'mount --bind /root/.ssh/authorized_keys /root/.ssh/authorized_keys'
	check "$how: a key in a file that is mounted" in_instance vastagent addkey "$(laptop_key other)"
	expect_match "$how: is added" 'added other' "$SEEN"
	check "$how: a long file is listed" in_instance sh -c 'for i in $(seq 3000); do
		echo "# $i"; sed -n 1p /root/.ssh/authorized_keys; done >/tmp/many
		cat /tmp/many >>/root/.ssh/authorized_keys; vastagent keys --json | grep -c renter >/dev/null'
	check "$how: a key is removed" in_instance vastagent rmkey mate
	check_fails "$how: and gone" any mate_gets_in "$box"
	check "$how: uninstall" in_instance vastagent uninstall
	term_close login
}

for error in ENOSYS EPERM; do
	box=${error,,}
	instance_start "$box" --user yes
	install_under "$error"
	story "$error"
	check "$error: it was without the younger calls" in_instance sh -c \
		'grep -q "close_range.*$1.*INJECTED" /tmp/calls/* && grep -q "statx.*$1.*INJECTED" /tmp/calls/*' \
		- "$error"
	note "$(in_instance sh -c 'cat /tmp/calls/*' | grep -o '[a-z0-9_]*(' | sort | uniq -c | tr -s ' \n' ' ')"
	instance_end
done
