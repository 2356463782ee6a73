/*
 * filter FILE: writes the filter of the agent's system calls as a C source, for
 * daemon/confine.c. Runs at build time, so that the agent does not carry libseccomp.
 *
 * What is in the list is allowed. What can be used against the machine is refused with
 * EPERM. Whatever else there is or will be is answered as a kernel would that does not know
 * it: a C library that is newer than this list then does what it did before. Nothing is
 * killed: an agent that is killed at its work locks people out.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define NEW_NAMESPACES                                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
		CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)

static const char *const allowed[] = {
	/* files */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "lseek", "_llseek", "close",
	"close_range", "fsync", "fdatasync", "ftruncate", "ftruncate64", "fallocate", "open",
	"openat", "openat2", "stat", "fstat", "lstat", "stat64", "fstat64", "lstat64", "newfstatat",
	"fstatat64", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat",
	"getdents", "getdents64", "statfs", "fstatfs", "rename", "renameat", "renameat2", "link",
	"linkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "symlink", "symlinkat",
	"chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat",
	"utimensat", "umask", "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr",
	"flistxattr", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr",
	"fremovexattr", "fcntl", "fcntl64", "flock", "dup", "dup2", "dup3", "pipe", "pipe2",
	"sendfile", "sendfile64", "splice", "copy_file_range", "memfd_create", "fadvise64", "chdir",
	"fchdir", "getcwd",
	/* waiting */
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
	"poll", "ppoll", "select", "_newselect", "pselect6", "eventfd", "eventfd2",
	"timerfd_create", "timerfd_settime", "timerfd_gettime", "signalfd4", "inotify_init",
	"inotify_init1", "inotify_add_watch", "inotify_rm_watch",
	/* sockets that are there; making one is below */
	"connect", "bind", "listen", "accept", "accept4", "sendto", "recvfrom", "send", "recv",
	"sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "shutdown", "getsockname", "getpeername",
	"getsockopt", "setsockopt",
	/* memory */
	"munmap", "mremap", "madvise", "brk", "msync", "mlock", "munlock",
	/* processes and threads */
	"fork", "vfork", "wait4", "waitid", "exit", "exit_group", "kill", "tgkill", "tkill",
	"getpid", "gettid", "getppid", "getpgid", "getpgrp", "getsid", "setsid", "setpgid",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigsuspend",
	"rt_sigpending", "sigreturn", "sigaltstack", "alarm", "setitimer", "getitimer", "pause",
	"restart_syscall", "futex", "futex_waitv", "set_robust_list", "get_robust_list",
	"set_tid_address", "rseq", "membarrier", "sched_yield", "sched_getaffinity",
	"sched_getparam", "sched_getscheduler", "getcpu", "arch_prctl", "getrlimit", "ugetrlimit",
	"getrusage", "times",
	/* ids */
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "getuid",
	"geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "capget",
	/* the time, the machine */
	"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
	"sysinfo", "uname", "getrandom"};

static const char *const refused[] = {"execve", "execveat", "uselib", "ptrace", "process_vm_readv",
	"process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "capset", "chroot",
	"pivot_root", "mount", "umount", "umount2", "mount_setattr", "move_mount", "open_tree",
	"fsopen", "fsconfig", "fsmount", "fspick", "setns", "unshare", "mknod", "mknodat",
	"name_to_handle_at", "open_by_handle_at", "fanotify_init", "quotactl", "quotactl_fd",
	"swapon", "swapoff", "acct", "init_module", "finit_module", "delete_module",
	"create_module", "kexec_load", "kexec_file_load", "reboot", "bpf", "perf_event_open",
	"userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "add_key",
	"request_key", "keyctl", "iopl", "ioperm", "modify_ldt", "syslog", "settimeofday",
	"clock_settime", "clock_adjtime", "adjtimex", "stime", "sethostname", "setdomainname",
	"personality", "vhangup", "nfsservctl", "lookup_dcookie", "setpriority",
	"sched_setscheduler", "sched_setattr", "migrate_pages", "move_pages", "mbind",
	"set_mempolicy", "memfd_secret", "socketcall"};

static scmp_filter_ctx filter;

static void check(int result, const char *what)
{
	if (result == 0)
		return;
	fprintf(stderr, "filter: %s: %s\n", what, strerror(-result));
	exit(1);
}

