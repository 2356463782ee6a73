#include "sys/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"

/* Between two looks whether a program has ended that keeps its output open. */
#define TICK_MS 20
/* More than a daemon needs; some systems allow a thousand million. */
#define DESCRIPTORS 8192

long long process_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int process_wait(pid_t pid)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void process_reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void process_close_from(int lowest)
{
	DIR *directory;
	const struct dirent *entry;
	long number;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)lowest, ~0U, 0) == 0)
		return;
#endif
	directory = opendir("/proc/self/fd");
	if (!directory) {
		for (int fd = lowest; fd < (int)sysconf(_SC_OPEN_MAX); fd++)
			close(fd);
		return;
	}
	while ((entry = readdir(directory)))
		if (text_number(entry->d_name, lowest, 1 << 30, &number) == 0 &&
			number != dirfd(directory))
			close((int)number);
	closedir(directory);
}

void process_reset_limits(void)
{
	static const int limits[] = {RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE,
		RLIMIT_MEMLOCK, RLIMIT_NOFILE, RLIMIT_NPROC};
	struct rlimit limit;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (getrlimit((__rlimit_resource_t)limits[i], &limit) != 0)
			continue;
		limit.rlim_cur = limit.rlim_max;
		if (limits[i] == RLIMIT_NOFILE && limit.rlim_cur > DESCRIPTORS)
			limit.rlim_cur = DESCRIPTORS;
		setrlimit((__rlimit_resource_t)limits[i], &limit);
	}
}

/* In the child of process_capture: never returns. */
static void __attribute__((noreturn))
execute(const char *const argv[], const char *const envp[], int output, bool with_errors)
{
	static const char *const plain[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
		NULL};
	int null = open("/dev/null", O_RDWR);

	process_reset_signals();
	/* Without /dev/null the descriptors stay closed rather than lead elsewhere. */
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		close(STDIN_FILENO);
	if (dup2(output, STDOUT_FILENO) < 0)
		_exit(127);
	if (dup2(with_errors ? output : null, STDERR_FILENO) < 0)
		close(STDERR_FILENO);
	process_close_from(STDERR_FILENO + 1);
	/* execve(2) does not write to its arguments; the casts are for its prototype. */
	execve(argv[0], (char *const *)argv, (char *const *)(envp ? envp : plain));
	_exit(127);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) != 0 || info.si_pid;
}

/*
 * Reads until the end of file, or until the program has ended and nothing more is there:
 * others may hold the other end (tmux hands its output to its server). Returns 0, or -1.
 */
static int drain(
	int fd, pid_t pid, long long end, size_t limit, struct buffer *output, struct error *error)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	size_t start = output->length;
	bool ended = false;
	char chunk[4096];
	ssize_t got;

	for (;;) {
		if (process_now_ms() >= end)
			return error_set(error, ERROR_TIMEOUT, "its output did not end in time");
		if (poll(&wait, 1, ended ? 0 : TICK_MS) <= 0) {
			if (ended)
				return 0;
			ended = has_ended(pid);
			continue;
		}
		got = read(fd, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		if (output->length - start + (size_t)got > limit)
			return error_set(
				error, ERROR_TOO_LARGE, "more than %zu bytes of output", limit);
		if (buffer_add(output, chunk, (size_t)got) != 0)
			return error_set(error, ERROR_INTERNAL, "out of memory");
	}
}

/* Waits until end_ms at most: a program may close its output and hang all the same. */
static int wait_until(pid_t pid, long long end_ms)
{
	const struct timespec pause = {.tv_nsec = 2000000};

	for (;;) {
		if (has_ended(pid))
			return process_wait(pid);
		if (process_now_ms() >= end_ms)
			return -1;
		nanosleep(&pause, NULL);
	}
}

static int capture(const char *const argv[], const char *const envp[], bool with_errors,
	int deadline_ms, size_t limit, struct buffer *output, struct error *error)
{
	long long end = process_now_ms() + deadline_ms;
	int ends[2], result, status = -1;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot make a pipe");
	pid = fork();
	if (pid < 0) {
		error_set_errno(error, ERROR_INTERNAL, "cannot start %s", argv[0]);
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	if (pid == 0)
		execute(argv, envp, ends[1], with_errors);
	close(ends[1]);
	result = drain(ends[0], pid, end, limit, output, error);
	close(ends[0]);
	if (result == 0)
		status = wait_until(pid, end);
	if (status >= 0)
		return status;
	kill(pid, SIGKILL);
	process_wait(pid);
	return result == 0 ? error_set(error, ERROR_TIMEOUT, "%s did not end in time", argv[0])
			   : -1;
}

int process_capture(const char *const argv[], const char *const envp[], int deadline_ms,
	size_t limit, struct buffer *output, struct error *error)
{
	return capture(argv, envp, false, deadline_ms, limit, output, error);
}

int process_capture_all(const char *const argv[], const char *const envp[], int deadline_ms,
	size_t limit, struct buffer *output, struct error *error)
{
	return capture(argv, envp, true, deadline_ms, limit, output, error);
}
