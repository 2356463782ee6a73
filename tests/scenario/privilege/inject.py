"""inject.py PID CALL...: makes a process that waits in a system call try others, as code that
got into it would, and prints "CALL: RESULT" for each. x86_64 only.

The instruction that entered the call it waits in is used again with other registers; then
everything is put back, and the process goes on waiting.
"""
import ctypes
import errno
import os
import signal
import sys

ATTACH, DETACH, GETREGS, SETREGS, SINGLESTEP = 16, 17, 12, 13, 9
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
NAMES = ('r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags '
         'rsp ss fs_base gs_base ds es fs gs').split()


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in NAMES]


# name: number, arguments ("PATH": the address of "/bin/true", "ARGV": of an argument list)
CALLS = {
    'getpid': (39, []),
    'execve': (59, ['PATH', 'ARGV', 0]),
    'socket unix': (41, [1, 1, 0]),
    'socket inet': (41, [2, 1, 0]),
    'socket inet6': (41, [10, 2, 0]),
    'socket netlink': (41, [16, 3, 4]),
    'socket packet': (41, [17, 3, 0]),
    'ptrace': (101, [0, 0, 0]),
    'mount': (165, ['PATH', 'PATH', 'PATH', 4096, 0]),
    'unshare': (272, [0x10000000]),
    'bpf': (321, [0, 0, 0]),
    'keyctl': (250, [0, 0, 0]),
    'init_module': (175, ['PATH', 1, 'PATH']),
    'kexec_load': (246, [0, 0, 0]),
    'executable memory': (9, [0, 4096, 7, 0x22, 0xffffffffffffffff, 0]),
    'dumpable again': (157, [4, 1, 0, 0, 0]),
}


def trace(request, pid, data=None):
    if libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), 'ptrace %d' % request)


def wait(pid):
    os.waitpid(pid, 0x40000000)  # __WALL


def call(pid, saved, place, name):
    number, arguments = CALLS[name]
    known = {'PATH': place, 'ARGV': place + 16}
    values = [known.get(a, a) for a in arguments] + [0] * (6 - len(arguments))
    used = Registers.from_buffer_copy(saved)
    used.rip = saved.rip - 2
    used.rax, used.orig_rax = number, 0xffffffffffffffff
    used.rdi, used.rsi, used.rdx, used.r10, used.r8, used.r9 = values
    trace(SETREGS, pid, ctypes.byref(used))
    trace(SINGLESTEP, pid)
    wait(pid)
    trace(GETREGS, pid, ctypes.byref(used))
    result = ctypes.c_longlong(used.rax).value
    return errno.errorcode.get(-result, str(result)) if -4096 < result < 0 else 'done'


def main():
    pid = int(sys.argv[1])
    saved = Registers()
    trace(ATTACH, pid)
    wait(pid)
    trace(GETREGS, pid, ctypes.byref(saved))
    memory = os.open('/proc/%d/mem' % pid, os.O_RDWR)
    if os.pread(memory, 2, saved.rip - 2) != b'\x0f\x05':
        sys.exit('it does not wait in a system call')
    place = (saved.rsp - 4096) & ~0xf
    before = os.pread(memory, 32, place)
    os.pwrite(memory, b'/bin/true\0'.ljust(16, b'\0') + place.to_bytes(8, 'little') + bytes(8),
              place)
    for name in sys.argv[2:]:
        print('%s: %s' % (name, call(pid, saved, place, name)))
    os.pwrite(memory, before, place)
    trace(SETREGS, pid, ctypes.byref(saved))
    trace(DETACH, pid)
    os.kill(pid, signal.SIGCONT)


main()
