# shellcheck shell=bash
# The tables of sessions, and what runs and judges them in an instance. To be sourced
# behind lib/instance.sh; ends with the laptop ready and no instance started.
# shellcheck disable=SC2016 # what is typed is expanded where it is typed
# shellcheck disable=SC2034,SC2154 # what lib/instance.sh shares
SCREEN_COLUMNS=160 # no reason is wrapped
TABLE=$SOURCE/tests/scenario/session_table
AT_ONCE=3      # sessions of one instance; sshd starts to refuse at ten that are unknown
ROW_SECONDS=60 # more, and it hangs

# ---- the table of what programs do: name, exit status, all of its output ----

rows=()
declare -A row_status row_output
row()
{
	rows+=("$1")
	row_status[$1]=$2
	row_output[$1]=$3
}

script_output=$'5f0c1b7a: running\ntmux[]\nlisteningOn==127.0.0.1:35577==\n5f0c1b7a: end\n'
no_terminal=$'plain shell: a standard stream is not a terminal: input (rule: terminal)\n'
no_login_shell='plain shell: the parent process is not a login shell (rule: login-shell)'

row ssh_command 42 $'a  boops\n'
row ssh_explain 0 "$no_terminal"
row ssh_binary 0 $'same\n'
row ssh_stdin_left 0 $'one\ntwo\n'
row ssh_stderr 2 $'ls: cannot access \'/nowhere\': No such file or directory\n'
row ssh_environment 1 $'0\n'
row ssh_tt_command 3 $'tty\r\n'
row ssh_tt_explain 0 "$no_login_shell"$'\r\n'
row ssh_T_stdin 5 $'x[]\n'
row ssh_T_explain 0 "$no_terminal"
row ssh_many 0 $'1\n2\n3\n'
row ssh_tt_here 0 $'y[]\nplain shell: the terminal has no size, so nobody is looking at it (rule: window)\n'
row ssh_forward 0 $'SSH-2.0\n'
row ssh_W 0 'SSH-2.0-'
row ssh_J 0 $'jumped\n'
row ssh_master 0 $'first\n4\nsecond\n'
row scp_new 0 $'same\n'
row scp_old 0 $'same\n'
row sftp_batch 0 $'same\n'
row rsync_both 0 $'same\n'
row sshfs_mount 0 $'same\n'
row git_push 0 $'same\n'
row rclone_sftp 0 $'same\n'
row vscode_bash 7 "$script_output"
row vscode_sh 7 "$script_output"
row cursor 7 "$script_output"
row vscode_terminal 0 $'plain shell: this is the terminal of an editor: TERM_PROGRAM (rule: editor)\r\n'
row skypilot_T 6 $'sky[]\n'
row skypilot_tt 6 $'sky[]\n'
row plink_command 42 'a  b'
row plink_t_command 3 $'tty\r\n'
row pscp_sftp 0 $'same\n'
row pscp_scp 0 $'same\n'
row dbclient_command 42 'a  b'
row dbclient_t_command 3 $'tty\r\n'
row paramiko_exec 42 $'a  boops\n'
row paramiko_sftp 0 $'same\n'
row paramiko_shell 5 $'plain shell: TERM names a terminal that tmux is not used on: vt100 (rule: term)\ne[]42\n'
row mosh_bootstrap 0 $'MOSH CONNECT\n'
programs=("${rows[@]}")

# Programs that cannot be told from a person: they are attached, one after the other.
row paramiko_xterm 5 $'attached\n'
row pexpect_ssh 5 $'attached\n'
row plink_stdin 0 $'%0\n'
attached_programs=("${rows[@]:${#programs[@]}}")

# ---- running them ----

