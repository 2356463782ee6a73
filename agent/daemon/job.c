#include "daemon/job.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/log.h"
#include "daemon/helper.h"
#include "sys/process.h"

/* Of other uids than root's and the agent's own, which a crowd must not keep waiting. */
#define RUNNING_MAX     4
#define RUNNING_UID_MAX 2
#define WAITING_MAX     224
#define WAITING_UID_MAX 32
#define DEADLINE_S      10
/* On the stack, with the largest registers that there are (AT_MINSIGSTKSZ, getauxval(3)). */
#define SIGNAL_FRAME (16 * 1024)

struct job {
	TAILQ_ENTRY(job) link; /* jobs::all */
	struct jobs *owner;
	char *key;
	uid_t uid;
	struct job_calls calls;
	struct helper_question question;
	pid_t pid;  /* 0: waiting, or the helper's */
	int socket; /* -1: waiting */
	struct event *readable;
	struct event *deadline;
	struct buffer out;
	int fds[JOB_FDS];
};

struct jobs {
	struct event_base *base;
	struct event *child_ended;
	TAILQ_HEAD(, job) all; /* in the order in which they came */
};

static bool is_jobs(const struct jobs *jobs, pid_t pid)
{
	const struct job *job;

	TAILQ_FOREACH(job, &jobs->all, link)
		if (job->pid == pid)
			return true;
	return false;
}

/*
 * What a job left behind (who watches a replaced file for late writers) has become our
 * child, since the daemon is a subreaper. One that has ended is taken off the list of
 * processes; a job that has ended is in front of it at most until it is finished.
 */
static void reap_left_behind(const struct jobs *jobs)
{
	siginfo_t ended;

	for (;;) {
		ended.si_pid = 0;
		if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || !ended.si_pid ||
			is_jobs(jobs, ended.si_pid))
			return;
		process_wait(ended.si_pid);
	}
}

static void on_child_ended(evutil_socket_t number, short what, void *context)
{
	(void)number;
	(void)what;
	reap_left_behind(context);
	/* The signal's frame has the registers of what it came upon: copying a key, perhaps. */
	sodium_stackzero(SIGNAL_FRAME);
}

struct jobs *jobs_create(struct event_base *base)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));

	if (!jobs)
		return NULL;
	jobs->base = base;
	TAILQ_INIT(&jobs->all);
	jobs->child_ended = evsignal_new(base, SIGCHLD, on_child_ended, jobs);
	if (!jobs->child_ended || event_add(jobs->child_ended, NULL) != 0) {
		jobs_destroy(jobs);
		return NULL;
	}
	return jobs;
}

