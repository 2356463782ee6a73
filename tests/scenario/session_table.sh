#!/bin/bash
# Every kind of session, with the real clients: what a person opens lands in tmux, and
# what a program opens prints the bytes and ends with the status that it would have
# where there is neither vastagent nor the platform's tmux block. Here: root with bash,
# with the platform's block and without, on .bashrc files that return early or do not.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
# shellcheck source=tests/scenario/session_table/lib.sh
. "$SOURCE/tests/scenario/session_table/lib.sh"

# One run for all of them: it is by far the slowest client to start.
ansible_table()
{
	local name want='' got
	got=$(laptop env ANSIBLE_HOST_KEY_CHECKING=no ANSIBLE_PYTHON_INTERPRETER=/usr/bin/python3 \
		ANSIBLE_SSH_CONTROL_PATH=/root/control-%%h ansible-playbook -f 4 -u root \
		-i "$(printf '%s,' "$@")" "$TABLE/ansible.yml" 2>&1) || fail "Ansible's playbook" "$got"
	for name; do
		laptop ssh -S "/root/control-$name" -O exit "$name" 2>/dev/null
		want+="$name piped"$'\n'"$name raw shell[] 9"$'\n'
	done
	expect_eq "Ansible: raw, copy, shell with and without a terminal, pipelining" \
		"$(sort <<<"${want%$'\n'}")" "$(sed -n 's/^  *"msg": "\(.*\)"$/\1/p' <<<"$got" | sort)"
	for name; do
		instance_use "$name"
		expect_no_tmux root
	done
}

whole_table()
{
	if [ "$INSTANCE" = shlvl ]; then
		some_sessions root
		return
	fi
	programs_table root "${programs[@]}"
	plain_terminals root
	without_ssh
	attached_terminals root
}

kinds=(none guarded unguarded shlvl)
start_kind none --bashrc none
start_kind guarded --bashrc guarded
start_kind unguarded --bashrc unguarded
start_kind shlvl --bashrc unguarded --on-start 'env >>/etc/environment'

note "before vastagent, the platform's block is in the way"
instance_use unguarded
check_fails "a command fails" any laptop_ssh unguarded true
check "and what tells that tmux was run is there" in_instance rm -r /tmp/tmux-0
instance_use shlvl
expect_eq "SHLVL of /etc/environment keeps bash from reading .bashrc" ok \
	"$(laptop_ssh shlvl 'printf ok')"
side_by_side start_agent "${kinds[@]}"
ansible_table "${kinds[@]}"
side_by_side whole_table "${kinds[@]}"