# run_row ACCOUNT NAME: leaves output and status in runs/HOST-ACCOUNT/NAME.*
run_row()
{
	local directory=/root/runs/$INSTANCE-$1/$2 results=$WORLD/runs/$INSTANCE-$1 status=0
	laptop mkdir -p "$directory"
	laptop env --chdir="$directory" HOST="$INSTANCE" TARGET="$1@$INSTANCE" ROW="$2" \
		PORT="$(cat "$WORLD/port-$INSTANCE-$2")" HOSTKEY="$(cat "$WORLD/hostkey-$INSTANCE")" \
		TERM=xterm-256color TABLE="$TABLE" \
		timeout -k 2 "$ROW_SECONDS" bash -c '. "$TABLE/rows.sh"; "$ROW"' \
		</dev/null >"$results/$2.output" 2>&1 || status=$?
	echo "$status" >"$results/$2.status"
}

# In a shell of its own, whose only children are the rows: the machines are ours.
run_rows()
(
	account=$1
	shift
	mkdir -p "$WORLD/runs/$INSTANCE-$account"
	for name; do
		while [ "$(jobs -pr | wc -l)" -ge "$AT_ONCE" ]; do
			wait -n
		done
		run_row "$account" "$name" &
	done
	wait
)

# judge ACCOUNT ROW...: what was left by run_rows is what the table says.
judge()
{
	local account=$1 name results=$WORLD/runs/$INSTANCE-$1 got status wrong=()
	shift
	for name; do
		got=$(cat "$results/$name.output" && echo .)
		status=$(cat "$results/$name.status")
		if [ "$got" = "${row_output[$name]}." ] && [ "$status" = "${row_status[$name]}" ]; then
			passed "$INSTANCE, $account: $name, its status and every byte"
		else
			wrong+=("$name: wanted ${row_status[$name]}, $(printf %q "${row_output[$name]}")"
				"$name: got    $status, $(printf %q "${got%.}")")
		fi
	done
	[ "${#wrong[@]}" -eq 0 ] || fail "$INSTANCE, $account: sessions as in the table" "${wrong[@]}"
}

# Every tmux client, whatever it is asked, makes this directory and leaves it there.
expect_no_tmux()
{
	local uid
	uid=$(in_instance id -u "$1")
	expect_eq "$INSTANCE, $1: no tmux was ever run" '' \
		"$(in_instance sh -c 'ls -d /tmp/tmux-'"$uid"' 2>/dev/null; pgrep -ax "tmux.*"')"
}

processes()
{
	in_instance ps -eo pid=,args= | grep -v 'ps -eo pid=,args=$'
}

nothing_new_runs()
{
	[ -z "$(comm -13 <(sort <<<"$1") <(processes | sort))" ]
}

expect_nothing_left()
{
	wait_until 10 nothing_new_runs "$1" ||
		fail "$INSTANCE: nothing is left running" "$(comm -13 <(sort <<<"$1") <(processes | sort))"
	passed "$INSTANCE: nothing is left running"
}

# programs_table ACCOUNT ROW...: the rows for one account, and what they leave behind.
programs_table()
{
	local before
	before=$(processes)
	in_instance_as "$1" sh -c 'cd && mkdir -p got'
	run_rows "$@"
	judge "$@"
	expect_no_tmux "$1"
	expect_nothing_left "$before"
}

# ---- what a person opens, in terminals ----

# plain RULE NAME COMMAND-TO-TYPE CMD...: a terminal that must show a plain shell.
declare -A plain_rule plain_type
plain()
{
	local rule=$1 name=$2 type=$3
	shift 3
	plain_names+=("$name")
	plain_rule[$name]=$rule
	plain_type[$name]=$type
	term_open "$INSTANCE-$name" "$@"
}