void job_close(int fds[JOB_FDS])
{
	for (int i = 0; i < JOB_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* The only place that frees a job. */
static void job_free(struct job *job)
{
	TAILQ_REMOVE(&job->owner->all, job, link);
	if (job->readable)
		event_free(job->readable);
	if (job->deadline)
		event_free(job->deadline);
	if (job->socket >= 0)
		close(job->socket);
	if (job->pid > 0) {
		/* Its answer is here or is not wanted any more; it must not outlive that. */
		kill(job->pid, SIGKILL);
		process_wait(job->pid);
	}
	job_close(job->fds);
	buffer_free(&job->out);
	free(job->key);
	free(job);
}

void jobs_destroy(struct jobs *jobs)
{
	struct job *job;

	while (jobs && (job = TAILQ_FIRST(&jobs->all)))
		job_free(job);
	if (jobs && jobs->child_ended)
		event_free(jobs->child_ended);
	free(jobs);
}

static void send_answer(int socket, const struct buffer *out, const int fds[JOB_FDS])
{
	char mark = 'a'; /* descriptors need a byte to travel with */
	struct iovec part = {.iov_base = &mark, .iov_len = 1};
	union {
		char space[CMSG_SPACE(JOB_FDS * sizeof(int))];
		struct cmsghdr align;
	} control = {.space = {0}};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *header;
	size_t done = 0, count = 0;
	ssize_t sent;

	while (count < JOB_FDS && fds[count] >= 0)
		count++;
	if (count) {
		message.msg_control = control.space;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	if (sendmsg(socket, &message, MSG_NOSIGNAL) != 1)
		return;
	while (done < out->length) {
		sent = send(socket, out->data + done, out->length - done, MSG_NOSIGNAL);
		if (sent < 0 && errno != EINTR)
			return;
		done += sent > 0 ? (size_t)sent : 0;
	}
}

static void __attribute__((noreturn)) run_child(const struct job *job, int socket)
{
	struct buffer out = BUFFER_EMPTY;
	int fds[JOB_FDS];

	/* Only the socket, the log and the helper: no listener, no other's connection. */
	socket = dup2(socket, STDERR_FILENO + 1);
	helper_move(STDERR_FILENO + 2);
	process_close_from(STDERR_FILENO + (helper_is_there() ? 3 : 2));
	process_reset_signals();
	for (int i = 0; i < JOB_FDS; i++)
		fds[i] = -1;
	job->calls.work(job->calls.work_argument, &out, fds);
	if (!out.failed)
		send_answer(socket, &out, fds);
	_exit(0);
}

static void start_waiting(struct jobs *jobs);

static void finish(struct job *job, bool complete)
{
	struct jobs *jobs = job->owner;
	struct job_calls calls = job->calls;
	struct buffer out = job->out;
	int fds[JOB_FDS];

	/* Freed first: what is called back may start the next job of the same key. */
	memcpy(fds, job->fds, sizeof(fds));
	job->out = BUFFER_EMPTY;
	for (int i = 0; i < JOB_FDS; i++)
		job->fds[i] = -1;
	job_free(job);
	calls.done(calls.done_argument, complete ? &out : NULL, fds);
	buffer_free(&out);
	reap_left_behind(jobs);
	start_waiting(jobs);
}

/* The first byte, with the descriptors. Returns what recvmsg(2) does. */
static ssize_t receive_mark(struct job *job)
{
	char mark;
	struct iovec part = {.iov_base = &mark, .iov_len = 1};
	union {
		char space[CMSG_SPACE(JOB_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space)};
	ssize_t got = recvmsg(job->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	if (header && header->cmsg_type == SCM_RIGHTS) {
		size_t size = header->cmsg_len - CMSG_LEN(0);
		memcpy(job->fds, CMSG_DATA(header),
			size < sizeof(job->fds) ? size : sizeof(job->fds));
	}
	return got;
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
	struct job *job = context;

	(void)fd;
	(void)what;
	log_warning("a job for %s was ended after %d seconds", job->key ? job->key : "a request",
		DEADLINE_S);
	finish(job, false);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct job *job = context;
	ssize_t got;
	char *space;

	(void)what;
	if (!job->out.data) {
		got = receive_mark(job);
		if (got > 0 && !buffer_reserve(&job->out, 4096))
			got = 0;
	} else {
		space = buffer_reserve(&job->out, 65536);
		got = space ? recv(fd, space, 65536, MSG_DONTWAIT) : 0;
		if (got > 0)
			job->out.length += (size_t)got;
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0)
		return;
	if (job->out.data && !job->out.failed)
		job->out.data[job->out.length] = '\0';
	finish(job, got == 0 && job->out.length > 0 && !job->out.failed);
}

/* Somebody starts to work on it, whose answer comes from job->socket. */
static int hand_out(struct job *job, const int ends[2])
{
	if (job->calls.question) {
		/* No descriptors come along, whose mark would be waited for. */
		if (!buffer_reserve(&job->out, 4096))
			return -1;
		return helper_send(&job->question, ends[1]);
	}
	job->pid = fork();
	if (job->pid == 0)
		run_child(job, ends[1]);
	if (job->pid > 0)
		return 0;
	job->pid = 0;
	return -1;
}

static int launch(struct job *job)
{
	const struct timeval deadline = {.tv_sec = DEADLINE_S};
	int ends[2], result;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	result = hand_out(job, ends);
	close(ends[1]);
	job->socket = ends[0];
	if (result != 0)
		return -1;
	job->readable =
		event_new(job->owner->base, ends[0], EV_READ | EV_PERSIST, on_readable, job);
	/* A timer of its own: a timeout of the event above would start anew with each byte. */
	job->deadline = evtimer_new(job->owner->base, on_deadline, job);
	if (!job->readable || !job->deadline || event_add(job->readable, NULL) != 0)
		return -1;
	return event_add(job->deadline, &deadline);
}

static bool is_roots(uid_t uid)
{
	return uid == 0 || uid == JOB_OWN_UID;
}

static bool may_run(const struct jobs *jobs, const struct job *wanted)
{
	unsigned running = 0, of_uid = 0;
	const struct job *job;
	bool before = true;

	TAILQ_FOREACH(job, &jobs->all, link) {
		if (job == wanted)
			before = false;
		if (job->socket >= 0) {
			running += !is_roots(job->uid);
			of_uid += job->uid == wanted->uid;
		}
		/* The first of a key that waits comes before a later one. */
		if ((job->socket >= 0 || before) && job != wanted && job->key && wanted->key &&
			strcmp(job->key, wanted->key) == 0)
			return false;
	}
	return of_uid < RUNNING_UID_MAX && (is_roots(wanted->uid) || running < RUNNING_MAX);
}

static void start_waiting(struct jobs *jobs)
{
	struct job *job, *next;

	for (job = TAILQ_FIRST(&jobs->all); job; job = next) {
		next = TAILQ_NEXT(job, link);
		if (job->socket >= 0 || !may_run(jobs, job))
			continue;
		if (launch(job) != 0) {
			log_error("cannot start a piece of work: %s", strerror(errno));
			finish(job, false); /* goes on with the rest */
			return;
		}
	}
}

/* One account must not fill the queue for all others, nor for the agent itself. */
static bool has_room(const struct jobs *jobs, uid_t uid)
{
	const struct job *job;
	size_t of_uid = 0, of_others = 0;

	TAILQ_FOREACH(job, &jobs->all, link) {
		of_uid += job->uid == uid;
		of_others += !is_roots(job->uid);
	}
	/* The agent itself has one of each kind for an account at most. */
	return uid == JOB_OWN_UID ||
	       (of_uid < WAITING_UID_MAX && (is_roots(uid) || of_others < WAITING_MAX));
}

/* What root asks for about an account's keys does not wait for all that the account does. */
static void enqueue(struct jobs *jobs, struct job *job)
{
	struct job *other;

	TAILQ_FOREACH(other, &jobs->all, link)
		if (is_roots(job->uid) && other->socket < 0 && !is_roots(other->uid))
			break;
	if (other)
		TAILQ_INSERT_BEFORE(other, job, link);
	else
		TAILQ_INSERT_TAIL(&jobs->all, job, link);
}

int job_start(struct jobs *jobs, const char *key, uid_t uid, const struct job_calls *calls)
{
	struct job *job = has_room(jobs, uid) ? calloc(1, sizeof(*job)) : NULL;

	if (!job)
		return -1;
	job->owner = jobs;
	job->uid = uid;
	job->calls = *calls;
	if (calls->question)
		job->question = *calls->question;
	job->socket = -1;
	for (int i = 0; i < JOB_FDS; i++)
		job->fds[i] = -1;
	if (key && !(job->key = strdup(key))) {
		free(job);
		return -1;
	}
	enqueue(jobs, job);
	start_waiting(jobs);
	return 0;
}
