#!/usr/bin/env python3
"""graft.py PID SOURCE TARGET: mounts the directory SOURCE of this mount namespace on
TARGET in that of process PID (open_tree(2), move_mount(2))."""
import ctypes, os, sys

pid, source, target = sys.argv[1:4]
libc = ctypes.CDLL(None, use_errno=True)
OPEN_TREE, MOVE_MOUNT = 428, 429
AT_FDCWD, OPEN_TREE_CLONE, AT_RECURSIVE = -100, 1, 0x8000
MOVE_MOUNT_F_EMPTY_PATH, CLONE_NEWNS = 4, 0x20000

def check(result, what):
    if result < 0:
        sys.exit('%s: %s' % (what, os.strerror(ctypes.get_errno())))
    return result

tree = check(libc.syscall(OPEN_TREE, AT_FDCWD, source.encode(), OPEN_TREE_CLONE | os.O_CLOEXEC),
             'open_tree')
namespace = os.open('/proc/%s/ns/mnt' % pid, os.O_RDONLY)
check(libc.setns(namespace, CLONE_NEWNS), 'setns')
check(libc.syscall(MOVE_MOUNT, tree, b'', AT_FDCWD, target.encode(), MOVE_MOUNT_F_EMPTY_PATH),
      'move_mount')
