#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/confine.h"
#include "daemon/helper.h"
#include "sys/process.h"

/* Runs a function in a child. Returns its status, as process_wait. */
static int in_child(int (*run)(const void *), const void *context)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(run(context));
	return process_wait(pid);
}

/* ---- the filter ---- */

struct call {
	const char *name;
	long number;
	unsigned long a, b, c, d;
	int wanted; /* errno; 0: it works */
};

static const char *const arguments[] = {"/bin/true", NULL};
static const struct rlimit large = {1 << 20, 1 << 20};

static const struct call calls[] = {
	{"execve", SYS_execve, (unsigned long)"/bin/true", (unsigned long)arguments, 0, 0, EPERM},
	{"execveat", SYS_execveat, (unsigned long)AT_FDCWD, (unsigned long)"/bin/true",
		(unsigned long)arguments, 0, EPERM},
	{"socket inet", SYS_socket, AF_INET, SOCK_STREAM, 0, 0, EPERM},
	{"socket inet6", SYS_socket, AF_INET6, SOCK_DGRAM, 0, 0, EPERM},
	{"socket netlink", SYS_socket, AF_NETLINK, SOCK_RAW, 4, 0, EPERM},
	{"socket packet", SYS_socket, AF_PACKET, SOCK_RAW, 0, 0, EPERM},
	{"socket vsock", SYS_socket, AF_VSOCK, SOCK_STREAM, 0, 0, EPERM},
	{"socket unix", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0, 0},
	{"ptrace", SYS_ptrace, PTRACE_TRACEME, 0, 0, 0, EPERM},
	{"process_vm_readv", SYS_process_vm_readv, 1, 0, 0, 0, EPERM},
	{"mount", SYS_mount, (unsigned long)"none", (unsigned long)"/proc", 0, 0, EPERM},
	{"unshare", SYS_unshare, CLONE_NEWUSER, 0, 0, 0, EPERM},
	{"a clone in new namespaces", SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, ENOSYS},
	{"clone3", SYS_clone3, 0, 0, 0, 0, ENOSYS},
	{"setns", SYS_setns, 0, 0, 0, 0, EPERM},
	{"chroot", SYS_chroot, (unsigned long)"/tmp", 0, 0, 0, EPERM},
	{"init_module", SYS_init_module, 0, 0, 0, 0, EPERM},
	{"kexec_load", SYS_kexec_load, 0, 0, 0, 0, EPERM},
	{"bpf", SYS_bpf, 0, 0, 0, 0, EPERM},
	{"perf_event_open", SYS_perf_event_open, 0, 0, 0, 0, EPERM},
	{"keyctl", SYS_keyctl, 0, 0, 0, 0, EPERM},
	{"userfaultfd", SYS_userfaultfd, 0, 0, 0, 0, EPERM},
	{"io_uring_setup", SYS_io_uring_setup, 1, 0, 0, 0, EPERM},
	{"open_by_handle_at", SYS_open_by_handle_at, 0, 0, 0, 0, EPERM},
	{"capset", SYS_capset, 0, 0, 0, 0, EPERM},
	{"code in memory", SYS_mprotect, 0, 0, PROT_READ | PROT_EXEC, 0, EPERM},
	{"data in memory", SYS_mprotect, 0, 0, PROT_READ | PROT_WRITE, 0, 0},
	{"dumpable", SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, ENOSYS},
	{"not dumpable", SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0},
	{"larger limits", SYS_prlimit64, 0, RLIMIT_CORE, (unsigned long)&large, 0, EPERM},
	{"keys into a terminal", SYS_ioctl, 0, TIOCSTI, (unsigned long)"x", 0, ENOSYS},
	{"what no kernel knows yet", 4000, 0, 0, 0, 0, ENOSYS},
};

static int under_filter(const void *context)
{
	const struct call *call = context;
	struct error error;

	confine_memory();
	switch (confine_calls(&error)) {
	case CONFINE_FILTER_REFUSED:
		return 200;
	case CONFINE_FILTER_NOT_BUILT:
		return 201;
	case CONFINE_FILTER_ON:
		break;
	}
	return syscall(call->number, call->a, call->b, call->c, call->d) == -1 ? errno : 0;
}

static bool has_filter(void)
{
	static const struct call nothing = {"getpid", SYS_getpid, 0, 0, 0, 0, 0};
	int result = in_child(under_filter, &nothing);

	assert_true(result == 0 || result >= 200);
	if (result)
		print_message("%s\n",
			result == 200 ? "this kernel takes no filter" : "this build has no filter");
	return result == 0;
}

static void calls_are_refused(void **state)
{
	(void)state;
	if (!has_filter())
		skip();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int result = in_child(under_filter, &calls[i]);

		if (result != calls[i].wanted)
			fail_msg("%s: %s", calls[i].name, strerror(result));
	}
}

/* The one of execve would be refused by whatever: without a filter it works. */
static int without_filter(const void *context)
{
	const struct call *call = context;

	return syscall(call->number, call->a, call->b, call->c, call->d) == -1 ? errno : 0;
}

