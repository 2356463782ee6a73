/* Routes about keys: each becomes a job, and its answer the request's. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "daemon/agent.h"
#include "daemon/fanout.h"
#include "daemon/handlers.h"
#include "daemon/job.h"
#include "daemon/keys_job.h"
#include "daemon/lookout.h"
#include "daemon/request.h"

struct pending {
	struct request *request;
	struct keys_job *job;
};

static void count(struct agent *agent, const struct keys_outcome *outcome)
{
	agent->counters.added += outcome->added;
	agent->counters.removed += outcome->removed;
	agent->counters.restored += outcome->restored;
	agent->counters.taken_out += outcome->taken_out;
	agent->counters.unwritten += outcome->unwritten;
}

static void job_finished(void *context, const struct buffer *out, int fds[JOB_FDS])
{
	struct pending *pending = context;
	struct request *request = pending->request;
	enum keys_operation operation = pending->job->operation;
	struct keys_outcome outcome;
	struct error error;

	keys_job_free(pending->job);
	free(pending);
	if (keys_outcome_read(out, &outcome) != 0) {
		job_close(fds);
		error_set(&error, ERROR_TIMEOUT,
			"the work on %s's keys was cut short: it took 10 seconds, or memory is out",
			request->user);
		/* What it had remembered by then is written all the same. */
		if (!keys_operation_reads_only(operation))
			lookout_retry(request->agent->lookout, request->user, error.message);
		request_fail(request, &error);
		return;
	}
	if (!keys_operation_reads_only(operation) && !outcome.failed)
		count(request->agent, &outcome);
	/* From the first key on, an account is looked after. */
	if (operation == KEYS_ADD && outcome.added)
		lookout_add(request->agent->lookout, request->user);
	if (!keys_operation_reads_only(operation) && outcome.failed && outcome.http_status >= 500)
		lookout_retry(request->agent->lookout, request->user, outcome.message);
	if (!keys_operation_reads_only(operation) && strcmp(request->user, "root") == 0)
		lookout_mirror(request->agent->lookout);
	if (operation == KEYS_REMOVE && !outcome.failed && request->peer.uid == 0)
		fanout_sweep(request, json_loadb(outcome.answer, outcome.answer_length, 0, NULL));
	else
		request_answer_files(request, outcome.http_status, outcome.answer,
			outcome.answer_length, fds, JOB_FDS);
	keys_outcome_free(&outcome);
}

/* Starts the job, or fails the request. Steals job, which may be NULL. */
static void start(struct request *request, struct keys_job *job)
{
	struct pending *pending = calloc(1, sizeof(*pending));
	struct job_calls calls;
	struct error error;

	if (!pending || !job || keys_job_fill(job, request->agent, request->user, request) != 0)
		goto fail;
	pending->request = request;
	pending->job = job;
	calls = (struct job_calls){keys_job_work, job, job_finished, pending, NULL};
	/* A list takes no lock and waits for nobody. */
	if (job_start(request->agent->jobs,
		    keys_operation_reads_only(job->operation) ? NULL : job->user, request->peer.uid,
		    &calls) == 0)
		return;
fail:
	keys_job_free(job);
	free(pending);
	error_set(&error, ERROR_TOO_MANY, "too many requests wait already; try again");
	request_fail(request, &error);
}

static struct keys_job *new_job(enum keys_operation operation)
{
	struct keys_job *job = calloc(1, sizeof(*job));

	if (job)
		job->operation = operation;
	return job;
}

void handle_keys_list(struct request *request)
{
	start(request, new_job(request_flag(request, "platform_bytes") ? KEYS_BYTES : KEYS_LIST));
}

/* The members of a body of POST /v1/keys; NULL or 0 where they are not given. */
struct add_body {
	const char *text, *name, *origin, *options, *expires;
	json_int_t ttl;
	int dry_run, force;
	time_t until;
};

#define TTL_MAX (10L * 366 * 86400)

