/* The work on keys that runs in a child process: one operation on one account. */
#ifndef VASTAGENT_DAEMON_KEYS_JOB_H
#define VASTAGENT_DAEMON_KEYS_JOB_H

#include <jansson.h>
#include <stdbool.h>

#include "daemon/job.h"
#include "daemon/peer.h"
#include "keys/manager.h"

enum keys_operation {
	KEYS_LIST,
	KEYS_BYTES,
	KEYS_ADD,
	KEYS_REMOVE,
	KEYS_SWEEP,
	KEYS_UNDO,
	KEYS_ADOPT,
	KEYS_LOOK
};

struct keys_job {
	enum keys_operation operation;
	char *user;
	char *file;      /* what sshd reads for the user, or NULL: it is asked */
	char *state_dir; /* the agent's */
	bool has_peer;
	struct peer peer;
	bool create;                 /* KEYS_LOOK: may make a missing directory */
	bool mirror;                 /* KEYS_LOOK: it gets root's keys, too */
	struct keys_request request; /* KEYS_ADD; text and name are owned by the job */
	char *fingerprints;          /* KEYS_REMOVE, KEYS_SWEEP: with commas between them */
	bool foreign, force;         /* KEYS_REMOVE */
};

/* What the job says of itself, beside the answer for the peer. */
struct keys_outcome {
	int http_status;
	char *file;     /* the file that was worked on, or NULL */
	char *instance; /* the one that this is, as far as the job could tell, or NULL */
	unsigned added, removed, restored, taken_out, set_aside;
	time_t next_expiry; /* of a key that is kept, or 0 */
	char *places;       /* KEYS_LOOK: struct homefile_places' names, or NULL */
	int home;           /* KEYS_LOOK: and its home */
	bool failed;        /* the file is not as it should be; message says why */
	bool unwritten;     /* in the journal */
	char *message;      /* or NULL */
	const char *answer; /* for the peer: JSON, a slice of what was read */
	size_t answer_length;
};

struct agent;
struct request;

/*
 * Fills the members that every job of the agent has: the user, its file as far as it is
 * known, the state directory; and the peer of a request (NULL: the agent itself asks).
 * Returns 0, or -1 if out of memory.
 */
int keys_job_fill(
	struct keys_job *job, struct agent *agent, const char *user, const struct request *request);

/* A job_work: runs a struct keys_job. fds are directories to watch, KEYS_LOOK only. */
void keys_job_work(void *job, struct buffer *out, int fds[JOB_FDS]);

/*
 * Reads what the work wrote; out may be NULL. If it had to ask the local sshd what it is,
 * the answer is kept for the jobs to come. Returns 0, or -1 if it is none. Release with
 * keys_outcome_free.
 */
int keys_outcome_read(const struct buffer *out, struct keys_outcome *outcome);
void keys_outcome_free(struct keys_outcome *outcome);

/* Whether an operation only reads: it takes no lock, and there is nothing to write down. */
bool keys_operation_reads_only(enum keys_operation operation);

/* Frees a job and what it owns; NULL is fine. */
void keys_job_free(struct keys_job *job);

#endif
