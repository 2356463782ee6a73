# shellcheck shell=bash
# What programs do over SSH, as they do it: each function is one client's session, run on
# the laptop in an empty directory. Its output and status are what is looked at.
#
# Variables: HOST, TARGET (account@HOST), PORT (a local port of its own), HOSTKEY (the
# fingerprint PuTTY wants), ROW (the function's name); /root/blob is the file that is
# carried, and what comes to the instance is put at got/ROW there.
# shellcheck disable=SC2016,SC2029 # which side expands what is meant so

# ---- commands ----

ssh_command() { ssh "$TARGET" 'printf "a  b"; echo oops >&2; exit 42'; }
ssh_explain() { ssh "$TARGET" 'vastagent login --explain'; }
ssh_binary() { ssh "$TARGET" cat </root/blob >back; cmp back /root/blob && echo same; }
ssh_stdin_left() { printf 'one\ntwo\n' | ssh "$TARGET" 'head -c 4; cat'; }
ssh_stderr() { { ssh "$TARGET" 'ls /nowhere' >/dev/null; } 2>&1; }
ssh_environment() { ssh "$TARGET" 'env | grep -c -e ^TMUX -e vastagent_login'; }
ssh_tt_command() { ssh -tt "$TARGET" 'test -t 0 && echo tty; exit 3'; }
ssh_tt_explain() { ssh -tt "$TARGET" 'vastagent login --explain; true'; }
ssh_T_stdin() { echo 'echo "x[$TMUX]"; exit 5' | ssh -T "$TARGET"; }
ssh_T_explain() { echo 'vastagent login --explain' | ssh -T "$TARGET"; }
ssh_many() {
	local i
	for i in 1 2 3; do
		ssh "$TARGET" "echo $i" >"$i" &
	done
	wait
	cat 1 2 3
}

# Carriage returns, and what readline says of bracketed paste.
without_escapes() { sed 's/\x1b\[[0-9;?]*[a-z]//g' | tr -d '\r'; }

# Nobody looks at a terminal without a size. Echo and prompt are in the output, too.
ssh_tt_here()
{
	ssh -tt "$TARGET" <<-'END' | without_escapes | grep -e '^y' -e '^plain shell'
		echo "y[$TMUX]"
		vastagent login --explain
		exit
	END
}

# ---- forwarding, no shell at all ----

ssh_forward()
{
	ssh -f -N -M -S control -o ExitOnForwardFailure=yes -L "$PORT:127.0.0.1:22" "$TARGET"
	(read -r banner <"/dev/tcp/127.0.0.1/$PORT" && echo "${banner%%-Open*}")
	ssh -S control -O exit "$TARGET" 2>/dev/null
}
ssh_W() { ssh -W 127.0.0.1:22 "$TARGET" </dev/null | head -c 8; }
ssh_J()
{
	ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -J "$TARGET" \
		"${TARGET%@*}@127.0.0.1" 'echo jumped'
}

ssh_master()
{
	ssh -f -N -M -S control "$TARGET"
	ssh -S control "$TARGET" 'echo first; exit 4' || echo "$?"
	ssh -tt -S control "$TARGET" 'echo second'
	ssh -S control -O exit "$TARGET" 2>/dev/null
}

# ---- transfers ----

scp_new()
{
	scp -q /root/blob "$TARGET:got/$ROW" && scp -q "$TARGET:got/$ROW" back &&
		cmp back /root/blob && echo same
}
scp_old()
{
	scp -qO /root/blob "$TARGET:got/$ROW" && scp -qO "$TARGET:got/$ROW" back &&
		cmp back /root/blob && echo same
}
sftp_batch()
{
	printf '%s\n' "put /root/blob got/$ROW" "get got/$ROW back" | sftp -q -b - "$TARGET" >/dev/null &&
		cmp back /root/blob && echo same
}
rsync_both()
{
	rsync -a -e ssh /root/blob "$TARGET:got/$ROW" && rsync -a "$TARGET:got/$ROW" back &&
		cmp back /root/blob && echo same
}
sshfs_mount()
{
	mkdir mounted
	sshfs "$TARGET:" mounted && cp /root/blob "mounted/got/$ROW" && cmp "mounted/got/$ROW" /root/blob
	fusermount3 -u mounted && echo same
}
git_push()
{
	ssh "$TARGET" "git init -q --bare got/$ROW.git" && git init -q work && cp /root/blob work/ &&
		git -C work add blob && git -C work -c user.name=a -c user.email=a@b commit -qm one &&
		git -C work push -q "$TARGET:got/$ROW.git" HEAD:refs/heads/main &&
		git clone -q -b main "$TARGET:got/$ROW.git" copy && cmp copy/blob /root/blob && echo same
}
rclone_sftp()
{
	local remote=":sftp,host=$HOST,user=${TARGET%@*},key_file=/root/.ssh/id_ed25519:"
	rclone copyto /root/blob "${remote}got/$ROW" 2>/dev/null &&
		rclone copyto "${remote}got/$ROW" back 2>/dev/null && cmp back /root/blob && echo same
}

