#!/usr/bin/env python3
"""keys.py DIRECTORY COUNT: files 1.pub … with ed25519 public keys, and all.txt with a
blob a line. Nobody has their private half: sshd takes any 32 bytes for such a key."""
import base64, os, struct, sys

directory, count = sys.argv[1], int(sys.argv[2])
os.makedirs(directory)
with open(os.path.join(directory, 'all.txt'), 'w') as everything:
    for number in range(1, count + 1):
        blob = b''.join(struct.pack('>I', len(part)) + part
                        for part in (b'ssh-ed25519', os.urandom(32)))
        text = base64.b64encode(blob).decode()
        everything.write(text + '\n')
        with open(os.path.join(directory, '%d.pub' % number), 'w') as file:
            file.write('ssh-ed25519 %s key%d\n' % (text, number))