open_plain_terminals()
{
	local target=$1@$INSTANCE
	plain term dumb '' env TERM=dumb ssh "$target"
	plain term empty '' env TERM= ssh "$target"
	plain term unset '' env -u TERM ssh "$target"
	plain term vt100 '' env TERM=vt100 ssh "$target"
	plain login-shell named '' ssh -t "$target" bash
	plain login-shell login-shell '' ssh -t "$target" 'exec $SHELL -l'
	plain login-shell nested bash env TERM=dumb ssh "$target"
	plain environment variable '' ssh -o SetEnv=LC_NO_TMUX=1 "$target"
	plain terminal no-error '' ssh -t "$target" 'exec $SHELL -i 2>/dev/null'
	[ "$1" = root ] || return 0
	plain ssh su 'su -' env TERM=dumb ssh "$target"
	plain ssh su-user 'su - user' env TERM=dumb ssh "$target"
	plain ssh login '' ssh -t "$target" 'login -f root'
	plain ssh sudo-i 'sudo -i' env TERM=dumb ssh "$target"
	plain ssh sudo-s 'sudo -s' env TERM=dumb ssh "$target"
	plain ssh sudo-bash 'sudo bash' env TERM=dumb ssh "$target"
}

plain_terminals()
{
	local name before plain_names=()
	before=$(processes)
	open_plain_terminals "$1"
	for name in "${plain_names[@]}"; do
		[ -z "${plain_type[$name]}" ] || term_type "$INSTANCE-$name" "${plain_type[$name]}"
		term_type "$INSTANCE-$name" 'vastagent login --explain'
		term_wait "$INSTANCE-$name" "^plain shell: .* \(rule: ${plain_rule[$name]}\)\$"
		term_close "$INSTANCE-$name"
	done
	expect_no_tmux "$1"
	expect_nothing_left "$before"
}

# Inside tmux on the default server, then a plain shell on the same connection.
expect_attached()
{
	term_wait "$1" '^\[ssh_tmux'
	term_type "$1" 'echo in-$TMUX'
	term_wait "$1" '^in-/tmp//?tmux-[0-9]*/default,'
}

end_tmux()
{
	in_instance_as "$1" tmux kill-server
	wait_until 20 in_instance sh -c '! pgrep -x "tmux.*"' || fail "$INSTANCE: the tmux server ends"
}

# Before the message, what is typed is taken for the terminal's own answers to tmux.
leave_attached()
{
	end_tmux "$1"
	term_wait "$2" 'this is a plain shell$'
	term_type "$2" exit
	term_gone "$2"
	term_close "$2"
}

attached()
{
	local account=$1 name=$INSTANCE-$2
	shift 2
	term_open "$name" "$@"
	expect_attached "$name"
	leave_attached "$account" "$name"
}

# On the same machine and in tmux: tmux in tmux would show itself in itself.
ssh_to_self()
{
	local name=$INSTANCE-self
	term_open "$name" ssh "$1@$INSTANCE"
	expect_attached "$name"
	term_type "$name" "ssh -o StrictHostKeyChecking=no -i /tmp/key $1@$INSTANCE"
	term_wait "$name" 'Last login'
	term_type "$name" 'vastagent login --explain'
	term_wait "$name" '^plain shell: .* \(rule: loop\)$'
	leave_attached "$1" "$name"
}

named_session()
{
	local name=$INSTANCE-by-name
	term_open "$name" ssh -t "$1@$INSTANCE" 'tmux new -A -s ssh_tmux'
	expect_attached "$name"
	end_tmux "$1"
	term_gone "$name"
	term_close "$name"
}

attached_terminals()
{
	local account=$1 target=$1@$INSTANCE before name
	before=$(processes)
	attached "$account" ssh ssh "$target"
	attached "$account" ghostty env TERM=xterm-ghostty ssh "$target"
	attached "$account" dbclient dbclient -y -y -i /root/.ssh/id.dropbear "$target"
	attached "$account" plink plink -no-antispoof -hostkey "$(cat "$WORLD/hostkey-$INSTANCE")" -i /root/.ssh/id.ppk "$target"
	attached "$account" mosh env LANG=C.UTF-8 mosh "$target"
	named_session "$account"
	ssh_to_self "$account"
	for name in "${attached_programs[@]}"; do
		run_rows "$account" "$name"
		judge "$account" "$name"
		wait_until 20 in_instance sh -c '! pgrep -x "tmux.*"'
	done
	expect_nothing_left "$before"
}

# ---- terminals and jobs that no SSH has opened ----

