# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # expanded in the instance; lane is login_faults.sh's
# The rows of login_faults.sh: before and during are explained there.

is_plain='vastagent: .*this is a plain shell'
kill_server='pkill -KILL -x "tmux: server"'
kill_listener='pkill -KILL -f [l]istener.py'
start_agent='/usr/local/bin/vastagent start'

server_rows()
{
	during 'tmux server killed, as by the OOM killer' plain "$is_plain" "$kill_server"
	during 'tmux server ended (SIGTERM)' plain "$is_plain" 'pkill -TERM -x "tmux: server"'
	during 'tmux server crashes (SIGSEGV)' plain "$is_plain" 'pkill -SEGV -x "tmux: server"'
	during 'tmux kill-server' plain "$is_plain" 'tmux kill-server'
	during 'tmux client killed' plain "$is_plain" 'pkill -KILL -x "tmux: client"'
	during 'tmux client crashes (SIGSEGV)' plain "$is_plain" 'pkill -SEGV -x "tmux: client"'
	during 'vastagent login killed' plain '' 'pkill -KILL -f "^/usr/local/bin/vastagent login"'
	during 'vastagent login crashes' plain '' \
		'pkill -ABRT -f "^/usr/local/bin/vastagent login"'
	during 'tmux server and the agent killed together' plain "$is_plain" \
		'pkill -KILL -x "tmux: server"; pkill -KILL -f "^vastagent daemon"' "$start_agent"
	WITH=/bin/dash during 'dash: tmux server killed' plain "$is_plain" "$kill_server"
	WITH=/usr/bin/zsh during 'zsh: tmux server killed' plain "$is_plain" "$kill_server"
	WITH=/usr/bin/fish during 'fish: tmux server killed' plain "$is_plain" "$kill_server"
	AS=user during 'user: tmux server killed' plain "$is_plain" "$kill_server"

	LIMIT=15 before 'tmux server is stopped (SIGSTOP)' plain \
		'the tmux server is stopped .its process is [0-9]+.; this is a plain shell' \
		'tmux new -d -s ssh_tmux; pkill -STOP -x "tmux: server"'
	LIMIT=15 before 'tmux server hangs: nobody answers on its socket' plain "$is_plain" \
		'"$HELPERS/listener.py" silent; sleep 0.1' "$kill_listener"
	before 'a server that hangs up' plain "$is_plain" \
		'"$HELPERS/listener.py" close' "$kill_listener"
	LIMIT=15 before 'a server that talks nonsense' plain "$is_plain" \
		'"$HELPERS/listener.py" noise' "$kill_listener"
	before 'a server of another protocol version' plain "version mismatch.*$is_plain" \
		'"$HELPERS/listener.py" version' "$kill_listener"
	before 'a stale socket of a killed server' tmux '' \
		'tmux new -d -s ssh_tmux; pkill -KILL -x "tmux: server"; test -S /tmp/tmux-0/default'
}

