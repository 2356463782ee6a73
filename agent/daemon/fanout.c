#include "daemon/fanout.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/agent.h"
#include "daemon/job.h"
#include "daemon/keys_job.h"
#include "daemon/lookout.h"
#include "daemon/request.h"
#include "sys/account.h"

struct fanout {
	struct request *request;
	json_t *answer;
	enum keys_operation operation;
	const char *fingerprints; /* KEYS_SWEEP, until the jobs are started */
	json_t *parts;
	unsigned waiting; /* jobs, and one for the loop that starts them */
};

struct part {
	struct fanout *fanout;
	struct keys_job *job;
};

static void release(struct fanout *fanout)
{
	if (--fanout->waiting)
		return;
	json_object_set_new(fanout->answer, fanout->operation == KEYS_SWEEP ? "swept" : "adopted",
		fanout->parts);
	request_answer(fanout->request, 200, fanout->answer);
	free(fanout);
}

/* An account that could not be looked at may still let the key in. */
static void note_failure(json_t *answer, const char *user, const char *why)
{
	json_object_set_new(answer, "complete", json_false());
	json_array_append_new(json_object_get(answer, "notes"),
		json_sprintf("nothing was done about the keys of %s: %s", user, why));
}

static void take(struct fanout *fanout, const char *user, const struct keys_outcome *outcome)
{
	const char *member = fanout->operation == KEYS_SWEEP ? "removed" : "added";
	json_t *answer = json_loadb(outcome->answer, outcome->answer_length, 0, NULL);
	json_t *rows = json_object_get(answer, member);

	/* An account that was deleted lets nobody in. */
	if (outcome->failed && outcome->http_status == error_http_status(ERROR_NO_SUCH_USER))
		log_debug("%s was not looked at: there is no such account", user);
	else if (outcome->failed)
		note_failure(
			fanout->answer, user, outcome->message ? outcome->message : "no answer");
	else if (json_array_size(rows)) {
		json_array_append_new(fanout->parts, json_pack("{ss ss? sO}", "user", user, "file",
							     outcome->file, member, rows));
		json_array_extend(
			json_object_get(fanout->answer, "notes"), json_object_get(answer, "notes"));
	}
	json_decref(answer);
}

static void part_done(void *context, const struct buffer *out, int fds[JOB_FDS])
{
	struct part *part = context;
	struct keys_outcome outcome;

	(void)fds;
	if (keys_outcome_read(out, &outcome) != 0)
		note_failure(
			part->fanout->answer, part->job->user, "it took longer than 10 seconds");
	else
		take(part->fanout, part->job->user, &outcome);
	keys_outcome_free(&outcome);
	keys_job_free(part->job);
	release(part->fanout);
	free(part);
}

static void start_part(struct fanout *fanout, const char *user)
{
	struct part *part = calloc(1, sizeof(*part));
	struct keys_job *job = calloc(1, sizeof(*job));

	if (!part || !job || keys_job_fill(job, fanout->request->agent, user, fanout->request) != 0)
		goto fail;
	job->operation = fanout->operation;
	job->fingerprints = strdup(fanout->fingerprints ? fanout->fingerprints : "");
	if (job->fingerprints) {
		const struct job_calls calls = {keys_job_work, job, part_done, part, NULL};

		*part = (struct part){fanout, job};
		fanout->waiting++;
		if (job_start(fanout->request->agent->jobs, user, JOB_OWN_UID, &calls) == 0)
			return;
		fanout->waiting--;
	}
fail:
	note_failure(fanout->answer, user, "too much is going on");
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

/* Steals answer and the names. */
static void run(struct request *request, json_t *answer, enum keys_operation operation,
	const char *fingerprints, char **names, size_t count)
{
	struct fanout *fanout = calloc(1, sizeof(*fanout));

	if (fanout)
		*fanout =
			(struct fanout){request, answer, operation, fingerprints, json_array(), 1};
	for (size_t i = 0; i < count; i++) {
		if (fanout)
			start_part(fanout, names[i]);
		free(names[i]);
	}
	free(names);
	if (fanout) {
		release(fanout);
	} else {
		note_failure(answer, "the other accounts", "out of memory");
		request_answer(request, 200, answer);
	}
}

void fanout_sweep(struct request *request, json_t *answer)
{
	char *fingerprints = list_removed(answer), **names = NULL;
	size_t count = 0;

	if (!fingerprints) {
		request_answer(request, 200, answer);
		return;
	}
	/* What has a store need not be a person's. */
	if (account_list(&names, &count, SIZE_MAX, NULL) != 0 ||
		lookout_names(request->agent->lookout, false, &names, &count) != 0)
		note_failure(answer, "the other accounts", "there is no list of them");
	/* The account itself is done already. */
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], request->user) == 0) {
			free(names[i]);
			names[i--] = names[--count];
		}
	run(request, answer, KEYS_SWEEP, fingerprints, names, count);
	free(fingerprints);
}

void fanout_adopt(struct request *request)
{
	json_t *answer = json_pack("{sb s[]}", "complete", 1, "notes");
	char **names = NULL;
	size_t count = 0;
	struct error error;

	if (!answer || lookout_names(request->agent->lookout, true, &names, &count) != 0) {
		json_decref(answer);
		error_set(&error, ERROR_INTERNAL, "out of memory");
		request_fail(request, &error);
		return;
	}
	run(request, answer, KEYS_ADOPT, NULL, names, count);
}
