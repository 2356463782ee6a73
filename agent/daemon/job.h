/*
 * Work that may block, in short-lived child processes: the event loop never waits. At
 * most 2 at once for one uid, and 4 for all but root and the agent itself, 10 s each; what
 * comes beyond is queued.
 * Jobs with the same key (an account's name) run one after the other.
 */
#ifndef VASTAGENT_DAEMON_JOB_H
#define VASTAGENT_DAEMON_JOB_H

#include <stddef.h>
#include <sys/types.h>

struct buffer;
struct event_base;
struct helper_question;
struct jobs;

/* Jobs that the agent starts by itself count as this uid's. */
#define JOB_OWN_UID ((uid_t)-1)

/* The most descriptors that a job can hand back. */
#define JOB_FDS 16

/*
 * What runs in the child, as root. It appends its answer to *out, may put descriptors
 * into fds (-1: none), and MUST NOT touch the event loop.
 */
typedef void job_work(void *argument, struct buffer *out, int fds[JOB_FDS]);

/* Closes what a job handed back, for a callee that has no use for it. */
void job_close(int fds[JOB_FDS]);

/*
 * Called once in the loop when the job is over. out is NULL if it failed or took too
 * long. The callee owns the descriptors. argument is the parent's.
 */
typedef void job_done(void *argument, const struct buffer *out, int fds[JOB_FDS]);

/* Returns NULL if out of memory. jobs_destroy ends what runs, without calling back. */
struct jobs *jobs_create(struct event_base *base);
void jobs_destroy(struct jobs *jobs);

/* Either work runs in a child of the agent's, or the helper (helper.h) is asked. */
struct job_calls {
	job_work *work;
	void *work_argument;
	job_done *done;
	void *done_argument;
	const struct helper_question *question; /* copied; NULL: work */
};

/*
 * Starts or queues a job. key may be NULL. Returns 0, or -1 if too many are waiting or
 * memory is out; done is not called then.
 */
int job_start(struct jobs *jobs, const char *key, uid_t uid, const struct job_calls *calls);

#endif