static void it_is_the_filter(void **state)
{
	(void)state;
	assert_string_equal(calls[0].name, "execve");
	assert_int_equal(in_child(without_filter, &calls[0]), 0);
	assert_string_equal(calls[2].name, "socket inet");
	assert_int_equal(in_child(without_filter, &calls[2]), 0);
}

static void *write_one(void *fd)
{
	return write(*(int *)fd, "1", 1) == 1 ? fd : NULL;
}

/* Threads, processes, files, waiting: what the agent lives of. */
static int live(const void *context)
{
	int ends[2], memory, watch, number = 0;
	void *result = NULL;
	pthread_t thread;
	pid_t pid;

	(void)context;
	if (confine_calls(NULL) != CONFINE_FILTER_ON || pipe2(ends, O_CLOEXEC) != 0)
		return 1;
	if (pthread_create(&thread, NULL, write_one, &ends[1]) != 0 ||
		pthread_join(thread, &result) != 0 || result != &ends[1])
		return 2;
	pid = fork();
	if (pid == 0)
		_exit(7);
	if (process_wait(pid) != 7)
		return 3;
	memory = memfd_create("test", MFD_CLOEXEC);
	watch = inotify_init1(IN_CLOEXEC);
	if (memory < 0 || ftruncate(memory, 100) != 0 || watch < 0 ||
		inotify_add_watch(watch, "/", IN_CREATE) < 0)
		return 4;
	if (ioctl(ends[0], FIONREAD, &number) != 0 || number != 1)
		return 5;
	return setresuid(getuid(), geteuid(), (uid_t)-1) == 0 ? 0 : 6;
}

static int live_confined(const void *context)
{
	confine_memory();
	return live(context);
}

/* As on a kernel without seccomp(2): the filter refuses it, and prctl(2)'s way. */
static int try_again(const void *context)
{
	struct error error = {.message = ""};

	(void)context;
	confine_memory();
	if (confine_calls(&error) != CONFINE_FILTER_ON || *error.message)
		return 1;
	if (confine_calls(&error) != CONFINE_FILTER_REFUSED)
		return 2;
	return strstr(error.message, "no filter for system calls: ") ? 0 : 3;
}

static void a_kernel_that_takes_none_is_said(void **state)
{
	(void)state;
	if (!has_filter())
		skip();
	assert_int_equal(in_child(try_again, NULL), 0);
}

static void what_is_needed_works(void **state)
{
	(void)state;
	if (!has_filter())
		skip();
	assert_int_equal(in_child(live_confined, NULL), 0);
}

/* ---- memory ---- */

static int crash(const void *context)
{
	static const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	(void)context;
	setrlimit(RLIMIT_CORE, &unlimited);
	confine_memory();
	if (prctl(PR_GET_DUMPABLE) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 1;
	signal(SIGABRT, SIG_DFL);
	kill(getpid(), SIGABRT);
	return 2;
}

static void no_core_is_left(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(crash(NULL));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_false(WCOREDUMP(status));
}

/* A process of nobody's that waits. */
static pid_t start_waiting(bool confined, int *end)
{
	int ends[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		if (setresuid(65534, 65534, 65534) != 0)
			_exit(1);
		prctl(PR_SET_DUMPABLE, 1);
		if (confined)
			confine_memory();
		_exit(write(ends[1], "r", 1) == 1 && pause() ? 0 : 1);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	*end = ends[0];
	return pid;
}

static int can_read_memory(const void *context)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", *(const pid_t *)context);
	if (setresuid(65534, 65534, 65534) != 0)
		return 2;
	return open(path, O_RDONLY) < 0;
}

static void the_same_account_sees_nothing(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	for (int confined = 0; confined < 2; confined++) {
		int end;
		pid_t pid = start_waiting(confined, &end);

		assert_int_equal(in_child(can_read_memory, &pid), confined);
		kill(pid, SIGKILL);
		process_wait(pid);
		close(end);
	}
}

/* ---- capabilities ---- */

static unsigned long long read_set(const char *name)
{
	char text[4096] = "";
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *line;

	close(fd);
	line = got > 0 ? strstr(text, name) : NULL;
	return line ? strtoull(line + strlen(name), NULL, 16) : ~0ULL;
}

static int drop(const void *context)
{
	const unsigned long long kept = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE |
					1ULL << CAP_FOWNER | 1ULL << CAP_KILL | 1ULL << CAP_SETGID |
					1ULL << CAP_SETUID;
	unsigned long long had = read_set("CapPrm:\t");

	(void)context;
	confine_capabilities();
	if (read_set("CapPrm:\t") != (had & kept) || read_set("CapEff:\t") != (had & kept))
		return 1;
	if (read_set("CapInh:\t") != 0 || read_set("CapAmb:\t") != 0)
		return 2;
	return (read_set("CapBnd:\t") & ~kept) == 0 ? 0 : 3;
}

static void capabilities_are_dropped(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child(drop, NULL), 0);
}

