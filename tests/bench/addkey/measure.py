#!/usr/bin/env python3
"""measure.py RUNS: the measurements of addkey.sh, in the instance."""
import http.client, json, os, shutil, socket, statistics, subprocess, sys, time

RUNS = int(sys.argv[1])
FILE = '/root/.ssh/authorized_keys'
number = 0

class Agent(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect('/run/vastagent/agent.sock')

def key():
    global number
    number += 1
    return open('/tmp/keys/%d.pub' % number).read()

def post(text):
    agent = Agent('localhost')
    agent.request('POST', '/v1/keys', json.dumps({'user': 'root', 'text': text}),
                  {'Content-Type': 'application/json'})
    answer = agent.getresponse()
    body = answer.read()
    if answer.status != 200:
        sys.exit('addkey: %d %s' % (answer.status, body))
    agent.close()

def run(argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)

def settled():
    """Waits until no child of the agent is left: looks, and the watch for late writers."""
    pid = subprocess.run(['pgrep', '-o', '-x', 'vastagent'], capture_output=True, text=True).stdout.strip()
    while subprocess.run(['pgrep', '-P', pid, '-x', 'vastagent'], stdout=subprocess.DEVNULL).returncode == 0:
        time.sleep(0.005)

def by_socket():
    text = key()
    return lambda: post(text)

def by_command():
    path = '/tmp/keys/%d.pub' % (number + 1)
    key()
    return lambda: run(['/usr/local/bin/vastagent', 'addkey', path])

def by_c_program():
    shutil.copyfile(FILE, '/root/.ssh/copy')
    return lambda: run(['/tmp/replace', '/root/.ssh/copy', FILE])

def in_process():
    """The same system calls without a process to start."""
    data = open(FILE, 'rb').read()
    def replace():
        fd = os.open('/root/.ssh/copy.new', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(fd, data)
        os.fsync(fd)
        os.close(fd)
        os.rename('/root/.ssh/copy.new', '/root/.ssh/copy')
    return replace

def copy_and_sync():
    return lambda: (shutil.copyfile(FILE, '/root/.ssh/copy'),
                    os.fsync(os.open('/root/.ssh/copy', os.O_RDONLY)))

def by_ansible():
    text = key().strip()
    return lambda: run(['ansible', 'localhost', '-i', 'localhost,', '-c', 'local', '-m',
                        'authorized_key', '-a', 'user=root key="%s"' % text])

def by_module():
    """What Ansible starts on the machine, without Ansible: its module and python3."""
    with open('/tmp/arguments.json', 'w') as file:
        json.dump({'ANSIBLE_MODULE_ARGS': {'user': 'root', 'key': key().strip()}}, file)
    return lambda: run([sys.executable, '-m',
                        'ansible_collections.ansible.posix.plugins.modules.authorized_key',
                        '/tmp/arguments.json'])

def measure(ways, runs):
    seen = {name: [] for name in ways}
    for turn in range(runs + 1):
        for name, way in ways.items():
            prepared = way()
            settled()
            begin = time.perf_counter()
            prepared()
            if turn:
                seen[name].append((time.perf_counter() - begin) * 1000)
    return {name: statistics.median(times) for name, times in seen.items()}

def report(title, medians, wanted):
    print(title)
    for name, median in medians.items():
        print('  %-58s %8.2f ms' % (name, median))
    for ours, theirs, limit in wanted:
        print('  %s / %s: %.3g%s' % (ours, theirs, medians[ours] / medians[theirs],
                                     ' (wanted: at most %g)' % limit if limit else ''))

SOCKET, COMMAND = 'POST /v1/keys', 'vastagent addkey'
PROGRAM, CALLS = 'a C program: write, fsync, rename', 'the same calls, no process'
report('an ordinary file', measure({SOCKET: by_socket, COMMAND: by_command,
                                    PROGRAM: by_c_program, CALLS: in_process}, RUNS),
       [(SOCKET, PROGRAM, 2), (COMMAND, PROGRAM, 2), (SOCKET, CALLS, None)])
if shutil.which('ansible'):
    ANSIBLE, MODULE = 'ansible -m authorized_key', 'the module alone'
    report("Ansible's authorized_key", measure({COMMAND: by_command, MODULE: by_module,
                                                ANSIBLE: by_ansible}, max(3, RUNS // 6)),
           [(COMMAND, MODULE, 1), (COMMAND, ANSIBLE, 1)])

with open(FILE, 'a') as file:
    for line in range(100000):
        blob = os.urandom(32)
        import base64
        file.write('ssh-ed25519 %s\n' % base64.b64encode(
            b'\0\0\0\x0bssh-ed25519\0\0\0 ' + blob).decode())
settled()
COPY = 'copying and fsyncing the file'
report('a file with 100,000 keys', measure({SOCKET: by_socket, COPY: copy_and_sync}, RUNS),
       [(SOCKET, COPY, 3)])
