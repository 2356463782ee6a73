#!/usr/bin/env python3
"""actors.py SECONDS calm|deadly DIRECTORY   run in an instance, as its root.

Everybody at work at once for that long: keys are added, removed and let in for a moment by root
and by an account; the platform rewrites the file in all its ways; commands list, pause and
reload; followers read the events or do not; requests come whole, slowly, by halves and as
nonsense; and where it is deadly, the agent, its parent or both are killed again and again.

DIRECTORY/keys holds the public keys: root-N and user-N are added and removed, brief-N get in
for a second. What the last yes said of each of them is in DIRECTORY/state.json afterwards:
"in", "out", or "open" where a command failed and either may be. DIRECTORY/platform is what
the platform wrote last, DIRECTORY/counts.json how often what was done. A calm time in which
something was refused ends with status 1 and what it was.
"""
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

SECONDS, DEADLY, DIRECTORY = float(sys.argv[1]), sys.argv[2] == 'deadly', sys.argv[3]
SOCKET = '/run/vastagent/agent.sock'
FILE = '/root/.ssh/authorized_keys'
END = time.monotonic() + SECONDS
DOCUMENTED = {200, 400, 403, 404, 405, 408, 409, 413, 415, 429, 501, 503, 504, 507}
lock = threading.Lock()
counts, problems = {}, []


def load(name, default):
    try:
        with open(f'{DIRECTORY}/{name}') as file:
            return json.load(file)
    except FileNotFoundError:
        return default


state = load('state.json', {})


def count(what):
    with lock:
        counts[what] = counts.get(what, 0) + 1


def wrong(what):
    with lock:
        problems.append(what)


def lasts():
    return time.monotonic() < END


def rest(most):
    time.sleep(min(random.uniform(0, most), max(0, END - time.monotonic())))