/* A call that this machine or this libseccomp does not have needs no rule. */
static void add(uint32_t action, const char *name, unsigned count, const struct scmp_arg_cmp *tests)
{
	int number = seccomp_syscall_resolve_name(name);

	if (number >= 0)
		check(seccomp_rule_add_array(filter, action, number, count, tests), name);
}

static void add_one(uint32_t action, const char *name, struct scmp_arg_cmp test)
{
	add(action, name, 1, &test);
}

static void add_all(uint32_t action, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add(action, names[i], 0, NULL);
}

static void add_conditions(void)
{
	static const int controls[] = {PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_DUMPABLE,
		PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP, PR_SET_CHILD_SUBREAPER,
		PR_CAPBSET_READ};
	static const unsigned long requests[] = {FIONREAD, FIONBIO, TCGETS};
	static const char *const mappings[] = {"mmap", "mmap2", "mprotect"};
	static const char *const sockets[] = {"socket", "socketpair"};

	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++) {
		add_one(SCMP_ACT_ALLOW, sockets[i], SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
		add_one(SCMP_ACT_ERRNO(EPERM), sockets[i], SCMP_A0(SCMP_CMP_NE, AF_UNIX));
	}
	/* No new code, in memory either. */
	for (size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++) {
		add_one(SCMP_ACT_ALLOW, mappings[i], SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		add_one(SCMP_ACT_ERRNO(EPERM), mappings[i],
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
	}
	/* clone3(2) hides its flags in memory; without it the C library uses clone(2). */
	add_one(SCMP_ACT_ALLOW, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, NEW_NAMESPACES, 0));
	for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
		add_one(SCMP_ACT_ALLOW, "prctl", SCMP_A0(SCMP_CMP_EQ, (unsigned)controls[i]));
	add(SCMP_ACT_ALLOW, "prctl", 2,
		(const struct scmp_arg_cmp[]){
			SCMP_A0(SCMP_CMP_EQ, PR_SET_DUMPABLE), SCMP_A1(SCMP_CMP_EQ, 0)});
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		add_one(SCMP_ACT_ALLOW, "ioctl", SCMP_A1(SCMP_CMP_EQ, requests[i]));
	/* Limits are read. */
	add_one(SCMP_ACT_ALLOW, "prlimit64", SCMP_A2(SCMP_CMP_EQ, 0));
	add_one(SCMP_ACT_ERRNO(EPERM), "prlimit64", SCMP_A2(SCMP_CMP_NE, 0));
}

static size_t export(struct sock_filter *program, size_t size)
{
	FILE *file = tmpfile();
	size_t count;

	if (!file)
		exit(1);
	check(seccomp_export_bpf(filter, fileno(file)), "seccomp_export_bpf");
	rewind(file);
	count = fread(program, sizeof(*program), size, file);
	if (count == 0 || count == size)
		exit(1);
	fclose(file);
	return count;
}

int main(int argc, char **argv)
{
	static struct sock_filter program[BPF_MAXINSNS + 1];
	FILE *out;
	size_t count;

	filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (!filter || argc != 2)
		return 1;
	/* Calls of another kind (32 bits, x32) would not be looked at. */
	check(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "badarch");
	check(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
	add_all(SCMP_ACT_ALLOW, allowed, sizeof(allowed) / sizeof(allowed[0]));
	add_all(SCMP_ACT_ERRNO(EPERM), refused, sizeof(refused) / sizeof(refused[0]));
	add_conditions();
	count = export(program, BPF_MAXINSNS + 1);
	out = fopen(argv[1], "w");
	if (!out)
		return 1;
	fprintf(out, "#include <linux/filter.h>\n\n"
		     "extern const struct sock_filter confine_program[];\n"
		     "extern const unsigned short confine_program_length;\n\n"
		     "const struct sock_filter confine_program[] = {\n");
	for (size_t i = 0; i < count; i++)
		fprintf(out, "\t{0x%x, %u, %u, 0x%x},\n", program[i].code, program[i].jt,
			program[i].jf, program[i].k);
	fprintf(out, "};\nconst unsigned short confine_program_length = %zu;\n", count);
	return fclose(out) == 0 ? 0 : 1;
}
