#!/bin/bash
# What the login hook costs: prints medians and ratios, judges nothing.
#
#   login.sh [VASTAGENT [RUNS]]     the binary (build/release/vastagent), runs of each (40)
#
# (a) `vastagent login` where it declines, against /bin/true.
# (b) From the start of a login shell to the tmux client on the screen, through the
#     hook, against the same shell with plain `tmux new-session -A -s ssh_tmux` in the
#     hook's place, and against that command with no login shell at all; for the login
#     that makes the session, and for the next one.
# (c) To the prompt, with a .bashrc that costs 5 ms: the hook, against the platform's own
#     block in that .bashrc.
#
# Everything happens in a mount namespace with an /etc/profile.d, /tmp and home of its
# own, on a terminal that stands in for the one of sshd; nothing is left behind.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
binary=$(readlink -f "${1:-$here/build/release/vastagent}")
runs=${2:-40}

if [ -z "${LOGIN_BENCH_INSIDE:-}" ]; then
	[ "$(id -u)" -eq 0 ] || { echo 'login.sh: needs root for a namespace' >&2; exit 77; }
	command -v python3 >/dev/null || { echo 'login.sh: needs python3' >&2; exit 77; }
	[ -x "$binary" ] || { echo "login.sh: no program $binary" >&2; exit 66; }
	LOGIN_BENCH_INSIDE=$(mktemp -d) || exit 73
	trap 'rmdir "$LOGIN_BENCH_INSIDE"' EXIT
	export LOGIN_BENCH_INSIDE
	unshare --mount --pid --fork --kill-child --mount-proc bash "$0" "$binary" "$runs"
	exit
fi

# A copy of the binary first, since what it is made of may lie in /tmp.
work=$LOGIN_BENCH_INSIDE
mount -t tmpfs tmpfs "$work"
mkdir -p "$work"/{hook,plain,home}
cp "$binary" "$work/vastagent"
sed "s|/usr/local/bin/vastagent|/mnt/vastagent|g" "$here/onstart/hook/zz-vastagent.sh" \
	>"$work/hook/zz-vastagent.sh"
cat >"$work/plain/zz-plain.sh" <<-'END'
	if [ -n "${SSH_CONNECTION-}" ] && [ -z "${TMUX-}" ]; then
		tmux new-session -A -s ssh_tmux && exit 0
	fi
END
mkdir -p "$work"/{none,home.hook,home.none}
for home in "$work"/home.hook "$work"/home.none; do
	echo '. ~/.bashrc' >"$home/.profile"
	printf 'sleep 0.005\nPS1="prompt-is-here "\n' >"$home/.bashrc"
done
cat >>"$work/home.none/.bashrc" <<-'END'
	if [ -z "$TMUX" ] && [ -n "$SSH_CONNECTION" ] && [ ! -e ~/.no_auto_tmux ]; then
		tmux attach-session -t ssh_tmux || tmux new-session -s ssh_tmux
		exit
	fi