place_rows()
{
	before '/tmp/tmux-0 is a file' plain "$is_plain" ': >/tmp/tmux-0'
	before '/tmp/tmux-0 is a dangling link' plain "$is_plain" 'ln -s /nowhere /tmp/tmux-0'
	before '/tmp/tmux-0 is a link to a directory' plain "$is_plain" \
		'mkdir -m 700 /tmp/d; ln -s d /tmp/tmux-0' 'rm -r /tmp/d'
	before '/tmp/tmux-0 is a FIFO' plain "$is_plain" 'mkfifo /tmp/tmux-0'
	before '/tmp/tmux-0 is open to all' plain "unsafe permissions.*$is_plain" \
		'mkdir -m 777 /tmp/tmux-0'
	before '/tmp/tmux-0 belongs to another account' plain "$is_plain" \
		'mkdir -m 700 /tmp/tmux-0; chown 1001 /tmp/tmux-0'
	AS=user before 'user: /tmp/tmux-1001 belongs to root' plain "$is_plain" \
		'mkdir -m 700 /tmp/tmux-1001'
	AS=user before 'user: /tmp/tmux-1001 without any right' plain "$is_plain" \
		'mkdir -m 0 /tmp/tmux-1001; chown 1001 /tmp/tmux-1001'
	before 'the socket is a directory' plain "$is_plain" 'mkdir -p -m 700 /tmp/tmux-0/default'
	before 'the socket is a plain file' tmux '' \
		'mkdir -m 700 /tmp/tmux-0; : >/tmp/tmux-0/default'
	before 'the socket is a FIFO' tmux '' 'mkdir -m 700 /tmp/tmux-0; mkfifo /tmp/tmux-0/default'
	AS=user before 'user: the socket of root' plain "$is_plain" \
		'mkdir -m 700 /tmp/tmux-1001; tmux -S /tmp/tmux-1001/default new -d; chown 1001 /tmp/tmux-1001
		chmod 600 /tmp/tmux-1001/default' 'tmux -S /tmp/tmux-1001/default kill-server'
	during 'a cleaner empties /tmp, then the server dies' plain "$is_plain" \
		'rm -rf /tmp/tmux-0; pkill -KILL -x "tmux: server"'
	before '/tmp without a free inode' plain "$is_plain" \
		'mount -t tmpfs -o nr_inodes=1,mode=1777 t /tmp' 'umount /tmp'
	before '/tmp without a free block' tmux '' \
		'mount -t tmpfs -o size=4k,mode=1777 t /tmp; head -c 4096 /dev/zero >/tmp/full' 'umount -l /tmp'
	before '/tmp is read-only' plain "$is_plain" 'mount -t tmpfs -o ro t /tmp' 'umount /tmp'
	AS=user before 'user: /tmp is for root alone' plain "$is_plain" \
		'chmod 700 /tmp' 'chmod 1777 /tmp'
	before '/run is empty and read-only' tmux '' \
		'mount -t tmpfs t /run; mkdir /run/sshd; mount -o remount,ro /run' 'umount /run'
	AS=user before 'user: /run is for root alone' tmux '' 'chmod 700 /run' 'chmod 755 /run'
	before 'no pty is left' plain "$is_plain" \
		'mount -o remount,max=1 /dev/pts' 'mount -o remount,max=1024 /dev/pts'
	before 'no locale' plain "$is_plain" \
		'mv /usr/lib/locale /usr/lib/l' 'mv /usr/lib/l /usr/lib/locale'
	before 'no terminfo at all' plain "terminfo.*$is_plain" \
		'for d in /usr/share /lib /etc; do mv $d/terminfo $d/t; done' \
		'for d in /usr/share /lib /etc; do mv $d/t $d/terminfo; done'
	before 'terminfo is damaged' plain "$is_plain" \
		'cd /lib/terminfo/x; mv xterm-256color good; head -c 300 good >xterm-256color' \
		'cd /lib/terminfo/x; mv good xterm-256color'
	before '/proc is away' plain '' 'mount -t tmpfs t /proc' 'umount /proc'
}

home_rows()
{
	AS=user before 'the home is gone' tmux '' 'mv /home/user /home/u' 'mv /home/u /home/user'
	AS=user before 'the home is a file' plain '' \
		'mv /home/user /home/u; : >/home/user' 'rm /home/user; mv /home/u /home/user'
	AS=user before 'the home belongs to another account' tmux '' \
		'chown 1234 /home/user' 'chown 1001 /home/user'
	AS=user before 'the home cannot be entered' plain '' \
		'chmod 0 /home/user' 'chmod 755 /home/user'
	AS=user before 'the home is a dangling link' tmux '' 'mv /home/user /home/u; ln -s /nowhere /home/user' \
		'rm /home/user; mv /home/u /home/user'
	before 'the home is read-only' tmux '' \
		'mount --bind /root /root; mount -o remount,bind,ro /root' 'umount -l /root'
	before 'the home is full' tmux '' \
		'mount -t tmpfs -o size=4k,mode=700 t /root; head -c 4096 /dev/zero >/root/full' 'umount -l /root'
	before 'home and /tmp are full' plain "$is_plain" \
		'for d in /root /tmp; do mount -t tmpfs -o nr_inodes=1,mode=755 t $d; done' 'umount -l /root /tmp'
	before 'the home is locked by another login that hangs' tmux '' \
		'setsid flock -x /root sleep 20 >/dev/null 2>&1 & until ! flock -n /root true; do sleep 0.01; done' \
		'pkill -KILL -x flock; pkill -KILL -x sleep'
	before 'HOME is not set' plain '' 'echo "unset HOME" >/etc/profile.d/00-fault.sh'
	before 'HOME is nowhere' tmux '' 'echo "export HOME=/nowhere" >/etc/profile.d/00-fault.sh'
	before 'HOME is no path' plain '' 'echo "export HOME=root" >/etc/profile.d/00-fault.sh'
}

