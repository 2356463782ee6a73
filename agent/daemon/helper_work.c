/*
 * What the helper does. The process that takes the questions does nothing by itself: it
 * knows no answer, keeps nothing, and can hang on nothing. Who asks is not trusted with
 * more than this list.
 */
#include "daemon/helper_work.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "control/failure.h"
#include "daemon/helper.h"
#include "daemon/net_json.h"
#include "sys/account.h"
#include "sys/fdio.h"
#include "sys/process.h"
#include "sys/sshd.h"
#include "sys/sshd_version.h"

/* More than the agent has jobs. */
#define WORKERS_MAX 16
/* Where a worker has its answer's descriptor, and the helper its socket. */
#define SOCKET (STDERR_FILENO + 1)

static json_t *tell_sshd(const struct helper_question *question, struct error *error)
{
	struct account account = {0};
	const struct sshd_answer *sshd;
	char *file = NULL;
	json_t *answer = NULL;

	if (account_by_name(question->user, &account, error) == 0 &&
		sshd_keys_path(&account, &file, error) == 0) {
		sshd = sshd_version_answer();
		answer = json_pack("{ss ss ss}", "file", file, "release", sshd->release, "program",
			sshd->program);
		if (!answer)
			error_set(error, ERROR_INTERNAL, "the path of the file is not UTF-8");
	}
	account_free(&account);
	free(file);
	return answer;
}

typedef json_t *task(const struct helper_question *question, struct error *error);

static task *const tasks[] = {
	[HELPER_SSHD] = tell_sshd,
	[HELPER_SESSIONS] = net_json_sessions,
	[HELPER_FORWARDS] = net_json_forwards,
	[HELPER_SERVICES] = net_json_services,
};

static task *find_task(const struct helper_question *question)
{
	return question->task < sizeof(tasks) / sizeof(tasks[0]) ? tasks[question->task] : NULL;
}

static void __attribute__((noreturn)) work(const struct helper_question *question, int answer_fd)
{
	struct error error = {.code = ERROR_INTERNAL};
	json_t *answer;
	char *text;

	/* In place of the socket: a worker takes no questions. */
	if (dup2(answer_fd, SOCKET) < 0)
		_exit(1);
	process_close_from(SOCKET + 1);
	process_reset_signals();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(HELPER_S);
	answer = find_task(question)(question, &error);
	if (!answer)
		answer = failure_pack(&error);
	text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	/* The newline says that it is whole. */
	_exit(text && fdio_write(SOCKET, text, strlen(text)) == 0 &&
				fdio_write(SOCKET, "\n", 1) == 0
			? 0
			: 1);
}

/* The next question. Returns 0 with *fd, or what recvmsg(2) does. */
static ssize_t receive(int socket, struct helper_question *question, int *fd)
{
	struct iovec part = {.iov_base = question, .iov_len = sizeof(*question)};
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = CMSG_LEN(sizeof(int))};
	/* Room for one descriptor: the kernel closes what else came along. */
	ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	const struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	*fd = -1;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
		header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(header), sizeof(int));
	question->user[sizeof(question->user) - 1] = '\0';
	return message.msg_flags & MSG_TRUNC ? 1 : got;
}

static unsigned count_workers(unsigned workers)
{
	pid_t ended;

	while ((ended = waitpid(-1, NULL, WNOHANG)) > 0)
		workers -= workers > 0;
	/* What a worker left behind is counted as one, too; without children there is none. */
	return ended < 0 && errno == ECHILD ? 0 : workers;
}

/* Returns how many workers were started. */
static unsigned start_worker(
	const struct helper_question *question, ssize_t size, int fd, unsigned workers)
{
	pid_t pid;

	if (size != sizeof(*question) || fd < 0 || !find_task(question)) {
		log_warning("the helper refuses a question that is not in its list: %u",
			size < (ssize_t)sizeof(question->task) ? 0 : question->task);
		return 0;
	}
	if (workers >= WORKERS_MAX) {
		log_warning("the helper has too much to do");
		return 0;
	}
	pid = fork();
	if (pid == 0)
		work(question, fd);
	if (pid < 0)
		log_error("the helper cannot start a process: %s", strerror(errno));
	return pid > 0;
}

static void on_child(int number)
{
	(void)number;
}

/* Stopping is the agent's, which it hears from the other end; signals reach both. */
static void set_signals(sigset_t *waiting)
{
	const struct sigaction child = {.sa_handler = on_child};
	sigset_t blocked;

	process_reset_signals();
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, waiting);
	sigaction(SIGCHLD, &child, NULL);
}

void helper_serve(int socket)
{
	struct pollfd ready = {.fd = SOCKET, .events = POLLIN};
	struct helper_question question;
	unsigned workers = 0;
	sigset_t waiting;
	ssize_t got;
	int fd;

	prctl(PR_SET_NAME, HELPER_NAME);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* What outlives a worker that was ended stays below this process. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	set_signals(&waiting);
	if (dup2(socket, SOCKET) < 0)
		_exit(1);
	process_close_from(SOCKET + 1);
	for (;;) {
		workers = count_workers(workers);
		if (ppoll(&ready, 1, NULL, &waiting) <= 0)
			continue;
		got = receive(SOCKET, &question, &fd);
		if (got == 0)
			_exit(0);
		if (got < 0)
			continue;
		workers += start_worker(&question, got, fd, workers);
		if (fd >= 0)
			close(fd);
	}
}
