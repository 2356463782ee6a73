#!/usr/bin/env python3
"""events.py AGENT OWN OTHER: follows the events as root and as two accounts, while keys of OWN
come and go; readers that do not read, or vanish; and an agent that sleeps when all are gone."""
import base64, json, os, select, struct, sys, time
from client import as_uid, ask, connect

AGENT, OWN, OTHER = map(int, sys.argv[1:])
JOURNAL = '/var/lib/vastagent/events.jsonl'


def expect(what, holds, seen=''):
    if not holds:
        sys.exit('%s: %s' % (what, seen))
    print('ok', what, seen, flush=True)


class Follower:
    def __init__(self, query='?follow=1'):
        self.link, self.text = connect(), b''
        self.link.send(b'GET /v1/events%s HTTP/1.1\r\nHost: localhost\r\n\r\n' % query.encode())
        self.until(b'\r\n\r\n')

    def until(self, what, seconds=5):
        """Reads until that has come; returns all the text."""
        end = time.monotonic() + seconds
        while what not in self.text and time.monotonic() < end:
            if select.select([self.link], [], [], 0.1)[0]:
                part = self.link.recv(65536)
                if not part:
                    break
                self.text += part
        return self.text


def one_key(number):
    blob = struct.pack('>I', 11) + b'ssh-ed25519' + struct.pack('>I', 32) + number.to_bytes(32, 'big')
    return 'ssh-ed25519 ' + base64.b64encode(blob).decode()


def add(number):
    return ask('POST', '/v1/keys', {'text': one_key(number)})


def descriptors():
    return len(os.listdir('/proc/%d/fd' % AGENT))


def own_stream():
    """As OWN: its own key, and what root did to its account."""
    follower = Follower()
    add(1)
    text = follower.until(b'"added"')
    return text.decode(), ask('GET', '/v1/events')[1]


def other_stream():
    follower = Follower()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return follower.until(b'"event"', 1).decode(), ask('GET', '/v1/events')[1]


idle = descriptors()
root = Follower()
expect('root adds a key of the account', ask('POST', '/v1/keys', {'text': one_key(7), 'user': 'alice'})[0] == 200)
line = json.loads(root.until(b'}\n\r\n').split(b'\r\n')[-2])
expect('root sees who and with what', line['by']['program'] == 'python3' and line['user'] == 'alice', line)
live, kept = as_uid(OWN, own_stream)
kept = [json.loads(one) for one in kept.splitlines()]
expect('the account sees its own change at once', '"added"' in live and '"pid"' in live)
expect('and that of root, without pid and program', {'uid': 0} in [one['by'] for one in kept], kept)
expect('and only its own', {one['user'] for one in kept} == {'alice'})
live, kept = as_uid(OTHER, other_stream)
expect('another account sees nothing of it', '"event"' not in live and 'alice' not in str(kept), (live, kept))
expect('the last lines only', len(as_uid(0, ask, 'GET', '/v1/events?lines=1')[1]) > 0)
expect('a number that is none', ask('GET', '/v1/events?lines=x')[0] == 400)

lazy = Follower()
gone = [Follower() for _ in range(5)]
for follower in gone:
    follower.link.close()
filler = (json.dumps(dict(line, reason='x' * 900)) + '\n').encode()
for _ in range(10):             # as fast as no person changes keys: two journals' worth
    with open(JOURNAL, 'ab') as file:
        for _ in range(100):
            file.write(filler)
    root.text = b''
    root.until(b'"reason":"never"', 0.05)
text = lazy.until(b'0\r\n\r\n', 5)
expect('who does not read is told so, and the stream ends', b'{"event":"lagged"}' in text and
       text.endswith(b'0\r\n\r\n'), text[-200:])
expect('who reads is not', b'lagged' not in root.text)
quiet = Follower()
begin = time.monotonic()
quiet.text = b''
quiet.until(b'1\r\n\n\r\n', 17)
expect('an empty line comes every 15 seconds', quiet.text == b'1\r\n\n\r\n', '%.1f s' % (time.monotonic() - begin))
for follower in (root, lazy, quiet):
    follower.link.close()
end = time.monotonic() + 12
while descriptors() > idle and time.monotonic() < end:
    time.sleep(0.05)
expect('nothing stays open when all are gone', descriptors() <= idle, descriptors())