configuration_rows()
{
	LIMIT=15 before 'a slow .tmux.conf' tmux '' \
		'echo "if-shell \"sleep 3; false\" \"\"" >/root/.tmux.conf'
	LIMIT=15 before 'a .tmux.conf without end' plain "$is_plain" \
		'echo "if-shell \"sleep 99; false\" \"\"" >/root/.tmux.conf'
	PRESS='Ctrl-C C-c' before 'a .tmux.conf without end, Ctrl-C' plain "interrupted; this is" \
		'echo "if-shell \"sleep 99; false\" \"\"" >/root/.tmux.conf'
	LIMIT=15 before '.tmux.conf is a FIFO' plain "$is_plain" 'mkfifo /root/.tmux.conf'
	PRESS='unknown q' before 'a .tmux.conf with an error' tmux '' \
		'echo nonsense >/root/.tmux.conf'
	before '.tmux.conf is a directory' tmux '' 'mkdir /root/.tmux.conf'
	PRESS='tmux.conf q' before '.tmux.conf is a program' tmux '' 'cp /bin/true /root/.tmux.conf'
	before '.tmux.conf kills the server' plain "$is_plain" 'echo kill-server >/root/.tmux.conf'
	before 'a bad default-command' plain "$is_plain" \
		'echo "set -g default-command /bin/false" >/root/.tmux.conf'
	before 'a default-command that is missing' plain "$is_plain" \
		'echo "set -g default-command /nowhere" >/root/.tmux.conf'
	PRESS='suitable q' before 'a default-shell that is missing' tmux '' \
		'echo "set -g default-shell /nowhere" >/root/.tmux.conf'
	before 'a pane that exits at once' plain "$is_plain" \
		'echo "[ -z \"\$TMUX\" ] || exit" >/etc/profile.d/00-fault.sh'
	before 'a pane whose shell is killed at once' plain "$is_plain" \
		'echo "[ -z \"\$TMUX\" ] || kill -KILL \$\$" >/etc/profile.d/00-fault.sh'
	before '/etc/vastagent.conf is nonsense' tmux '' \
		'head -c 4096 /dev/urandom >/etc/vastagent.conf'
	before '/etc/vastagent.conf is a directory' tmux '' 'mkdir /etc/vastagent.conf'
	before '/etc/vastagent.conf is a FIFO' tmux '' 'mkfifo /etc/vastagent.conf'
	AS=user before 'user: /etc/vastagent.conf cannot be read' tmux '' \
		': >/etc/vastagent.conf; chmod 600 /etc/vastagent.conf'
}

environment_rows()
{
	local profile='cat >/etc/profile.d/00-fault.sh'
	local many='printf "export BIG%d=$(head -c 120000 /dev/zero | tr "\\0" x)\n" $(seq "$1")'
	many="many() { $many; }; many"
	before 'an environment of 1.4 MB' tmux '' \
		"$many 12 | $profile"
	before 'an environment that no program can be started with' plain '' \
		"$many 18 | $profile"
	before 'PATH is empty' tmux '' "echo 'export PATH=' | $profile"
	before 'PATH leads nowhere' tmux '' "echo 'export PATH=/nowhere' | $profile"
	before 'SHELL is missing' tmux '' "echo 'export SHELL=/nowhere' | $profile"
	before 'TMUX_TMPDIR leads nowhere' tmux '' "echo 'export TMUX_TMPDIR=/nowhere' | $profile"
	before 'LD_PRELOAD leads nowhere' tmux '' "echo 'export LD_PRELOAD=/nowhere.so' | $profile"
	# A program with sanitizers is a dynamic one, which then does not start, either.
	sanitized || before 'LD_LIBRARY_PATH has a damaged library' plain "$is_plain" \
		"mkdir -p /opt/lib; : >/opt/lib/libevent_core-2.1.so.7
		echo 'export LD_LIBRARY_PATH=/opt/lib' | $profile"
	before 'LC_ALL names a locale that is missing' tmux '' \
		"echo 'export LC_ALL=xx_XX' | $profile"
	before 'TERMINFO leads nowhere' tmux '' "echo 'export TERMINFO=/nowhere' | $profile"
	before 'the terminal is in raw mode' tmux '' "echo 'stty raw -echo' | $profile"
}

