#include "daemon/keys_job.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "control/failure.h"
#include "daemon/agent.h"
#include "daemon/helper.h"
#include "daemon/journal.h"
#include "daemon/keys_json.h"
#include "daemon/keys_listing.h"
#include "daemon/lookout.h"
#include "daemon/memory.h"
#include "daemon/request.h"
#include "daemon/state.h"
#include "sys/account.h"
#include "sys/homefile.h"
#include "sys/homefile_places.h"
#include "sys/instance.h"
#include "sys/sshd.h"
#include "sys/sshd_version.h"

_Static_assert(JOB_FDS >= HOMEFILE_PLACES, "each directory to watch travels");

/* The most keys of one removal; more than a person has. */
#define REMOVAL_MAX 256

/* How long the helper may take, of the 10 s of a job: the work itself comes on top. */
#define SSHD_MS     6500
#define SESSIONS_MS 4000

static int remove_keys(const struct keys_job *job, const struct keys_place *place,
	struct keys_report *report, struct error *error)
{
	const char *list[REMOVAL_MAX];
	struct keys_removal removal = {
		.fingerprints = list, .foreign = job->foreign, .force = job->force};
	char *copy = strdup(job->fingerprints), *rest = copy, *one;
	int result;

	while (copy && (one = strsep(&rest, ",")) && removal.count < REMOVAL_MAX)
		list[removal.count++] = one;
	if (!copy)
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	else if (rest)
		result =
			error_set(error, ERROR_TOO_LARGE, "more than %d keys at once", REMOVAL_MAX);
	else if (job->operation == KEYS_SWEEP)
		result = keys_sweep(place, &removal, report, error);
	else
		result = keys_remove(place, &removal, report, error);
	free(copy);
	return result;
}

/* Bytes may be anything, so they travel in base64; the report carries them. */
static int read_bytes(
	const struct keys_place *place, struct keys_report *report, struct error *error)
{
	struct buffer bytes = BUFFER_EMPTY;
	int result = keys_foreign_bytes(place, &bytes, error);
	size_t size = sodium_base64_encoded_len(bytes.length, sodium_base64_VARIANT_ORIGINAL);
	char *space = result == 0 ? buffer_reserve(&report->bytes, size) : NULL;

	if (space) {
		sodium_bin2base64(space, size, (const unsigned char *)buffer_string(&bytes),
			bytes.length, sodium_base64_VARIANT_ORIGINAL);
		report->bytes.length = strlen(space);
	} else if (result == 0) {
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	}
	buffer_free(&bytes);
	return result;
}

/* A key alone does not make a login. */
static void note_shell(const struct account *account, struct keys_report *report)
{
	const char *slash = strrchr(account->shell, '/'),
		   *name = slash ? slash + 1 : account->shell;

	if (strcmp(name, "nologin") == 0 || strcmp(name, "false") == 0)
		buffer_add_format(&report->notes,
			"%s cannot log in: the account's shell is %s; change it with: chsh -s "
			"/bin/bash %s\n",
			account->name, account->shell, account->name);
	else if (access(account->shell, X_OK) != 0)
		buffer_add_format(&report->notes, "%s cannot log in: there is no shell %s\n",
			account->name, account->shell);
}

/* What the work brought to light. */
struct found {
	struct keys_report report;
	struct homefile_places places; /* KEYS_LOOK */
	struct buffer list;            /* KEYS_LIST: the answer, or its beginning */
};

static int operate(const struct keys_job *job, const struct keys_place *place, struct found *found,
	int fds[JOB_FDS], struct error *error)
{
	struct keys_report *report = &found->report;

	switch (job->operation) {
	case KEYS_LIST:
		return keys_listing_write(place, report, &found->list, fds, error);
	case KEYS_BYTES:
		return read_bytes(place, report, error);
	case KEYS_ADD:
		note_shell(place->account, report);
		return keys_add(place, &job->request, report, error);
	case KEYS_REMOVE:
	case KEYS_SWEEP:
		return remove_keys(job, place, report, error);
	case KEYS_UNDO:
		return keys_undo(place, report, error);
	case KEYS_ADOPT:
		return keys_adopt(place, report, error);
	case KEYS_LOOK:
		return keys_look(place, &found->places, report, error);
	}
	return -1;
}

static json_t *pack_answer(const struct keys_job *job, const char *file,
	const struct keys_report *report, const struct error *failure)
{
	bool removes = job->operation == KEYS_REMOVE || job->operation == KEYS_SWEEP;
	json_t *answer = job->operation == KEYS_BYTES ? keys_json_bytes(job->user, file, report)
			 : removes                    ? keys_json_removed(job->user, file, report)
						      : keys_json_added(job->user, file, report);
	json_t *error;

	if (!failure)
		return answer;
	error = failure_pack(failure);
	/* What was found out before the failure stands beside it. */
	if (answer && job->operation == KEYS_ADD)
		json_object_update_missing(error, answer);
	json_decref(answer);
	return error;
}