# below_init RULE WHAT CMD...
below_init()
{
	expect_match "$INSTANCE: $2 is a plain shell ($1)" "plain shell: .* \(rule: $1\)" \
		"$(in_instance timeout 10 "${@:3}" </dev/null 2>&1)"
}

# Where nothing may differ but how the shell starts: one row a way of starting it.
some_programs=(ssh_command ssh_tt_command ssh_T_stdin ssh_tt_here scp_old sftp_batch rsync_both
	vscode_bash cursor skypilot_tt mosh_bootstrap)

some_sessions()
{
	programs_table "$1" "${some_programs[@]}"
	attached "$1" ssh ssh "$1@$INSTANCE"
}

without_ssh()
{
	local inner='vastagent login --explain; true' from_ssh
	from_ssh=(env "SSH_CONNECTION=192.0.2.1 1 192.0.2.2 22" SSH_TTY=/dev/pts/99 TERM=xterm)
	below_init ssh "Jupyter's terminal" script -qec "TERM=xterm bash -lic '$inner'" /dev/null
	below_init login-shell "one of a Jupyter that a session started" \
		"${from_ssh[@]}" script -qec "bash -lic '$inner'" /dev/null
	below_init ssh-terminal "one that calls itself a login shell" \
		"${from_ssh[@]}" script -qec "bash -c 'stty rows 24 cols 80; exec -a -bash bash -ic \"$inner\"'" /dev/null
	below_init terminal "supervisor's job" setsid sh -c "$inner"
	below_init terminal "a job's login shell" setsid bash -lc "$inner"
	expect_no_tmux root
}

# ---- the instances ----

laptop_prepare()
{
	laptop_key >/dev/null
	laptop sh -c 'head -c 200000 /dev/urandom >blob
		puttygen .ssh/id_ed25519 -o .ssh/id.ppk
		dropbearconvert openssh dropbear .ssh/id_ed25519 .ssh/id.dropbear 2>&1'
	laptop mknod /dev/fuse c 10 229
}

# start_kind NAME OPTION...: an instance whose program is there, but neither hook nor agent.
start_kind()
{
	local i=0 name
	instance_start "$1" --user yes --stage spread_keys "${@:2}"
	ssh-keygen -lf "$WORLD/machines/$1/files/etc/ssh/ssh_host_ed25519_key.pub" | cut -d ' ' -f 2 \
		>"$WORLD/hostkey-$1"
	for name in "${rows[@]}"; do
		echo $((20000 + 100 * instances_made + i++)) >"$WORLD/port-$1-$name"
	done
	in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
	# A message of the day is printed to programs that bring no command, too.
	in_instance sh -c ': >/etc/motd; rm -f /etc/update-motd.d/* /run/motd.dynamic'
	laptop sh -c "ssh-keyscan -t ed25519 $1 >>.ssh/known_hosts 2>/dev/null"
}
# The agent is there: hook in place, the platform's block stands back.
start_agent()
{
	in_instance "$SOURCE/onstart/hook.sh" install >/dev/null
	in_instance vastagent start >/dev/null || fail "$INSTANCE: the agent starts"
	wait_until 20 in_instance sh -c '! grep -q ssh_tmux .bashrc || grep -qF "[ ! -x " .bashrc' ||
		fail "$INSTANCE: the platform's block stands back" "$(in_instance cat .bashrc)"
	in_instance sh -c 'umask 077; cat >/tmp/key' < <(laptop cat .ssh/id_ed25519)
}

# side_by_side FUNCTION INSTANCE...: in each, at once; what they print comes in order.
side_by_side()
{
	local call=$1 name pid pids=() status=0
	shift
	for name; do
		(instance_use "$name" && "$call") >"$WORLD/$call-$name.log" 2>&1 &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || status=1
	done
	for name; do
		note "$name"
		cat "$WORLD/$call-$name.log"
	done
	[ "$status" -eq 0 ] || exit 1
}

laptop_start
laptop_prepare