# ---- editors and launchers ----

# VS Code writes such a script to the command's input and reads until the end mark.
remote_script()
{
	printf '%s\n' 'uuid=5f0c1b7a' 'echo "$uuid: running"' 'echo "tmux[$TMUX]"' \
		'(sleep 0.1; echo "listeningOn==127.0.0.1:35577==") & wait' \
		'echo "$uuid: end"' 'exit 7'
}
vscode_bash() { remote_script | ssh -T -D "$PORT" -o ConnectTimeout=15 "$TARGET" bash; }
vscode_sh() { remote_script | ssh -T -D "$PORT" "$TARGET" sh; }
cursor() { remote_script | ssh -T -D "$PORT" "$TARGET" bash --login -c bash; }

# A pty below the server, which an ssh session without a terminal has started.
vscode_terminal()
{
	ssh -T "$TARGET" bash <<-'END'
		script -qec 'env TERM=xterm-256color TERM_PROGRAM=vscode VSCODE_IPC_HOOK_CLI=/x \
			bash --init-file /dev/null -ic "vastagent login --explain; true"' /dev/null
	END
}

# SkyPilot's runner: the whole command is one word for the shell over there, and the
# user's .bashrc is sourced in it. Without a terminal, bash -i complains of that, twice.
skypilot()
{
	ssh "$1" -o ControlMaster=auto -o ControlPath=control -o ControlPersist=300s "$TARGET" \
		"bash --login -c -i 'true && source ~/.bashrc && export OMP_NUM_THREADS=1 PYTHONWARNINGS=ignore && (echo \"sky[\$TMUX]\"; exit 6)' 2>&1" |
		grep -v '^bash: '
	local status=${PIPESTATUS[0]}
	ssh -o ControlPath=control -O exit "$TARGET" 2>/dev/null
	return "$status"
}
skypilot_T() { skypilot -T; }
skypilot_tt() { skypilot -tt; }

# ---- other clients ----

plink_command() { putty plink 'printf "a  b"; exit 42'; }
plink_t_command() { putty plink -t 'test -t 0 && echo tty; exit 3'; }
putty()
{
	local program=$1
	shift
	"$program" -batch -ssh -hostkey "$HOSTKEY" -i /root/.ssh/id.ppk "${@:1:$#-1}" "$TARGET" \
		"${@: -1}"
}
pscp_file()
{
	pscp -q -batch "$1" -hostkey "$HOSTKEY" -i /root/.ssh/id.ppk /root/blob "$TARGET:got/$ROW" &&
		pscp -q -batch "$1" -hostkey "$HOSTKEY" -i /root/.ssh/id.ppk "$TARGET:got/$ROW" back &&
		cmp back /root/blob && echo same
}
pscp_sftp() { pscp_file -sftp; }
pscp_scp() { pscp_file -scp; }
dbclient_command() { dbclient -y -y -i /root/.ssh/id.dropbear "$TARGET" 'printf "a  b"; exit 42' 2>/dev/null; }
dbclient_t_command()
{
	mkfifo input # a terminal at which nobody types
	script -qec "dbclient -t -y -y -i /root/.ssh/id.dropbear $TARGET 'test -t 0 && echo tty; exit 3' \
		2>/dev/null" /dev/null <>input
}
paramiko_exec() { /usr/bin/python3 "$TABLE/paramiko_client.py" exec; }
paramiko_sftp() { /usr/bin/python3 "$TABLE/paramiko_client.py" sftp; }
paramiko_shell()
{
	set -o pipefail
	/usr/bin/python3 "$TABLE/paramiko_client.py" shell vt100 | without_escapes |
		grep -e '^plain shell' -e '^e\['
}

# Programs that cannot be told from a person: they are attached, and what they type runs.
paramiko_xterm() { /usr/bin/python3 "$TABLE/paramiko_client.py" attach xterm; }
pexpect_ssh() { /usr/bin/python3 "$TABLE/pexpect_client.py"; }
# A session of less than a second is taken for a broken one, hence the pause.
plink_stdin()
{
	printf 'echo "$TMUX_PANE" >got/%s; sleep 2; exit\n' "$ROW" |
		plink -no-antispoof -hostkey "$HOSTKEY" -i /root/.ssh/id.ppk "$TARGET" >/dev/null 2>&1
	ssh "$TARGET" "cat got/$ROW"
}

# The server stays for the client to come; it says its pid.
mosh_bootstrap()
{
	ssh -tt "$TARGET" 'mosh-server new -c 8 -s -l LANG=C.UTF-8 -- /bin/true' | tr -d '\r' >answer
	grep -o '^MOSH CONNECT' answer
	ssh "$TARGET" "kill $(sed -n 's/.*pid = \([0-9]*\).*/\1/p' answer)"
}