/* ---- the helper ---- */

static int is_ended(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	return poll(&ready, 1, 0) > 0;
}

static int ask(uint32_t task, const char *user, struct error *error)
{
	struct helper_question question = {.task = task, .all = 1};
	json_t *answer;
	int result;

	snprintf(question.user, sizeof(question.user), "%s", user);
	answer = helper_ask(&question, 20000, error);
	result = answer ? 0 : -1;
	json_decref(answer);
	return result;
}

static void only_the_list_is_done(void **state)
{
	static const uint32_t wrong[] = {0, HELPER_SERVICES + 1, 1000, UINT32_MAX};
	struct error error;
	char junk[2 * sizeof(struct helper_question)];
	int fd = helper_start(&error);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(ask(wrong[i], "root", &error), -1);
		assert_int_equal(error.code, ERROR_UNREACHABLE);
	}
	/* Questions of another size, and without a place for the answer. */
	memset(junk, HELPER_SESSIONS, sizeof(junk));
	for (size_t size = 1; size < sizeof(junk); size += 97)
		assert_int_equal(send(fd, junk, size, 0), (ssize_t)size);
	assert_int_equal(ask(HELPER_SSHD, "/bin/sh -c id", &error), -1);
	assert_int_equal(error.code, ERROR_NO_SUCH_USER);
	assert_int_equal(ask(HELPER_SESSIONS, "", &error), 0);
	assert_false(is_ended(fd));
	helper_lost();
	assert_int_equal(waitpid(-1, NULL, 0) > 0, 1);
}

/* More questions than it works on at once, whose answers nobody waits for. */
static void too_much_is_refused(void **state)
{
	const struct helper_question question = {.task = HELPER_SERVICES, .all = 1};
	int fds[100], sent = 0, fd = helper_start(NULL);
	struct error error;

	(void)state;
	assert_true(fd >= 0);
	for (int i = 0; i < 100; i++) {
		int ends[2];

		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		sent += helper_send(&question, ends[1]) == 0;
		close(ends[1]);
		fds[i] = ends[0];
	}
	assert_true(sent > 16);
	for (int i = 0; i < 100; i++)
		close(fds[i]);
	for (int i = 0; i < 1000 && ask(HELPER_SESSIONS, "", &error) != 0; i++)
		poll(NULL, 0, 20);
	assert_int_equal(ask(HELPER_SESSIONS, "", &error), 0);
	helper_lost();
	assert_int_equal(waitpid(-1, NULL, 0) > 0, 1);
}

static pid_t find_helper(void)
{
	struct buffer output = BUFFER_EMPTY;
	char parent[16];
	pid_t pid;

	snprintf(parent, sizeof(parent), "%d", getpid());
	process_capture(
		(const char *const[]){"/usr/bin/pgrep", "-x", "-P", parent, HELPER_NAME, NULL},
		NULL, 20000, 100, &output, NULL);
	pid = (pid_t)atoi(buffer_string(&output));
	buffer_free(&output);
	return pid;
}

static void its_end_is_seen(void **state)
{
	int fd = helper_start(NULL);
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	struct error error;
	pid_t pid;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ask(HELPER_SESSIONS, "", &error), 0);
	pid = find_helper();
	assert_true(pid > 0);
	kill(pid, SIGKILL);
	assert_int_equal(process_wait(pid), 128 + SIGKILL);
	assert_int_equal(poll(&ready, 1, 20000), 1);
	assert_int_equal(ask(HELPER_SESSIONS, "", &error), -1);
	assert_int_equal(error.code, ERROR_UNREACHABLE);
	assert_true(helper_is_there());
	helper_lost();
	assert_false(helper_is_there());
	assert_int_equal(ask(HELPER_SESSIONS, "", &error), -1);
}

/* Whoever asks never waits for one that hangs. */
static void a_full_queue_is_said(void **state)
{
	const struct helper_question question = {.task = HELPER_SESSIONS};
	int fd = helper_start(NULL), ends[2], sent = 0;
	struct error error;
	pid_t pid;

	(void)state;
	assert_int_equal(ask(HELPER_SESSIONS, "", &error), 0);
	pid = find_helper();
	kill(pid, SIGSTOP);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	while (helper_send(&question, ends[1]) == 0)
		assert_true(++sent < 100000);
	assert_int_equal(errno, EAGAIN);
	assert_false(is_ended(fd));
	kill(pid, SIGKILL);
	process_wait(pid);
	close(ends[0]);
	close(ends[1]);
	helper_lost();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_refused),
		cmocka_unit_test(it_is_the_filter),
		cmocka_unit_test(a_kernel_that_takes_none_is_said),
		cmocka_unit_test(what_is_needed_works),
		cmocka_unit_test(no_core_is_left),
		cmocka_unit_test(the_same_account_sees_nothing),
		cmocka_unit_test(capabilities_are_dropped),
		cmocka_unit_test(only_the_list_is_done),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(its_end_is_seen),
		cmocka_unit_test(a_full_queue_is_said),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
