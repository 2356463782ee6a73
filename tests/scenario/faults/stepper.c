/*
 * stepper WHOSE PID STEP ACTION CMD...
 *
 * Runs CMD, and counts system calls in the order in which they are entered, WHOSE:
 *
 *   children        of every process that process PID (the agent) starts from now on
 *   agent           of process PID alone
 *   helper          of process PID (the agent's helper) and of all that it starts
 *   command         of CMD and of all that it starts, where it is vastagent; PID is 0
 *
 * At the STEPth (from 1) it does what ACTION says:
 *
 *   kill            PID and all its processes die at once, before the call
 *   ERRNO:CALLS     the call is not made and fails with that (EIO, ENOSPC …); CALLS, names
 *                   with commas, are the only ones that are counted; "all" are those
 *                   that a program may expect to fail
 *
 * Prints "CALLS STATUS DONE CRASHES": how many calls were counted until CMD ended, CMD's
 * exit status (-1: killed), the number of the call at which something was done (-1:
 * nothing was, STEP is past the end), and how many processes crashed. Exits 0, or 1 if it
 * cannot trace.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACEES 64

static enum { CHILDREN, AGENT, HELPER, COMMAND } whose;
static pid_t agent, command;
static long crashes;
static struct {
	pid_t pid;
	int failing; /* this call's result is to be replaced */
} tracees[TRACEES];
static int tracee_count;
static long calls, step, done = -1;
static int error_number; /* 0: kill */
static const char *only;

static int find(pid_t pid)
{
	for (int i = 0; i < tracee_count; i++)
		if (tracees[i].pid == pid)
			return i;
	if (tracee_count == TRACEES)
		exit(1);
	tracees[tracee_count].pid = pid;
	tracees[tracee_count].failing = 0;
	return tracee_count++;
}

static void forget(pid_t pid)
{
	tracees[find(pid)] = tracees[tracee_count - 1];
	tracee_count--;
}

static void kill_all(void)
{
	kill(agent, SIGKILL);
	for (int i = 0; i < tracee_count; i++)
		kill(tracees[i].pid, SIGKILL);
}

static const struct {
	const char *name;
	unsigned long long number;
} names[] = {
	{"write", SYS_write},
	{"pwrite64", SYS_pwrite64},
	{"fsync", SYS_fsync},
	{"openat", SYS_openat},
	{"ftruncate", SYS_ftruncate},
	{"close", SYS_close},
	{"fchmod", SYS_fchmod},
	{"fchown", SYS_fchown},
	{"renameat2", SYS_renameat2},
	{"unlinkat", SYS_unlinkat},
	{"fallocate", SYS_fallocate},
	{"fsetxattr", SYS_fsetxattr},
	{"mkdirat", SYS_mkdirat},
#ifdef SYS_rename
	{"rename", SYS_rename},
	{"open", SYS_open},
	{"unlink", SYS_unlink},
	{"mkdir", SYS_mkdir},
#endif
	{"renameat", SYS_renameat},
};

static const struct {
	const char *name;
	int number;
} errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EDQUOT", EDQUOT}, {"EROFS", EROFS},
	{"EBUSY", EBUSY}, {"EINTR", EINTR}, {"ENOMEM", ENOMEM}, {"EMFILE", EMFILE},
	{"EPERM", EPERM}};

static int is_listed(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return 1;
	return 0;
}

/* Calls that do not fail, or not so (libsodium aborts without random bytes, as it says), or
 * whose failure would be no story. */
static const unsigned long long never[] = {SYS_exit, SYS_exit_group, SYS_rt_sigreturn,
	SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_munmap, SYS_getpid, SYS_gettid, SYS_getppid,
	SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_clock_gettime, SYS_umask,
	SYS_set_tid_address, SYS_set_robust_list, SYS_futex, SYS_wait4, SYS_waitid, SYS_kill,
	SYS_restart_syscall, SYS_clock_nanosleep, SYS_close,
#ifdef SYS_arch_prctl
	SYS_arch_prctl, /* only the C library's beginning calls it */
#endif
	SYS_brk, SYS_mprotect, SYS_getrandom, SYS_sched_yield, SYS_prlimit64, SYS_rt_sigtimedwait,
	SYS_execve};

static int may_fail(unsigned long long number)
{
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (never[i] == number)
			return 0;
	return 1;
}

/* The agent, its parent and the client go by that name, and its helper by one that begins
 * so; who calls them does not. */
static int is_vastagent(pid_t pid)
{
	char path[32], name[10] = "";
	FILE *comm;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	comm = fopen(path, "r");
	if (!comm)
		return 0;
	if (!fgets(name, sizeof(name), comm))
		name[0] = '\0';
	fclose(comm);
	return strncmp(name, "vastagent", 9) == 0;
}

static int is_one_of(pid_t pid)
{
	if (whose == COMMAND)
		return is_vastagent(pid);
	return whose == HELPER || (pid == agent) == (whose == AGENT);
}

static int is_counted(unsigned long long number)
{
	if (!only)
		return 1;
	if (strcmp(only, "all") == 0)
		return may_fail(number);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == number)
			return is_listed(only, names[i].name);
	return 0;
}

