#include "daemon/parent.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "sys/parentlock.h"
#include "sys/process.h"

#define PAUSE_MIN_MS 200
#define PAUSE_MAX_MS 60000
/* An agent that lived so long has started well: the pauses begin anew. */
#define LIFE_MS 60000

struct parent {
	int lock;
	sigset_t signals; /* waited for, never delivered */
	pid_t agent;
	bool stopping;
	char oom[16]; /* what the agent's oom_score_adj is to be */
};

static const char oom_file[] = "/proc/self/oom_score_adj";

/* Killing the parent frees no memory. Containers may not lower it; that is no harm. */
static void hide_from_oom_killer(struct parent *parent)
{
	int fd = open(oom_file, O_RDWR | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, parent->oom, sizeof(parent->oom) - 1) : 0;

	parent->oom[got > 0 ? got : 0] = '\0';
	if (got > 0 && pwrite(fd, "-1000", 5, 0) < 0)
		parent->oom[0] = '\0';
	if (fd >= 0)
		close(fd);
}

/* What the agent holds may be needed elsewhere; it comes back. */
static void show_to_oom_killer(const struct parent *parent)
{
	int fd = *parent->oom ? open(oom_file, O_WRONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	if (write(fd, parent->oom, strlen(parent->oom)) < 0)
		log_debug("the agent keeps its parent's oom_score_adj");
	close(fd);
}

static void take_signal(struct parent *parent, int number)
{
	if (number == SIGTERM || number == SIGINT)
		parent->stopping = true;
	if (number > 0 && number != SIGCHLD && parent->agent > 0)
		kill(parent->agent, number);
}

/* Sleeps until the agent has ended. Returns how, as waitpid(2). */
static int wait_for_agent(struct parent *parent)
{
	int status = 0;
	pid_t ended;

	for (;;) {
		/* Also what an agent that was killed left behind. */
		while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
			if (ended == parent->agent) {
				parent->agent = 0;
				return status;
			}
		take_signal(parent, sigwaitinfo(&parent->signals, NULL));
	}
}

static void rest(struct parent *parent, long long pause_ms)
{
	long long end = process_now_ms() + pause_ms, left;

	parentlock_rest(parent->lock, true);
	while (!parent->stopping && (left = end - process_now_ms()) > 0) {
		const struct timespec wait = {
			.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};
		take_signal(parent, sigtimedwait(&parent->signals, NULL, &wait));
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
	}
	parentlock_rest(parent->lock, false);
}

/* Whether another try may end otherwise. What a first start is refused for, its caller
 * is told; later, an agent is wanted. */
static bool is_final(const struct parent *parent, int status, bool first)
{
	if (parent->stopping || (WIFEXITED(status) && WEXITSTATUS(status) == EX_OK))
		return true;
	if (!first || !WIFEXITED(status))
		return false;
	return WEXITSTATUS(status) != EX_CANTCREAT && WEXITSTATUS(status) != EX_OSERR;
}

static void describe(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "status %d", WEXITSTATUS(status));
}

/* Returns the agent's process to its parent, and 0 in the agent. */
static pid_t launch(struct parent *parent)
{
	sigset_t none;

	parent->agent = fork();
	if (parent->agent != 0)
		return parent->agent;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close(parent->lock);
	show_to_oom_killer(parent);
	return 0;
}

/* The child returns from here, too: it is the agent, with the parent's few pages. */
static int keep_running(struct parent *parent, struct daemon_start *start)
{
	long long pause_ms = PAUSE_MIN_MS, born;
	char ended[sizeof(start->ended)];
	int status;

	for (;; start->restarts++, start->ready = -1) {
		born = process_now_ms();
		if (launch(parent) == 0)
			return daemon_run(start);
		status = parent->agent > 0 ? wait_for_agent(parent) : EX_OSERR << 8;
		if (process_now_ms() - born >= LIFE_MS)
			pause_ms = PAUSE_MIN_MS;
		describe(status, ended, sizeof(ended));
		if (!is_final(parent, status, start->restarts == 0))
			log_warning(PARENT_MARK "the agent ended by %s; it is started "
						"again in %lld ms",
				ended, pause_ms);
		/* Only now: whoever waits for the start reads the log next. */
		if (start->ready >= 0)
			close(start->ready);
		if (is_final(parent, status, start->restarts == 0))
			return WIFEXITED(status) ? WEXITSTATUS(status) : EX_OK;
		snprintf(start->ended, sizeof(start->ended), "%s", ended);
		rest(parent, pause_ms);
		if (parent->stopping)
			return EX_OK;
		pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	}
}

int parent_run(const struct daemon_start *start)
{
	static const int numbers[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
	struct daemon_start own = *start;
	struct parent parent = {0};
	struct error error;

	if (chdir("/") != 0)
		return EX_OSERR;
	parent.lock = parentlock_take(&error);
	if (parent.lock < 0) {
		log_error("%s", error.message);
		return error_exit_status(error.code);
	}
	/* A name of its own: what looks for the agent by its name finds the agent. */
	prctl(PR_SET_NAME, "vastagent-keep");
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	hide_from_oom_killer(&parent);
	sigemptyset(&parent.signals);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&parent.signals, numbers[i]);
	sigprocmask(SIG_BLOCK, &parent.signals, NULL);
	own.parent = getpid();
	return keep_running(&parent, &own);
}
