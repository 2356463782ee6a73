#!/usr/bin/python3
"""
Tries lines of authorized_keys with real logins, and asks the agent's parser about them.

  trial.py --judge PROGRAM [--seed N] [--count N] [--share F] [--workers N]

Runs as root of a throw-away instance: it makes accounts and starts an sshd of its own on
loopback. Each case is a file and a key; sshd's answer is whether ssh gets in with it (for
keys of hardware, which cannot sign here, whether sshd says that it would take them). Every
case on which the two disagree is printed, and the exit status is 1 if there is any.
"""

import argparse
import concurrent.futures
import os
import queue
import subprocess
import sys
import threading
import time

import cases

HERE = '/run/trial'
PORT = 2200
ADDRESS = '127.0.0.1'


def make_keys():
    kinds = {'ed25519': ('ed25519', ''), 'rsa1024': ('rsa', '1024'), 'rsa2048': ('rsa', '2048'),
             'rsa4096': ('rsa', '4096'), 'ecdsa256': ('ecdsa', '256'), 'ecdsa384': ('ecdsa', '384'),
             'ecdsa521': ('ecdsa', '521')}
    keys = {}
    for name, (kind, bits) in kinds.items():
        path = '%s/%s' % (HERE, name)
        subprocess.run(['ssh-keygen', '-q', '-t', kind, '-N', '', '-f', path] +
                       (['-b', bits] if bits else []), check=True)
        with open(path + '.pub') as file:
            keys[name] = cases.Key(name, file.read())
    # Keys of hardware, made of the points of others: only the public half is needed.
    for name, kind, fields in (
            ('sk-ed25519', b'sk-ssh-ed25519@openssh.com', cases.unpack(keys['ed25519'].blob)[1:]),
            ('sk-ecdsa', b'sk-ecdsa-sha2-nistp256@openssh.com',
             cases.unpack(keys['ecdsa256'].blob)[1:])):
        line = cases.join(kind.decode(), cases.pack(kind, *fields, b'ssh:'))
        keys[name] = cases.Key(name, line.decode())
        with open('%s/%s' % (HERE, name), 'wb') as file:
            file.write(line + b'\n')
        os.chmod('%s/%s' % (HERE, name), 0o600)
    return keys


def make_accounts(count):
    """Their shell is true(1): a login that gets in ends with 0, whatever its command is."""
    with open('/etc/passwd', 'a') as passwd, open('/etc/shadow', 'a') as shadow:
        for i in range(count):
            passwd.write('trial%d:x:%d:65534::/:/bin/true\n' % (i, 60000 + i))
            shadow.write('trial%d:*:19000:0:99999:7:::\n' % i)


def start_sshd():
    with open(HERE + '/config', 'w') as file:
        file.write('\n'.join([
            'Port %d' % PORT, 'ListenAddress ' + ADDRESS, 'HostKey %s/host' % HERE,
            'AuthorizedKeysFile %s/lines/%%u' % HERE, 'StrictModes no', 'UsePAM no', 'UseDNS no',
            'PasswordAuthentication no', 'KbdInteractiveAuthentication no', 'PidFile none',
            'MaxStartups 200', 'MaxAuthTries 20', 'PrintMotd no', 'LogLevel ERROR', '']))
    subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', HERE + '/host'], check=True)
    os.makedirs('/run/sshd', mode=0o755, exist_ok=True)
    server = subprocess.Popen(['/usr/sbin/sshd', '-D', '-e', '-f', HERE + '/config'],
                              stderr=open(HERE + '/log', 'w'))
    return server


def sshd_admits(account, key):
    """True, False, or None if no answer came: then it is asked again."""
    hardware = key.name.startswith('sk-')
    run = subprocess.run(
        ['ssh', '-F', 'none', '-n', '-T', '-p', str(PORT), '-i', '%s/%s' % (HERE, key.name)] +
        (['-v'] if hardware else []) +
        [word for option in (
            'IdentitiesOnly=yes', 'IdentityAgent=none', 'BatchMode=yes', 'ControlPath=none',
            'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'ConnectTimeout=20',
            'GlobalKnownHostsFile=/dev/null', 'PreferredAuthentications=publickey',
            'KexAlgorithms=curve25519-sha256', 'LogLevel=' + ('DEBUG1' if hardware else 'ERROR'))
         for word in ('-o', option)] + ['%s@%s' % (account, ADDRESS), 'true'],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    if run.returncode == 0 or b'Server accepts key' in run.stderr:
        return True
    return False if b'Permission denied (publickey)' in run.stderr else None


def try_case(accounts, keys, judge, case):
    """What sshd said, and what the agent."""
    what, name, content = case
    account = accounts.get()
    try:
        with open('%s/lines/%s' % (HERE, account), 'wb') as file:
            file.write(content)
        for _ in range(5):
            answer = sshd_admits(account, keys[name])
            if answer is not None:
                break
            time.sleep(0.2)
        return answer, judge.ask(keys[name], content)
    finally:
        accounts.put(account)


class Judge:
    """The agent's parser; asked right after sshd, since time passes for both."""

    def __init__(self, program):
        self.lock = threading.Lock()
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, key, content):
        with self.lock:
            self.process.stdin.write(b' '.join(
                text.hex().encode() for text in (key.line, ADDRESS.encode(), content)) + b'\n')
            self.process.stdin.flush()
            return self.process.stdout.readline().decode(errors='replace').strip()


def show(case, sshd, judge):
    what, name, content = case
    print('DISAGREE %s, key %s: sshd %s, agent %s' % (
        what, name, {True: 'accepted', False: 'refused', None: 'did not answer'}[sshd], judge))
    text = content if len(content) < 700 else content[:600] + b'...' + content[-90:]
    print('    %r' % text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--judge', required=True)
    parser.add_argument('--seed', type=int, default=int(time.time()))
    parser.add_argument('--count', type=int, default=100)
    parser.add_argument('--share', type=float, default=0.1)
    parser.add_argument('--workers', type=int, default=4)
    wanted = parser.parse_args()
    os.makedirs(HERE + '/lines', mode=0o755)
    zone = cases.zone_in_summer()
    os.path.lexists('/etc/localtime') and os.unlink('/etc/localtime')
    os.symlink('/usr/share/zoneinfo/' + zone, '/etc/localtime')
    time.tzset()
    keys = make_keys()
    make_accounts(wanted.workers)
    server = start_sshd()
    begin = time.monotonic()
    all_cases = cases.every_case(keys, zone, wanted.seed, wanted.count, wanted.share)
    accounts = queue.Queue()
    for i in range(wanted.workers):
        accounts.put('trial%d' % i)
    with concurrent.futures.ThreadPoolExecutor(wanted.workers) as pool:
        judge = Judge(wanted.judge)
        both = list(pool.map(lambda case: try_case(accounts, keys, judge, case), all_cases))
    answers = [sshd for sshd, _ in both]
    server.terminate()
    wrong = [(case, sshd, agent) for case, (sshd, agent) in zip(all_cases, both)
             if sshd != (agent == 'accepted')]
    for row in wrong:
        show(*row)
    print('%d lines (%d accepted by sshd, %d refused), %d disagreements, %.0f s; seed %d, zone %s' % (
        len(all_cases), answers.count(True), answers.count(False), len(wrong),
        time.monotonic() - begin, wanted.seed, zone))
    if None in answers:
        print(open(HERE + '/log').read()[-2000:])
    sys.exit(1 if wrong else 0)


main()