static int parse_action(const char *action)
{
	only = strchr(action, ':');
	if (strcmp(action, "kill") == 0)
		return 0;
	for (size_t i = 0; only && i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strncmp(action, errors[i].name, (size_t)(only - action)) == 0)
			error_number = errors[i].number;
	only = only ? only + 1 : NULL;
	return error_number ? 0 : -1;
}

#if defined(__x86_64__)
static void change(pid_t pid, int skip)
{
	struct user_regs_struct registers;
	struct iovec part = {&registers, sizeof(registers)};

	ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part);
	if (skip)
		registers.orig_rax = (unsigned long long)-1;
	else
		registers.rax = (unsigned long long)-error_number;
	ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part);
}
#elif defined(__aarch64__)
static void change(pid_t pid, int skip)
{
	struct user_regs_struct registers;
	struct iovec part = {&registers, sizeof(registers)};
	int number = -1;
	struct iovec call = {&number, sizeof(number)};

	if (skip) {
		ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &call);
		return;
	}
	ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part);
	registers.regs[0] = (unsigned long long)-error_number;
	ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part);
}
#else
#error "the registers of this machine are not known here"
#endif

static void on_syscall(pid_t pid)
{
	struct __ptrace_syscall_info info;
	int i = find(pid);

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT && tracees[i].failing) {
		tracees[i].failing = 0;
		change(pid, 0);
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY || done >= 0 || !is_counted(info.entry.nr) ||
		!is_one_of(pid) || ++calls != step)
		return;
	done = (long)info.entry.nr;
	if (error_number == 0) {
		kill_all();
	} else {
		tracees[i].failing = 1;
		change(pid, 1);
	}
}

static void on_stop(pid_t pid, int status)
{
	int event = status >> 16, number = WSTOPSIG(status);

	find(pid);
	if (event == 0 && (number == SIGSEGV || number == SIGABRT || number == SIGBUS))
		crashes++;
	if (event == PTRACE_EVENT_STOP && number != SIGTRAP && number != SIGSTOP)
		ptrace(PTRACE_LISTEN, pid, 0, 0);
	if (event == 0 && number == (SIGTRAP | 0x80)) {
		on_syscall(pid);
		number = 0;
	} else if (event != 0) {
		number = 0;
	}
	ptrace(PTRACE_SYSCALL, pid, 0, number);
}

/* Returns 0, or -1 if it cannot be traced where it has to be. */
static int start(char *const argv[], long options)
{
	int ends[2];
	char byte = 0;

	if (pipe(ends) != 0)
		return -1;
	command = fork();
	if (command == 0) {
		close(ends[1]);
		if (read(ends[0], &byte, 1) == 1)
			execvp(argv[0], argv);
		_exit(127);
	}
	close(ends[0]);
	if (command < 0 ||
		(whose == COMMAND && (ptrace(PTRACE_SEIZE, command, 0, options) != 0 ||
					     ptrace(PTRACE_INTERRUPT, command, 0, 0) != 0)))
		return -1;
	if (write(ends[1], &byte, 1) != 1)
		return -1;
	close(ends[1]);
	return 0;
}

/* Lets the agent's processes go on by themselves. */
static void release(void)
{
	for (int i = 0; i < tracee_count; i++) {
		kill(tracees[i].pid, 0);
		ptrace(PTRACE_INTERRUPT, tracees[i].pid, 0, 0);
	}
	while (tracee_count > 0) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0)
			return;
		if (WIFSTOPPED(status))
			ptrace(PTRACE_DETACH, pid, 0,
				status >> 16 || WSTOPSIG(status) == (SIGTRAP | 0x80)
					? 0
					: WSTOPSIG(status));
		forget(pid);
	}
}

int main(int argc, char **argv)
{
	const long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
			     PTRACE_O_TRACESYSGOOD;
	int status, result = -2;
	pid_t pid;

	if (argc < 6)
		return 1;
	whose = strcmp(argv[1], "agent") == 0     ? AGENT
		: strcmp(argv[1], "helper") == 0  ? HELPER
		: strcmp(argv[1], "command") == 0 ? COMMAND
						  : CHILDREN;
	agent = (pid_t)atoi(argv[2]);
	step = atol(argv[3]);
	if (parse_action(argv[4]) != 0) {
		fprintf(stderr, "stepper: no such action: %s\n", argv[4]);
		return 1;
	}
	if ((whose != COMMAND && (ptrace(PTRACE_SEIZE, agent, 0, options) != 0 ||
					 ptrace(PTRACE_INTERRUPT, agent, 0, 0) != 0)) ||
		start(argv + 5, options) != 0) {
		perror("stepper: ptrace");
		return 1;
	}
	while (result == -2 || (error_number == 0 && done >= 0 && tracee_count > 0)) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0)
			break;
		if (pid == command && !WIFSTOPPED(status)) {
			result = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
			if (whose == COMMAND)
				forget(pid);
		} else if (WIFSTOPPED(status))
			on_stop(pid, status);
		else
			forget(pid);
	}
	if (!(error_number == 0 && done >= 0))
		release();
	printf("%ld %d %ld %ld\n", calls, result, done, crashes);
	return 0;
}
