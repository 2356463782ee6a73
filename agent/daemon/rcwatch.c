#include "daemon/rcwatch.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/job.h"
#include "login/rcfiles.h"
#include "sys/account.h"
#include "sys/process.h"

/* Without its hook the agent must not take the platform's tmux away, but give it back. */
#define HOOK "/etc/profile.d/zz-vastagent.sh"
/* Somebody else who keeps writing the file wins; it is said in the warnings. */
#define REWRITES_A_MINUTE 3

struct rc_account {
	TAILQ_ENTRY(rc_account) link; /* rcwatch::accounts */
	char *user;
	bool looking, again;
	unsigned rewrites; /* in the minute that began at minute_ms */
	long long minute_ms;
	char *warning;
};

struct rcwatch {
	struct jobs *jobs;
	char binary[PATH_MAX];
	TAILQ_HEAD(, rc_account) accounts;
};

struct rc_look {
	struct rcwatch *rcwatch;
	char *user;
	bool insert; /* the condition, else take it out */
};

static struct rc_account *find(const struct rcwatch *rcwatch, const char *user)
{
	struct rc_account *account;

	TAILQ_FOREACH(account, &rcwatch->accounts, link)
		if (strcmp(account->user, user) == 0)
			return account;
	return NULL;
}

static struct rc_account *find_or_add(struct rcwatch *rcwatch, const char *user)
{
	struct rc_account *account = find(rcwatch, user);

	if (account)
		return account;
	account = calloc(1, sizeof(*account));
	if (!account || !(account->user = strdup(user))) {
		free(account);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&rcwatch->accounts, account, link);
	return account;
}

struct rcwatch *rcwatch_create(struct jobs *jobs)
{
	struct rcwatch *rcwatch = calloc(1, sizeof(*rcwatch));
	char *gone;

	if (!rcwatch)
		return NULL;
	rcwatch->jobs = jobs;
	TAILQ_INIT(&rcwatch->accounts);
	/* Now, while the link is sure to lead to the file that was started. */
	if (readlink("/proc/self/exe", rcwatch->binary, sizeof(rcwatch->binary) - 1) < 0)
		rcwatch->binary[0] = '\0';
	/* An agent that its parent started again after the file was replaced. */
	gone = strstr(rcwatch->binary, " (deleted)");
	if (gone)
		*gone = '\0';
	return rcwatch;
}

void rcwatch_destroy(struct rcwatch *rcwatch)
{
	struct rc_account *account;

	while (rcwatch && (account = TAILQ_FIRST(&rcwatch->accounts))) {
		TAILQ_REMOVE(&rcwatch->accounts, account, link);
		free(account->user);
		free(account->warning);
		free(account);
	}
	free(rcwatch);
}

/* In the child. */
static void work(void *argument, struct buffer *out, int fds[JOB_FDS])
{
	const struct rc_look *look = argument;
	struct rcfiles_result result = {0};
	struct account account = {0};
	struct error error = {0};
	char *text = NULL;
	json_t *answer;
	int failed = 1;

	(void)fds;
	if (account_by_name(look->user, &account, &error) == 0)
		failed = rcfiles_supersede(
			&account, look->rcwatch->binary, look->insert, &result, &error);
	answer = json_pack("{si ss? ss?}", "changed", (int)result.changed, "left_alone",
		result.left_alone ? result.name : NULL, "error", failed ? error.message : NULL);
	if (answer)
		text = json_dumps(answer, JSON_COMPACT);
	if (text)
		buffer_add_string(out, text);
	free(text);
	json_decref(answer);
	account_free(&account);
}

static void set_warning(struct rc_account *account, const char *problem, const char *what)
{
	struct buffer text = BUFFER_EMPTY;

	free(account->warning);
	account->warning = NULL;
	if (!what)
		return;
	buffer_add_format(&text, "logins of %s: %s%s", account->user, problem, what);
	account->warning = text.data;
}

static void count_rewrites(struct rc_account *account, int changed, bool insert)
{
	long long now = process_now_ms();

	if (now - account->minute_ms > 60000) {
		account->minute_ms = now;
		account->rewrites = 0;
	}
	account->rewrites += changed > 0;
	if (changed)
		log_info("the platform's tmux block in the start-up files of %s %s now",
			account->user, insert ? "stands back" : "is as it was");
}

static void take_answer(struct rc_account *account, const struct buffer *out, bool insert)
{
	json_t *answer = out ? json_loadb(out->data, out->length, 0, NULL) : NULL;
	const char *left_alone = json_string_value(json_object_get(answer, "left_alone"));
	const char *failure = json_string_value(json_object_get(answer, "error"));
	int changed = (int)json_integer_value(json_object_get(answer, "changed"));

	if (!answer)
		failure = "the look at its start-up files did not end";
	count_rewrites(account, changed, insert);
	if (failure)
		set_warning(account, "", failure);
	else if (account->rewrites >= REWRITES_A_MINUTE)
		set_warning(account, "a start-up file is rewritten again and again; ",
			"the platform's tmux block is left in it for now");
	else
		set_warning(account,
			"the platform's tmux block is of a form that is left alone: ~/",
			left_alone);
	json_decref(answer);
}

static void done(void *argument, const struct buffer *out, int fds[JOB_FDS])
{
	struct rc_look *look = argument;
	struct rc_account *account = find(look->rcwatch, look->user);

	(void)fds;
	if (account) {
		bool again = account->again;

		account->looking = account->again = false;
		take_answer(account, out, look->insert);
		if (again)
			rcwatch_look(look->rcwatch, look->user);
	}
	free(look->user);
	free(look);
}

static bool is_wanted(const struct rcwatch *rcwatch, const struct rc_account *account)
{
	if (!*rcwatch->binary)
		return false;
	return account->rewrites < REWRITES_A_MINUTE ||
	       process_now_ms() - account->minute_ms > 60000;
}

void rcwatch_look(struct rcwatch *rcwatch, const char *user)
{
	struct rc_account *account = find_or_add(rcwatch, user);
	struct rc_look *look;

	if (!account || !is_wanted(rcwatch, account))
		return;
	if (account->looking) {
		account->again = true;
		return;
	}
	look = calloc(1, sizeof(*look));
	if (look && (look->user = strdup(user))) {
		const struct job_calls calls = {work, look, done, look, NULL};

		look->rcwatch = rcwatch;
		look->insert = access(HOOK, R_OK) == 0;
		/* No key: these files are none of those that the work on keys locks. */
		if (job_start(rcwatch->jobs, NULL, JOB_OWN_UID, &calls) == 0) {
			account->looking = true;
			return; /* cppcheck-suppress memleak; it is the job's now */
		}
	}
	if (look)
		free(look->user);
	free(look);
}

void rcwatch_add_warnings(const struct rcwatch *rcwatch, json_t *warnings)
{
	const struct rc_account *account;

	TAILQ_FOREACH(account, &rcwatch->accounts, link)
		if (account->warning)
			json_array_append_new(warnings, json_string(account->warning));
}
