"""An agent whose every text is somebody's attack on a terminal or a log.

    agent.py SOCKET STREAM

Answers any route with an object that has all members that a command shows. The route of
events sends the bytes of the file STREAM, each line as a chunk; behind a line "HOLD" it
says nothing more and keeps the connection."""
import json
import os
import socket
import sys
import threading
import time

EVIL = ('\x1b]0;title\x07\x1b[2J\x1b[31mred\r\nvastagent: forged line\n'
        '\x9b31m\x85\u2028\u202egnp.exe\x7fend')
ROW = {
    'pid': 7, 'user': EVIL, 'client': EVIL, 'tty': EVIL, 'since': EVIL, 'tmux': EVIL,
    'type': EVIL, 'listen': EVIL, 'target': EVIL, 'connections': 1, 'attributed': EVIL,
    'session': {'pid': 7, 'user': EVIL, 'client': EVIL}, 'process': EVIL, 'address': EVIL,
    'port': 80, 'public': EVIL, 'url': EVIL, 'command': EVIL, 'state': 'active',
    'fingerprint': 'SHA256:' + EVIL, 'bits': 256, 'comment': EVIL, 'options': EVIL,
    'name': 'mate', 'source': EVIL, 'origin': EVIL, 'reason': EVIL, 'pinned': False,
    'added': EVIL, 'expires': EVIL, 'line': 1, 'file': EVIL, 'code': EVIL,
}
KEYS = {'user': EVIL, 'file': EVIL, 'keys': [ROW], 'added': [ROW], 'existing': [ROW],
        'removed': [ROW], 'rejected': [], 'notes': [EVIL], 'sessions': [7],
        'swept': [{'user': EVIL, 'file': EVIL, 'removed': [ROW]}]}
ANSWERS = {
    '/v1/sessions': {'sessions': [ROW]},
    '/v1/forwards': {'forwards': [ROW], 'complete': False},
    '/v1/services': {'services': [ROW], 'complete': False},
    '/v1/adopt': {'adopted': [KEYS], 'notes': [EVIL]},
    '/v1/status': {'version': EVIL, 'pid': 1, 'uptime_seconds': 1, 'socket': EVIL,
                   'instance': EVIL, 'accounts': [{'user': EVIL, 'file': EVIL, 'state': EVIL}],
                   'counters': {EVIL: 1}, 'warnings': [EVIL]},
    '/v1/reload': None,
}


def read_request(client):
    data = b''
    while b'\r\n\r\n' not in data:
        data += client.recv(65536)
    head, body = data.split(b'\r\n\r\n', 1)
    for line in head.split(b'\r\n'):
        if line.lower().startswith(b'content-length:'):
            while len(body) < int(line.split(b':')[1]):
                body += client.recv(65536)
    return head.split()[1].decode()


def stream(client, lines):
    client.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    for line in lines:
        if line == b'HOLD\n':
            while client.recv(4096):
                pass
            return
        if line == b'PAUSE\n':
            time.sleep(0.3)
            continue
        client.sendall(b'%x\r\n%s\r\n' % (len(line), line))
    client.sendall(b'0\r\n\r\n')


def serve(client, file):
    with client:
        path = read_request(client)
        route = path.split('?')[0]
        if route == '/v1/events':
            with open(file, 'rb') as lines:
                stream(client, list(lines))
            return
        answer = ANSWERS.get(route, KEYS)
        failed = answer is None
        if failed:
            answer = {'error': {'code': 'internal', 'message': EVIL, 'line': 3}}
        body = json.dumps(answer).encode() + b'\n'
        client.sendall(b'HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%s'
                       % (503 if failed else 200, len(body), body))


def main():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    os.chmod(sys.argv[1], 0o666)
    listener.listen(64)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, sys.argv[2]), daemon=True).start()


main()