/* Sessions that are open stay open, whichever key they came in with. */
static void add_open_sessions(json_t *answer, const struct account *account)
{
	const struct helper_question question = {.task = HELPER_SESSIONS, .uid = account->uid};
	struct error error;
	json_t *pids = json_array(), *root = helper_ask(&question, SESSIONS_MS, &error);
	const json_t *row;
	size_t i;

	if (!root)
		json_array_append_new(json_object_get(answer, "notes"),
			json_sprintf("which sessions are open is not known: %s", error.message));
	json_array_foreach(json_object_get(root, "sessions"), i, row)
		json_array_append(pids, json_object_get(row, "pid"));
	json_decref(root);
	json_object_set_new(answer, "sessions", pids);
}

static unsigned count_events(const struct keys_report *report, const char *event)
{
	unsigned count = 0;

	for (size_t i = 0; i < report->event_count; i++)
		count += strcmp(report->events[i].event, event) == 0;
	return count;
}

/* What the agent wants to know of the work, on one line. */
static void add_outcome(const struct keys_place *place, const struct keys_report *report,
	const struct homefile_places *places, const struct error *failure, struct buffer *out)
{
	/* Names that JSON cannot carry are not told: each change concerns the file then. */
	const char *names =
		text_is_visible(places->names, strlen(places->names)) ? places->names : NULL;
	json_t *outcome = json_pack("{si ss* ss ss* si si si si si si sI sb sb ss*}", "status",
		failure ? error_http_status(failure->code) : 200, "file", place->file, "instance",
		instance_name(place->instance), "places", names, "home", places->home, "added",
		(int)count_events(report, "added"), "removed", (int)count_events(report, "removed"),
		"restored", (int)count_events(report, "restored"), "taken_out",
		(int)count_events(report, "taken_out"), "set_aside",
		(int)count_events(report, "set_aside"), "next_expiry",
		(json_int_t)report->next_expiry, "failed", failure != NULL, "unwritten",
		report->unwritten, "message", failure ? failure->message : NULL);
	const struct sshd_answer *sshd = sshd_version_asked();
	char *text;

	if (outcome && sshd)
		json_object_set_new(outcome, "sshd",
			json_pack("{ss ss}", "release", sshd->release, "program", sshd->program));
	text = outcome ? json_dumps(outcome, JSON_COMPACT) : NULL;
	if (text)
		buffer_add_format(out, "%s\n", text);
	else
		out->failed = true;
	free(text);
	json_decref(outcome);
}

/* Behind that line stands the answer, which nobody on its way needs to read. */
static void write_out(const struct keys_job *job, const struct keys_place *place,
	const struct found *found, const struct error *failure, struct buffer *out)
{
	const char *file = place->file;
	json_t *answer;
	char *text;

	add_outcome(place, &found->report, &found->places, failure, out);
	if (job->operation == KEYS_LIST && !failure) {
		buffer_add(out, found->list.data, found->list.length);
		return;
	}
	answer = pack_answer(job, file ? file : "", &found->report, failure);
	if (answer && !failure && job->operation == KEYS_REMOVE)
		add_open_sessions(answer, place->account);
	text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	if (text)
		buffer_add_format(out, "%s\n", text);
	else
		out->failed = true;
	free(text);
	json_decref(answer);
}

bool keys_operation_reads_only(enum keys_operation operation)
{
	return operation == KEYS_LIST || operation == KEYS_BYTES;
}

/* What was done is written down, also where its last step failed. */
static void write_journal(const struct keys_job *job, struct keys_report *report)
{
	struct error error;

	if (keys_operation_reads_only(job->operation) || job->request.dry_run)
		return;
	/* What a look means to restore is restored once it is written. */
	if (job->operation == KEYS_LOOK && report->pending)
		return;
	if (journal_append(job->state_dir, job->user, job->has_peer ? &job->peer : NULL, report,
		    &error) != 0) {
		log_warning("the journal: %s", error.message);
		report->unwritten = true;
	}
}

int keys_job_fill(
	struct keys_job *job, struct agent *agent, const char *user, const struct request *request)
{
	const char *file = lookout_file(agent->lookout, user);

	job->user = strdup(user);
	job->state_dir = strdup(agent->config.state_dir);
	job->file = file ? strdup(file) : NULL;
	if (request) {
		job->has_peer = true;
		job->peer = request->peer;
	}
	return job->user && job->state_dir && (!file || job->file) ? 0 : -1;
}

/*
 * Asks the local sshd, in the helper: which release it is, for what depends on that, and
 * where it reads the account's keys. Without a helper the files say it, as far as they do.
 */
