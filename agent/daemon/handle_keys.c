/* Routes about keys: each becomes a job, and its answer the request's. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "daemon/agent.h"
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
}

static void job_finished(void *context, const struct buffer *out, int fds[JOB_FDS])
{
	struct pending *pending = context;
	struct request *request = pending->request;
	enum keys_operation operation = pending->job->operation;
	struct keys_outcome outcome;
	struct error error;

	(void)fds;
	keys_job_free(pending->job);
	free(pending);
	if (keys_outcome_read(out, &outcome) != 0) {
		error_set(&error, ERROR_TIMEOUT,
			"the work on %s's keys did not end within 10 seconds", request->user);
		request_fail(request, &error);
		return;
	}
	if (operation != KEYS_LIST && !outcome.failed)
		count(request->agent, &outcome);
	/* From the first key on, an account is looked after. */
	if (operation == KEYS_ADD && outcome.added)
		lookout_add(request->agent->lookout, request->user);
	request_answer_text(request, outcome.http_status, outcome.answer, outcome.answer_length);
	keys_outcome_free(&outcome);
}

/* Starts the job, or fails the request. Steals job, which may be NULL. */
static void start(struct request *request, struct keys_job *job)
{
	struct pending *pending = calloc(1, sizeof(*pending));
	const char *file = lookout_file(request->agent->lookout, request->user);
	struct job_calls calls;
	struct error error;

	if (!pending || !job)
		goto fail;
	pending->request = request;
	pending->job = job;
	job->user = strdup(request->user);
	job->state_dir = strdup(request->agent->config.state_dir);
	job->file = file ? strdup(file) : NULL;
	job->has_peer = true;
	job->peer = request->peer;
	if (!job->user || !job->state_dir || (file && !job->file))
		goto fail;
	calls = (struct job_calls){keys_job_work, job, job_finished, pending};
	/* A list takes no lock and waits for nobody. */
	if (job_start(request->agent->jobs, job->operation == KEYS_LIST ? NULL : job->user,
		    request->peer.uid, &calls) == 0)
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
	start(request, new_job(KEYS_LIST));
}

/* Reads the members of the body; one that is not known is an error, not a surprise. */
static int read_add(const struct request *request, const char **text, const char **name,
	const char **origin, int *dry_run, int *force, struct error *error)
{
	json_error_t problem;
	const char *user;

	if (json_unpack_ex(request->body, &problem, JSON_STRICT, "{ss s?s s?s s?s s?b s?b}", "text",
		    text, "user", &user, "name", name, "origin", origin, "dry_run", dry_run,
		    "force", force) != 0)
		return error_set(error, ERROR_BAD_REQUEST, "the body: %.200s", problem.text);
	if (*origin && strcmp(*origin, "template") != 0 && strcmp(*origin, "command") != 0)
		return error_set(
			error, ERROR_BAD_REQUEST, "\"origin\" must be \"command\" or \"template\"");
	if (*origin && request->peer.uid != 0)
		return error_set(
			error, ERROR_FORBIDDEN, "only root may say where a key comes from");
	return 0;
}

/* A name is what rmkey takes: one word that shows as it is. */
static int check_name(const char *name, struct error *error)
{
	if (!name)
		return 0;
	if (!*name || strlen(name) > 128 || name[strcspn(name, " \t\r\n#\"',")] != '\0')
		return error_set(error, ERROR_BAD_REQUEST,
			"a name is 1 to 128 characters without spaces, quotes, commas and '#'");
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < 0x21 || (unsigned char)*c == 0x7f)
			return error_set(error, ERROR_BAD_REQUEST,
				"there is a control character in the name");
	if (strncmp(name, "SHA256:", 7) == 0)
		return error_set(
			error, ERROR_BAD_REQUEST, "a name may not look like a fingerprint");
	return 0;
}

void handle_keys_add(struct request *request)
{
	const char *text = NULL, *name = NULL, *origin = NULL;
	int dry_run = 0, force = 0;
	struct keys_job *job;
	struct error error;

	if (read_add(request, &text, &name, &origin, &dry_run, &force, &error) != 0 ||
		check_name(name, &error) != 0) {
		request_fail(request, &error);
		return;
	}
	job = new_job(KEYS_ADD);
	if (job) {
		job->request = (struct keys_request){.text = strdup(text),
			.length = strlen(text),
			.name = name ? strdup(name) : NULL,
			.origin = origin && strcmp(origin, "template") == 0 ? ORIGIN_TEMPLATE
									    : ORIGIN_COMMAND,
			.dry_run = dry_run,
			.force = force,
			.root = request->peer.uid == 0};
		if (!job->request.text || (name && !job->request.name)) {
			keys_job_free(job);
			job = NULL;
		}
	}
	start(request, job);
}

void handle_keys_remove(struct request *request)
{
	struct keys_job *job = new_job(KEYS_REMOVE);

	if (job) {
		job->fingerprint = strdup(request->argument);
		job->foreign = request_flag(request, "foreign");
		job->force = request_flag(request, "force");
		if (!job->fingerprint) {
			keys_job_free(job);
			job = NULL;
		}
	}
	start(request, job);
}
