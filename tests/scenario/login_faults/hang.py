#!/usr/bin/env python3
"""hang.py DIRECTORY: mounts a file system there in which every look at a file hangs."""
import ctypes
import os
import signal
import struct
import sys

os.makedirs(sys.argv[1], exist_ok=True)
if not os.path.exists('/dev/fuse'):
    os.mknod('/dev/fuse', 0o20600, os.makedev(10, 229))
fuse = os.open('/dev/fuse', os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = f'fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other'
if libc.mount(b'hang', sys.argv[1].encode(), b'fuse', 0, options.encode()) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
# FUSE_INIT is answered as of version 7.31 (linux/fuse.h), what comes after it is not read.
unique = struct.unpack('<IIQ', os.read(fuse, 1 << 17)[:16])[2]
answer = struct.pack('<IIIIHHII', 7, 31, 65536, 0, 12, 9, 65536, 1) + bytes(32)
os.write(fuse, struct.pack('<IiQ', 16 + len(answer), 0, unique) + answer)
signal.pause()