# ---- limits of the kernel's own, where it gives them ----

# make_cgroup CONTROLLER: $cgroup becomes a new group's directory.
make_cgroup()
{
	local base
	for base in "/sys/fs/cgroup/$1" /sys/fs/cgroup; do
		cgroup=$base/vastagent-$(cat /proc/sys/kernel/random/uuid)
		mkdir "$cgroup" 2>/dev/null || continue
		compgen -G "$cgroup/$1.*" >/dev/null && echo "$cgroup" >"$WORLD/cgroup.$lane" && return
		rmdir "$cgroup"
	done
	return 1
}

has_cgroup()
{
	make_cgroup "$1" && rmdir "$cgroup"
}

# into_cgroup PROGRAM: the instance's first process of that name; what it starts follows.
into_cgroup()
{
	pgrep --ns "$(machine_pid "$INSTANCE")" --nslist pid -o -x "$1" >"$cgroup/cgroup.procs"
}

end_cgroup()
{
	local cgroup pid
	cgroup=$(cat "$WORLD/cgroup.$lane")
	while read -r pid; do
		echo "$pid" >"${cgroup%/*}/cgroup.procs" 2>/dev/null
	done <"$cgroup/cgroup.procs"
	wait_until 20 rmdir "$cgroup"
}

# The server is made to hold more than it may: the kernel kills it.
run_out_of_memory()
{
	make_cgroup memory || return
	into_cgroup 'tmux: server' && echo 4M >"$(ls "$cgroup"/memory.{limit_in_bytes,max} 2>/dev/null)"
	outside 'for i in 1 2 3 4 5 6 7 8; do
		head -c 1000000 /dev/zero | tr "\\0" x | tmux load-buffer -b "$i" - || break
	done; ! pgrep -x "tmux: server"'
	end_cgroup
}

# sshd, its child and the shell are three; each number lets one program more be started.
allow_processes()
{
	make_cgroup pids && echo "$1" >"$cgroup/pids.max" && into_cgroup sshd
}

allow_4_processes()
{
	allow_processes 4
}

allow_5_processes()
{
	allow_processes 5
}

allow_6_processes()
{
	allow_processes 6
}

cgroup_rows()
{
	if has_cgroup memory; then
		during 'tmux server out of memory, killed by the kernel' plain "$is_plain" run_out_of_memory
	fi
	if has_cgroup pids; then
		before 'no process beside vastagent, for root' plain "$is_plain" allow_4_processes end_cgroup
		before 'no process beside the tmux client, for root' plain "$is_plain" \
			allow_5_processes end_cgroup
		before 'no process beside the tmux server, for root' plain "$is_plain" \
			allow_6_processes end_cgroup
	fi
}

