#!/usr/bin/env python3
"""listener.py MODE: stands on the tmux socket of root in place of a server.

silent: answers nobody. close: hangs up on everybody. noise: answers with random bytes.
version: answers as a server of another protocol does (tmux's proc.c, peer_check_version:
an imsg header of type MSG_VERSION whose peerid is the server's protocol).
Ends as a daemon; the socket is there when the parent returns.
"""
import os
import socket
import struct
import sys

MSG_VERSION = 12

mode = sys.argv[1]
os.makedirs("/tmp/tmux-0", mode=0o700, exist_ok=True)
server = socket.socket(socket.AF_UNIX)
server.bind("/tmp/tmux-0/default")
server.listen(0 if mode == "silent" else 16)
if os.fork():
    sys.exit(0)
os.setsid()
null = os.open("/dev/null", os.O_RDWR)
for fd in range(3):
    os.dup2(null, fd)
kept = []
while True:
    if mode == "silent":
        os.kill(os.getpid(), 0)
        import signal
        signal.pause()
    client, _ = server.accept()
    try:
        if mode == "noise":
            client.sendall(os.urandom(4096))
        if mode == "version":
            client.sendall(struct.pack("=IHHII", MSG_VERSION, 16, 0, 7, os.getpid()))
    except OSError:
        pass  # who only looked whether somebody listens has gone already
    if mode != "close":
        kept.append(client)
    else:
        client.close()
