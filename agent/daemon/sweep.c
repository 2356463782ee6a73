#include "daemon/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "daemon/agent.h"
#include "daemon/job.h"
#include "daemon/keys_job.h"
#include "daemon/request.h"
#include "sys/account.h"

/* More accounts than an instance has; beyond, the answer says that not all were seen. */
#define ACCOUNT_MAX 64

struct sweep {
	struct request *request;
	json_t *answer;
	json_t *swept;
	unsigned waiting; /* jobs, and one for the loop that starts them */
};

struct sweep_part {
	struct sweep *sweep;
	struct keys_job *job;
};

static void release(struct sweep *sweep)
{
	if (--sweep->waiting)
		return;
	json_object_set_new(sweep->answer, "swept", sweep->swept);
	request_answer(sweep->request, 200, sweep->answer);
	free(sweep);
}

/* An account that could not be looked at may still let the key in. */
static void note_failure(struct sweep *sweep, const char *user, const char *why)
{
	json_object_set_new(sweep->answer, "complete", json_false());
	json_array_append_new(json_object_get(sweep->answer, "notes"),
		json_sprintf("the keys of %s could not be searched for it: %s", user, why));
}

static void take(struct sweep *sweep, const char *user, const struct keys_outcome *outcome)
{
	json_t *removed = json_object_get(outcome->answer, "removed");
	json_t *notes = json_object_get(outcome->answer, "notes");

	if (outcome->failed) {
		note_failure(sweep, user, outcome->message ? outcome->message : "no answer");
		return;
	}
	if (!json_array_size(removed))
		return;
	json_array_append_new(sweep->swept,
		json_pack("{ss ss? sO}", "user", user, "file", outcome->file, "removed", removed));
	json_array_extend(json_object_get(sweep->answer, "notes"), notes);
}

static void part_done(void *context, const struct buffer *out, int fds[JOB_FDS])
{
	struct sweep_part *part = context;
	struct keys_outcome outcome;

	(void)fds;
	if (keys_outcome_read(out, &outcome) != 0)
		note_failure(part->sweep, part->job->user, "it took longer than 10 seconds");
	else
		take(part->sweep, part->job->user, &outcome);
	keys_outcome_free(&outcome);
	keys_job_free(part->job);
	release(part->sweep);
	free(part);
}

static void start_part(struct sweep *sweep, const char *user, const char *fingerprints)
{
	struct sweep_part *part = calloc(1, sizeof(*part));
	struct keys_job *job = calloc(1, sizeof(*job));

	if (!part || !job || keys_job_fill(job, sweep->request->agent, user, sweep->request) != 0)
		goto fail;
	job->operation = KEYS_SWEEP;
	job->fingerprints = strdup(fingerprints);
	if (job->fingerprints) {
		const struct job_calls calls = {keys_job_work, job, part_done, part};

		*part = (struct sweep_part){sweep, job};
		sweep->waiting++;
		if (job_start(sweep->request->agent->jobs, user, JOB_OWN_UID, &calls) == 0)
			return;
		sweep->waiting--;
	}
fail:
	note_failure(sweep, user, "too much is going on");
	keys_job_free(job);
	free(part);
}

/* The fingerprints of the answer's removed keys, with commas; NULL for none. */
static char *list_removed(const json_t *answer)
{
	const json_t *key;
	struct buffer list = BUFFER_EMPTY;
	size_t i;

	json_array_foreach(json_object_get(answer, "removed"), i, key) {
		const char *fingerprint = json_string_value(json_object_get(key, "fingerprint"));
		buffer_add_format(&list, "%s%s", i ? "," : "", fingerprint ? fingerprint : "");
	}
	return list.data;
}

void sweep_others(struct request *request, json_t *answer)
{
	struct sweep *sweep = calloc(1, sizeof(*sweep));
	char *fingerprints = list_removed(answer), **names = NULL;
	size_t count = 0;

	if (!sweep || !fingerprints || account_list(&names, &count, ACCOUNT_MAX, NULL) != 0) {
		free(sweep);
		free(fingerprints);
		request_answer(request, 200, answer);
		return;
	}
	*sweep = (struct sweep){request, answer, json_array(), 1};
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], request->user) != 0)
			start_part(sweep, names[i], fingerprints);
		free(names[i]);
	}
	free(names);
	free(fingerprints);
	release(sweep);
}