def run(user, *arguments):
    account = [] if user == 'root' else ['setpriv', '--reset-env', '--reuid', '1001', '--regid',
                                         '0', '--clear-groups', '--']
    done = subprocess.run([*account, 'vastagent', *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60)
    if done.returncode and not DEADLY:
        wrong(f'{user}: {" ".join(arguments)[:60]}: status {done.returncode}: {done.stdout}')
    if done.returncode < 0:
        wrong(f'{user}: {arguments}: ended by signal {-done.returncode}')
    count(f'{arguments[0]}{" that failed" if done.returncode else ""}')
    return done.returncode == 0


def fingerprint(name):
    line = subprocess.check_output(['ssh-keygen', '-lf', f'{DIRECTORY}/keys/{name}.pub'], text=True)
    return line.split()[1]


# ---- keys ----

def change_keys(user, part):
    """Each of them has its own keys: what it was told of one is the last word."""
    names = [name for name in sorted({name[:-4] for name in os.listdir(f'{DIRECTORY}/keys')})
             if name.startswith(f'{user}-') and int(name.split('-')[1]) % 2 == part]
    prints = {name: fingerprint(name) for name in names}
    while lasts():
        name = random.choice(names)
        was = state.get(name, 'out')
        state[name] = 'open'
        if was == 'in' or (was == 'open' and random.random() < 0.5):
            if run(user, 'rmkey', '--force', prints[name]):
                state[name] = 'out'
        elif run(user, 'addkey', '--name', name, f'{DIRECTORY}/keys/{name}.pub'):
            state[name] = 'in'
        rest(0.1)


def let_in_for_a_moment():
    names = [name[:-4] for name in os.listdir(f'{DIRECTORY}/keys') if name.startswith('brief-')]
    for name in names:
        if not lasts():
            return
        if state.get(name) != 'out':
            run('root', 'addkey', '--for', '1s', f'{DIRECTORY}/keys/{name}.pub')
            state[name] = 'out'
        rest(SECONDS / len(names))


# ---- the platform ----

def rewrite():
    here = os.path.dirname(os.path.abspath(__file__))
    with open('/proc/1/environ', 'rb') as file:
        own = dict(part.split(b'=', 1) for part in file.read().split(b'\0') if b'=' in part)
    number = 0
    while lasts():
        number += 1
        # Comments and bytes that are no text are the platform's, too.
        text = own[b'SSH_PUBLIC_KEY'] + b'\n' + random.choice([
            b'', b'# rewritten %d\n' % number, b'\xff\xfe %d\r\n\n' % number, b'no newline'])
        with open(f'{DIRECTORY}/platform', 'wb') as file:
            file.write(text)
        how = random.choice([[], ['--rename'], ['--unlink']])
        subprocess.run([f'{here}/../lib/platform.sh', 'refresh', *how, '--keys',
                        f'{DIRECTORY}/platform'], check=True)
        count('rewrites ' + (how or ['in place'])[0])
        # More than ten in a minute are a fight, in which the agent restores with pauses.
        rest(1.5 if SECONDS < 30 else 14)


# ---- commands ----

def command():
    all_of_them = [['keys'], ['keys', '--user', 'user'], ['forwards'], ['sessions'], ['services'], ['status'],
                   ['events'], ['doctor', '--json'], ['pause', '1s'], ['resume'], ['reload']]
    while lasts():
        chosen = random.choice(all_of_them)
        if chosen[0] == 'doctor':
            subprocess.run(['vastagent', *chosen], stdout=subprocess.DEVNULL, timeout=60)
            count('doctor')
        else:
            run('root', *chosen)
        rest(0.2)
    run('root', 'resume')


def follow():
    while lasts():
        with open(f'{DIRECTORY}/followed', 'ab') as out:
            follower = subprocess.Popen(['vastagent', 'events', '--follow', '--json'], stdout=out,
                                        stderr=subprocess.DEVNULL)
            rest(3)
            follower.kill()
            follower.wait()
        count('followers')


# ---- requests ----

def connect():
    agent = socket.socket(socket.AF_UNIX)
    agent.settimeout(30)
    agent.connect(SOCKET)
    return agent


def answer(agent):
    got = b''
    while part := agent.recv(65536):
        got += part
    return int(got.split(b' ', 2)[1]) if got.startswith(b'HTTP/1.') else None


def get(path):
    return b'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' % path.encode()


PATHS = ['/v1/status', '/v1/keys?user=root', '/v1/keys?user=user', '/v1/sessions', '/v1/forwards',
         '/v1/services', '/v1/events']


def whole(agent):
    path = random.choice(PATHS)
    agent.sendall(get(path))
    status = answer(agent)
    if status != 200 and not DEADLY:
        wrong(f'GET {path}: {status}')


def slow(agent):
    for byte in get('/v1/status'):
        agent.sendall(bytes([byte]))
        time.sleep(0.002)
    if answer(agent) != 200 and not DEADLY:
        wrong('a slow request is not answered')


def half(agent):
    request = get(random.choice(PATHS))
    agent.sendall(request[:random.randrange(len(request))])


def unread(agent):
    agent.sendall(get(random.choice(PATHS)))


def unread_stream(agent):
    agent.sendall(get('/v1/events?follow=1'))
    rest(2)


def nonsense(agent):
    text = random.choice([
        random.randbytes(200), b'GET / HTTP/1.1\r\n' + b'X: ' + b'y' * 100000 + b'\r\n\r\n',
        b'POST /v1/keys HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
        b'Connection: close\r\nContent-Length: 9\r\n\r\n{"text":1',
        b'DELETE /v1/keys/%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'])
    agent.sendall(text)
    agent.shutdown(socket.SHUT_WR)
    status = answer(agent)
    if status is not None and status not in DOCUMENTED:
        wrong(f'{text[:40]}: {status}')


def request():
    kinds = [whole] * 12 + [slow, half, unread, unread_stream, nonsense, nonsense]
    while lasts():
        kind = random.choice(kinds)
        try:
            with connect() as agent:
                kind(agent)
            count(f'requests: {kind.__name__}')
        except OSError as error:
            # Nonsense may be cut off while it is being sent.
            if not DEADLY and kind is not nonsense:
                wrong(f'{kind.__name__}: {error}')
            count('requests that nobody took')
            rest(0.1)
        rest(0.02)


# ---- death ----

def processes():
    """The agent's, its children and its parent: (pid, name), the oldest first."""
    found = []
    for pid in sorted(int(name) for name in os.listdir('/proc') if name.isdigit()):
        try:
            with open(f'/proc/{pid}/cmdline', 'rb') as file:
                is_one = file.read().startswith(b'vastagent\0daemon')
            with open(f'/proc/{pid}/comm') as file:
                name = file.read().strip()
        except OSError:
            continue
        if is_one:
            found.append((pid, name))
    return found


VICTIMS = {
    'the agent': lambda all_of_them: [p for p in all_of_them if p[1] == 'vastagent'][:1],
    'the parent': lambda all_of_them: [p for p in all_of_them if p[1] == 'vastagent-keep'],
    'one of its processes': lambda all_of_them: random.sample(all_of_them, min(1, len(all_of_them))),
    'all of its processes': lambda all_of_them: all_of_them,
}


def kill():
    while lasts():
        rest(2)
        whom = random.choice(list(VICTIMS))
        number = random.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGABRT])
        for pid, _ in VICTIMS[whom](processes()):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        count(f'kills of {whom}')


actors = [(change_keys, 'root', 0), (change_keys, 'root', 1), (change_keys, 'user', 0),
          (change_keys, 'user', 1), (let_in_for_a_moment,), (rewrite,), (command,), (follow,),
          (request,), (request,), (request,)] + ([(kill,)] if DEADLY else [])


def act(actor, *arguments):
    try:
        actor(*arguments)
    except Exception as error:
        wrong(f'{actor.__name__}: {error!r}')


threads = [threading.Thread(target=act, args=actor) for actor in actors]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
old = load('counts.json', {})
for name, value in [('state.json', state),
                    ('counts.json', {k: old.get(k, 0) + counts.get(k, 0) for k in {*old, *counts}})]:
    with open(f'{DIRECTORY}/{name}', 'w') as file:
        json.dump(value, file, sort_keys=True, indent=1)
if problems:
    print(f'{len(problems)} problems, the first of them:', *problems[:10], sep='\n')
    sys.exit(1)