limit_rows()
{
	local limits=/etc/security/limits.d/fault.conf profile='cat >/etc/profile.d/00-fault.sh'
	AS=limited WITH=/bin/dash before 'dash: no process may be started' plain '' \
		"echo 'limited - nproc 2' >$limits"
	AS=limited before 'no process beside vastagent' plain '' "echo 'limited - nproc 3' >$limits"
	AS=limited before 'no process beside the tmux client' plain '' \
		"echo 'limited - nproc 4' >$limits"
	AS=limited before 'no process beside the tmux server' plain '' \
		"echo 'limited - nproc 5' >$limits"
	before 'too little memory for tmux' plain "$is_plain" \
		"script /usr/bin/tmux 'ulimit -v 5000; exec /opt/good/tmux \"\$@\"'"
	before 'too little memory for vastagent' plain '' \
		"script /usr/local/bin/vastagent 'ulimit -v 1000; exec /opt/good/vastagent \"\$@\"'"
	WITH=/bin/dash before 'dash: memory for hardly a program' plain '' \
		"echo 'ulimit -v 2600' | $profile"
	LIMIT=15 before 'eight descriptors' plain '' "echo 'ulimit -n 8' | $profile"
	before 'five descriptors' plain '' "echo 'ulimit -n 5' | $profile"
	before 'no file may grow' tmux '' "echo 'ulimit -f 0' | $profile"
}

tmux_rows()
{
	local file=/usr/bin/tmux
	before 'no tmux' plain '' "rm $file"
	before 'tmux is a directory' plain '' "rm $file; mkdir $file"
	before 'tmux is a dangling link' plain '' "ln -sf /nowhere $file"
	before 'tmux is not executable' plain '' "renew $file; chmod 644 $file"
	before 'tmux is empty' plain "$is_plain" "program $file </dev/null"
	before 'tmux is cut off' plain "$is_plain" "renew $file; truncate -s 4096 $file"
	before 'tmux is cut off in the middle' plain "$is_plain" \
		"renew $file; truncate -s 400000 $file"
	before 'tmux is random bytes' plain "$is_plain" "head -c 65536 /dev/urandom | program $file"
	before 'tmux is of another architecture' plain "$is_plain" \
		"renew $file; printf '\\267' | dd of=$file bs=1 seek=18 conv=notrunc status=none"
	before 'tmux lacks a library' plain "shared librar.*$is_plain" \
		'f=/usr/lib/x86_64-linux-gnu/libutempter.so.0; mv $f $f.away' \
		'f=/usr/lib/x86_64-linux-gnu/libutempter.so.0; mv $f.away $f'
	before 'tmux fails' plain "$is_plain" "script $file 'exit 1'"
	before 'tmux does nothing and succeeds' plain "$is_plain" "script $file 'exit 0'"
	before 'tmux crashes' plain "$is_plain" "script $file 'kill -SEGV \$\$'"
	before 'tmux is killed at once' plain "$is_plain" "script $file 'kill -KILL \$\$'"
	before 'tmux hangs' plain "$is_plain" "script $file 'exec sleep 99'"
	before 'tmux hangs, SIGTERM or not' plain "$is_plain" \
		"script $file 'trap \"\" TERM HUP; while :; do sleep 1; done'"
	before 'tmux prints nonsense' plain "$is_plain" \
		"script $file 'head -c 65536 /dev/urandom | tr -d [:cntrl:]; echo; exit 1'"
	before 'tmux clears the screen, changes modes and dies' plain "$is_plain" \
		"script $file 'stty raw -echo; tput smcup; tput civis; sleep 0.1; kill -SEGV \$\$'"
	before 'tmux stops itself' plain "$is_plain" "script $file 'kill -STOP \$\$'"
}

