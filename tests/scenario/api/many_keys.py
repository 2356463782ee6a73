#!/usr/bin/env python3
"""many_keys.py COUNT FILE: writes a file of that many ed25519 keys. A key is any 32 bytes:
they need not be a point of the curve to be listed."""
import base64, os, struct, sys

head = struct.pack('>I', 11) + b'ssh-ed25519' + struct.pack('>I', 32)
with open(sys.argv[2], 'w') as file:
    for _ in range(int(sys.argv[1])):
        print('ssh-ed25519', base64.b64encode(head + os.urandom(32)).decode(), file=file)