static int read_expiry(const struct request *request, struct add_body *body, struct error *error)
{
	bool given = json_object_get(request->body, "ttl") != NULL;

	/* No time at all must not become one without end. */
	if (given && (body->ttl < 1 || body->ttl > TTL_MAX || body->expires))
		return error_set(error, ERROR_BAD_REQUEST,
			"\"ttl\" is from 1 to %ld seconds, and goes without \"expires\"", TTL_MAX);
	if (given)
		body->until = time(NULL) + (time_t)body->ttl;
	if (body->expires && text_parse_time(body->expires, &body->until) != 0)
		return error_set(error, ERROR_BAD_REQUEST,
			"\"expires\" must be a time such as 2026-12-31T18:00:00Z");
	if (body->expires && body->until <= time(NULL))
		return error_set(error, ERROR_BAD_OPTION, "%s is over already", body->expires);
	return 0;
}

/* Reads the body; a member that is not known is an error, not a surprise. */
static int read_add(const struct request *request, struct add_body *body, struct error *error)
{
	json_error_t problem;
	const char *user;

	*body = (struct add_body){0};
	if (json_unpack_ex(request->body, &problem, JSON_STRICT,
		    "{ss s?s s?s s?s s?s s?s s?I s?b s?b}", "text", &body->text, "user", &user,
		    "name", &body->name, "origin", &body->origin, "options", &body->options,
		    "expires", &body->expires, "ttl", &body->ttl, "dry_run", &body->dry_run,
		    "force", &body->force) != 0)
		return error_set(error, ERROR_BAD_REQUEST, "the body: %.200s", problem.text);
	if (body->origin && strcmp(body->origin, "template") != 0 &&
		strcmp(body->origin, "command") != 0)
		return error_set(
			error, ERROR_BAD_REQUEST, "\"origin\" must be \"command\" or \"template\"");
	if (body->origin && request->peer.uid != 0)
		return error_set(
			error, ERROR_FORBIDDEN, "only root may say where a key comes from");
	return read_expiry(request, body, error);
}

/* A name is what rmkey takes: one word that shows as it is. */
static int check_name(const char *name, struct error *error)
{
	if (!name)
		return 0;
	if (!*name || strlen(name) > 128 || name[strcspn(name, " \t\r\n#\"',")] != '\0')
		return error_set(error, ERROR_BAD_REQUEST,
			"a name is 1 to 128 characters without spaces, quotes, commas and '#'");
	if (!text_is_visible(name, strlen(name)))
		return error_set(
			error, ERROR_BAD_REQUEST, "there is a control character in the name");
	if (strncmp(name, "SHA256:", 7) == 0)
		return error_set(
			error, ERROR_BAD_REQUEST, "a name may not look like a fingerprint");
	return 0;
}

/* Returns a job with copies of what the body says, or NULL if out of memory. */
static struct keys_job *new_add(const struct request *request, const struct add_body *body)
{
	struct keys_job *job = new_job(KEYS_ADD);

	if (!job)
		return NULL;
	job->request = (struct keys_request){.text = strdup(body->text),
		.length = strlen(body->text),
		.name = body->name ? strdup(body->name) : NULL,
		.options = body->options ? strdup(body->options) : NULL,
		.expires = body->until,
		.origin = body->origin && strcmp(body->origin, "template") == 0 ? ORIGIN_TEMPLATE
										: ORIGIN_COMMAND,
		.dry_run = body->dry_run,
		.force = body->force,
		.root = request->peer.uid == 0};
	if (job->request.text && (!body->name || job->request.name) &&
		(!body->options || job->request.options))
		return job;
	keys_job_free(job);
	return NULL;
}

void handle_keys_add(struct request *request)
{
	struct add_body body;
	struct error error;

	if (read_add(request, &body, &error) != 0 || check_name(body.name, &error) != 0)
		request_fail(request, &error);
	else
		start(request, new_add(request, &body));
}

void handle_keys_remove(struct request *request)
{
	struct keys_job *job = new_job(KEYS_REMOVE);

	if (job) {
		job->fingerprints = strdup(request->argument);
		job->foreign = request_flag(request, "foreign");
		job->force = request_flag(request, "force");
		if (!job->fingerprints) {
			keys_job_free(job);
			job = NULL;
		}
	}
	start(request, job);
}

void handle_adopt(struct request *request)
{
	fanout_adopt(request);
}

void handle_undo(struct request *request)
{
	start(request, new_job(KEYS_UNDO));
}