program_rows()
{
	local file=/usr/local/bin/vastagent shell name want
	for shell in /bin/bash /bin/dash /usr/bin/zsh /usr/bin/fish; do
		name=${shell##*/}
		# Without the program, the platform's block in .bashrc does what it always did:
		# its first tmux starts a server that ends at once, which its second may still meet.
		[ "$name" = bash ] && want=tmux || want=plain
		AGAIN=yes WITH=$shell before "$name: no vastagent" $want '' "rm $file"
		AGAIN=yes WITH=$shell before "$name: vastagent is not executable" $want '' \
		"renew $file; chmod 644 $file"
		WITH=$shell before "$name: vastagent is empty" plain '' "program $file </dev/null"
		WITH=$shell before "$name: vastagent is text that succeeds" plain '' \
		"echo 'true' | program $file"
		WITH=$shell before "$name: vastagent is of another architecture" plain '' \
			"renew $file; printf '\\267' | dd of=$file bs=1 seek=18 conv=notrunc status=none"
		WITH=$shell before "$name: vastagent crashes" plain '' \
		"script $file 'kill -SEGV \$\$'"
	done
	before 'vastagent is a directory' plain '' "rm $file; mkdir $file"
	before 'vastagent is cut off' plain '' "renew $file; truncate -s 4096 $file"
	before 'vastagent is cut off in the middle' plain '' \
		"renew $file; truncate -s 1000000 $file"
	before 'vastagent is random bytes' plain '' "head -c 65536 /dev/urandom | program $file"
	before 'vastagent is zeros' plain '' "head -c 65536 /dev/zero | program $file"
	WITH=/bin/dash before 'dash: vastagent is zeros' plain '' \
		"head -c 65536 /dev/zero | program $file"
	before 'vastagent is a script without an interpreter' plain '' \
		"echo '#!/nowhere' | program $file"
	before 'vastagent is another program' plain '' "program $file </bin/true"
	before 'vastagent fails' plain '' "program $file </bin/false"
	before 'vastagent is killed at once' plain '' "script $file 'kill -KILL \$\$'"
	PRESS='hanging C-c' before 'vastagent hangs, Ctrl-C' plain '' \
		"script $file 'echo hanging; exec sleep 99'"
	PRESS='hanging C-c' WITH=/usr/bin/zsh before 'zsh: vastagent hangs, Ctrl-C' plain '' \
		"script $file 'echo hanging; exec sleep 99'"
	before 'vastagent hangs by itself, on the way to a tmux that is not there' plain '' \
		'rm /usr/bin/tmux; setsid "$HELPERS/hang.py" /hung >/dev/null 2>&1 &
		until grep -q " /hung fuse " /proc/mounts; do sleep 0.01; done
		echo "PATH=$PATH:/hung/bin" >/etc/profile.d/00-fault.sh' \
		'pkill -KILL -f "[h]ang.py"; umount -l /hung'
	before 'vastagent prints nonsense' plain '' \
		"script $file 'head -c 65536 /dev/urandom | tr -d [:cntrl:]; echo; exit 1'"
	before 'vastagent leaves the terminal raw' plain '' "script $file 'stty raw -echo; exit 1'"
}

hook_rows()
{
	local hook=/etc/profile.d/zz-vastagent.sh
	before 'the hook is missing' plain '' "rm $hook" "cp /opt/good/zz-vastagent.sh $hook"
	before 'the hook is cut off' plain '' "truncate -s 600 $hook"
	before 'the hook is a program' plain '' "cp /bin/true $hook"
	before 'the hook has line ends of Windows' plain '' "sed -i 's/\$/\\r/' $hook"
	WITH=/bin/dash before 'dash: the hook is cut off' plain '' "truncate -s 600 $hook"
	WITH=/usr/bin/zsh before 'zsh: the hook is cut off' plain '' "truncate -s 600 $hook"
	WITH=/usr/bin/zsh before 'zsh: zprofile is cut off' plain '' \
		"sed -i '/^fi/d' /etc/zsh/zprofile"
	WITH=/usr/bin/fish before 'fish: the hook is cut off' plain '' \
		"truncate -s 450 /etc/fish/conf.d/vastagent.fish"
	before 'the agent is not running' tmux '' \
		'pkill -KILL -f "^vastagent daemon"' "$start_agent"
	before 'the agent hangs' tmux '' \
		'pkill -STOP -f "^vastagent daemon"' 'pkill -CONT -f "^vastagent daemon"'
	before 'the socket of the agent is gone' tmux '' 'rm /run/vastagent/agent.sock' \
		"pkill -KILL -f '^vastagent daemon'; $start_agent"
}

window_rows()
{
	SCREEN_COLUMNS=1 SCREEN_ROWS=1 LATER=100x30 before 'a window of 1x1' tmux '' :
	SCREEN_COLUMNS=1 SCREEN_ROWS=1 LATER=100x30 before 'a window of 1x1 and no tmux' plain '' \
		'rm /usr/bin/tmux'
}

all_rows()
{
	server_rows
	place_rows
	home_rows
	configuration_rows
	environment_rows
	cgroup_rows
	limit_rows
	tmux_rows
	program_rows
	hook_rows
	window_rows
}