END
mount --bind "$work" /mnt
mount -t tmpfs tmpfs /tmp
exec python3 - "$runs" <<-'END'
	import fcntl, os, pty, select, signal, statistics, struct, subprocess, sys, termios, time

	RUNS = int(sys.argv[1])
	BASE = {'PATH': '/usr/local/bin:/usr/bin:/bin', 'HOME': '/mnt/home', 'LANG': 'C.UTF-8',
	        'TERM': 'xterm-256color', 'SSH_CONNECTION': '203.0.113.7 50112 192.0.2.2 22',
	        'USER': 'root', 'SHELL': '/bin/bash'}
	SCREEN = b'\x1b[?1049h'         # what tmux sends first to a client that is attached

	def declined(argv):
	    begin = time.perf_counter()
	    pid = os.posix_spawn(argv[0], argv, BASE)
	    os.waitpid(pid, 0)
	    return time.perf_counter() - begin

	PROMPT = b'prompt-is-here '

	def attached(argv, home='/mnt/home', what=SCREEN):
	    """Seconds until the session, or what, is on the screen. The client is then hung up."""
	    master, slave = pty.openpty()
	    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
	    environment = dict(BASE, SSH_TTY=os.ttyname(slave), HOME=home)
	    ready, go = os.pipe()
	    pid = os.fork()
	    if pid == 0:
	        os.close(master)
	        take_terminal(slave)
	        os.read(ready, 1)
	        os.execve('/bin/bash', argv, environment)
	    os.close(slave)
	    os.close(ready)
	    seen = b''
	    begin = time.perf_counter()
	    os.write(go, b'x')
	    while what not in seen:
	        if not select.select([master], [], [], 10)[0]:
	            sys.exit('no session after 10 s; seen: %r' % seen)
	        seen += os.read(master, 65536)
	    took = time.perf_counter() - begin
	    os.close(master)
	    os.close(go)
	    os.waitpid(pid, 0)
	    return took

	def take_terminal(fd):
	    os.setsid()
	    fcntl.ioctl(fd, termios.TIOCSCTTY, 0)
	    for standard in range(3):
	        os.dup2(fd, standard)

	def tmux_end():
	    subprocess.run(['tmux', 'kill-server'], env=BASE, stderr=subprocess.DEVNULL)
	    try:
	        while True:         # this is process 1: servers end as its children
	            os.waitpid(-1, 0)
	    except ChildProcessError:
	        pass

	def hook(name):
	    """Lays /mnt/NAME over /etc/profile.d."""
	    subprocess.run(['umount', '/etc/profile.d'], stderr=subprocess.DEVNULL)
	    subprocess.run(['mount', '--bind', '/mnt/' + name, '/etc/profile.d'], check=True)

	def measure(ways):
	    """{name: function} -> {name: median in ms}, one of each in turn."""
	    seen = {name: [] for name in ways}
	    for run in range(RUNS + 1):
	        for name, way in ways.items():
	            took = way()
	            if run:             # the first of each warms the caches
	                seen[name].append(took * 1000)
	    return {name: statistics.median(times) for name, times in seen.items()}

	def login(first, where, argv, *to):
	    def run():
	        hook(where)
	        if first:
	            tmux_end()
	        return attached(argv, *to)
	    return run

	def report(title, result):
	    names = list(result)
	    print(title)
	    for name in names:
	        ratio = '' if name == names[0] else '   hook/this %.2f' % (result[names[0]] / result[name])
	        print('  %-44s %7.2f ms%s' % (name, result[name], ratio))

	report('a declined login', measure({
	    'vastagent login': lambda: declined(['/mnt/vastagent', 'login']),
	    '/bin/true': lambda: declined(['/bin/true'])}))
	BARE = ['bash', '-c', 'exec tmux new-session -A -s ssh_tmux']
	for first, title in ((True, 'the login that makes the session'), (False, 'the next login')):
	    if not first:
	        subprocess.run(['tmux', '-u', 'new-session', '-d', '-s', 'ssh_tmux'], env=BASE)
	    report(title, measure({
	        'the hook': login(first, 'hook', ['-bash']),
	        'the same shell, plain tmux in its place': login(first, 'plain', ['-bash']),
	        'no login shell, plain tmux': login(first, 'plain', BARE)}))
	    tmux_end()
	for first, title in ((True, 'to the prompt, first, .bashrc costs 5 ms'),
	                     (False, 'to the prompt, the next')):
	    if not first:
	        subprocess.run(['tmux', '-u', 'new-session', '-d', '-s', 'ssh_tmux'],
	                       env=dict(BASE, HOME='/mnt/home.hook'))
	        time.sleep(1)       # its prompt is there, whoever attaches
	    report(title, measure({
	        'the hook': login(first, 'hook', ['-bash'], '/mnt/home.hook', PROMPT),
	        "the platform's block": login(first, 'none', ['-bash'], '/mnt/home.none', PROMPT)}))
	    tmux_end()
END