static int ask_sshd(const struct account *account, char **file, struct error *error)
{
	struct helper_question question = {.task = HELPER_SSHD};
	const char *path, *release, *program;
	struct error failure = {.code = ERROR_INTERNAL, .message = "no sense in the answer"};
	json_t *root;
	int result;

	snprintf(question.user, sizeof(question.user), "%s", account->name);
	root = helper_ask(&question, SSHD_MS, &failure);
	if (json_unpack(root, "{ss ss ss}", "file", &path, "release", &release, "program",
		    &program) == 0) {
		*file = strdup(path);
		sshd_version_remember(release, program, *release != '\0');
		result = *file ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
	} else if (failure.code == ERROR_UNSAFE_FILE) {
		result = error_set(error, failure.code, "%s", failure.message);
	} else {
		log_warning("the local sshd was not asked: %s", failure.message);
		result = sshd_keys_path(account, file, error);
	}
	json_decref(root);
	return result;
}

void keys_job_work(void *argument, struct buffer *out, int fds[JOB_FDS])
{
	const struct keys_job *job = argument;
	struct instance instance;
	struct keys_place place = {.state_dir = job->state_dir,
		.instance = &instance,
		.create = job->create,
		.mirror = job->mirror};
	struct account account = {0}, root = {0};
	struct found found = {.places = {.home = -1}};
	char *asked = NULL;
	struct error error = {0};
	int result;

	instance_read(&instance);
	result = account_by_name(job->user, &account, &error);
	/* Somebody may have deleted it. Where it cannot be made, what needs it says so. */
	if (!keys_operation_reads_only(job->operation))
		state_prepare(job->state_dir, NULL);
	if (result == 0)
		result = account_by_uid(0, &root, &error);
	if (result == 0 &&
		(!job->file || (job->operation == KEYS_ADD && !sshd_version_is_known())) &&
		ask_sshd(&account, &asked, &error) != 0 && !job->file)
		result = -1;
	place.account = &account;
	place.file = job->file ? job->file : asked;
	if (result == 0)
		result = keys_place_choose_owner(
			&place, &root, !job->has_peer || job->peer.uid == 0, &error);
	if (result == 0)
		result = operate(job, &place, &found, fds, &error);
	if (result == 0 || found.report.pending)
		write_journal(job, &found.report);
	if (job->operation == KEYS_LOOK)
		memcpy(fds, found.places.directories, found.places.count * sizeof(fds[0]));
	write_out(job, &place, &found, result == 0 ? NULL : &error, out);
	keys_report_free(&found.report);
	buffer_free(&found.list);
	account_free(&account);
	account_free(&root);
	free(asked);
}

int keys_outcome_read(const struct buffer *out, struct keys_outcome *outcome)
{
	const char *end = out ? memchr(out->data, '\n', out->length) : NULL;
	json_t *root;
	const char *file = NULL, *instance, *places = NULL, *message = NULL;
	const char *release = NULL, *program = NULL;
	int added, removed, restored, taken_out, set_aside, failed, unwritten;
	json_int_t next_expiry;

	*outcome = (struct keys_outcome){0};
	if (!end)
		return -1;
	root = json_loadb(out->data, (size_t)(end - out->data), 0, NULL);
	if (json_unpack(root, "{si s?s ss s?s si si si si si si sI sb sb s?s s?{ss ss}}", "status",
		    &outcome->http_status, "file", &file, "instance", &instance, "places", &places,
		    "home", &outcome->home, "added", &added, "removed", &removed, "restored",
		    &restored, "taken_out", &taken_out, "set_aside", &set_aside, "next_expiry",
		    &next_expiry, "failed", &failed, "unwritten", &unwritten, "message", &message,
		    "sshd", "release", &release, "program", &program) != 0) {
		json_decref(root);
		return -1;
	}
	outcome->answer = end + 1;
	outcome->answer_length = out->length - (size_t)(end + 1 - out->data);
	outcome->added = (unsigned)added;
	outcome->removed = (unsigned)removed;
	outcome->restored = (unsigned)restored;
	outcome->taken_out = (unsigned)taken_out;
	outcome->set_aside = (unsigned)set_aside;
	outcome->next_expiry = (time_t)next_expiry;
	outcome->failed = failed;
	outcome->unwritten = unwritten;
	outcome->file = file ? strdup(file) : NULL;
	outcome->instance = strdup(instance);
	outcome->places = places ? strdup(places) : NULL;
	outcome->message = message ? strdup(message) : NULL;
	/* Jobs are forked, so the next ones know it. */
	if (release && program)
		sshd_version_remember(release, program, false);
	json_decref(root);
	return 0;
}

void keys_outcome_free(struct keys_outcome *outcome)
{
	free(outcome->file);
	free(outcome->instance);
	free(outcome->places);
	free(outcome->message);
	*outcome = (struct keys_outcome){0};
}

void keys_job_free(struct keys_job *job)
{
	if (!job)
		return;
	free(job->user);
	free(job->file);
	free(job->state_dir);
	memory_free_text((char *)job->request.text);
	free((char *)job->request.name);
	free((char *)job->request.options);
	free(job->fingerprints);
	free(job);
}
