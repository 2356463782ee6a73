#include "daemon/lookout.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/clock.h"
#include "daemon/counters.h"
#include "daemon/job.h"
#include "daemon/keys_job.h"
#include "daemon/pause.h"
#include "daemon/rcwatch.h"
#include "daemon/watch.h"
#include "login/rcfiles.h"
#include "sys/config.h"
#include "sys/instance.h"
#include "sys/process.h"

#define SLOW_LOOK_S 300
/* After a failure: a disk that was full or read-only can be written again, unseen. */
static const unsigned char retry_s[] = {1, 2, 5, 10, 30};
/* Coalesces the events of one rewrite; far below what a person notices. */
#define SETTLE_US 5000
/* A file that was made is looked at when it is closed; but a link never is. */
#define MADE_US 100000
/* A file that is rewritten more often than this in a minute is restored with pauses. */
#define CALM_RESTORES 10
/* The platform's images move ~/.ssh while they boot: it is not made by a restore then. */
#define BOOT_S 60

/*
 * Files that decide which file sshd reads. It writes its pid anew when it is started,
 * perhaps with other options, and when it reads its configuration again.
 */
static const char *const sources[] = {
	"/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d", "/etc/passwd", "/run/sshd.pid"};

#define SOURCE_COUNT (sizeof(sources) / sizeof(sources[0]))

struct watched {
	TAILQ_ENTRY(watched) link; /* lookout::accounts */
	struct lookout *owner;
	char *user;
	char *file;       /* NULL: not known */
	bool moved;       /* .file was found before something that decides it changed */
	int wds[JOB_FDS]; /* of the directories on the way to the file, or -1 */
	char *names;      /* what is looked up in them, with '/' between; NULL: not known */
	int home;         /* the one that is the home, or -1 */
	int blind;        /* why a directory on the way is not watched, an errno; or 0 */
	bool looking, again;
	bool create; /* the next look is part of adding a key */
	bool looked, failed;
	unsigned failures; /* in a row */
	char *message;
	unsigned restores; /* in the minute that began at minute_ms */
	long long minute_ms;
	struct event *timer;
	long long due_ms; /* the end of .timer, while it is pending */
	struct event *expiry;
};

struct lookout {
	struct event_base *base;
	struct jobs *jobs;
	const struct config *config;
	struct counters *counters;
	struct rcwatch *rcwatch;
	struct watch *watch;
	struct event *slow;
	struct clock *clock;
	struct timespec seen[SOURCE_COUNT]; /* modification times of sources */
	long long started_ms;
	struct pause pause;
	struct event *pause_end;
	char instance[INSTANCE_ID_SIZE]; /* what the last look found out */
	TAILQ_HEAD(, watched) accounts;
};

static struct watched *find(const struct lookout *lookout, const char *user)
{
	struct watched *account;

	TAILQ_FOREACH(account, &lookout->accounts, link)
		if (strcmp(account->user, user) == 0)
			return account;
	return NULL;
}

static void look_in(struct watched *account, long microseconds)
{
	const struct timeval delay = {
		.tv_sec = microseconds / 1000000, .tv_usec = microseconds % 1000000};
	long long due = process_now_ms() + microseconds / 1000;

	/* A look that is due earlier is not put off. */
	if (evtimer_pending(account->timer, NULL) && account->due_ms <= due)
		return;
	account->due_ms = due;
	evtimer_add(account->timer, &delay);
}

static void retry(struct watched *account)
{
	const unsigned last = sizeof(retry_s) - 1;

	look_in(account, retry_s[account->failures < last ? account->failures : last] * 1000000L);
	account->failures++;
}

/* Pause before the next look: longer and longer for a file that somebody fights over. */
static long pause_us(const struct watched *account)
{
	unsigned over = account->restores > CALM_RESTORES ? account->restores - CALM_RESTORES : 0;

	if (!over || process_now_ms() - account->minute_ms > 60000)
		return SETTLE_US;
	return over > 6 ? 60L * 1000000 : (1L << (over - 1)) * 1000000;
}

static void count_restores(struct watched *account, unsigned restored)
{
	long long now = process_now_ms();

	if (now - account->minute_ms > 60000) {
		account->minute_ms = now;
		account->restores = 0;
	}
	account->restores += restored > 0;
	if (restored && account->restores == CALM_RESTORES + 1)
		log_warning(
			"%s is rewritten again and again; it is restored with pauses from now on",
			account->file ? account->file : account->user);
}

static bool is_used(const struct lookout *lookout, int wd)
{
	const struct watched *account;

	TAILQ_FOREACH(account, &lookout->accounts, link)
		for (int i = 0; i < JOB_FDS; i++)
			if (account->wds[i] == wd)
				return true;
	return false;
}

static bool has(const int wds[JOB_FDS], int wd)
{
	for (int i = 0; i < JOB_FDS; i++)
		if (wds[i] == wd)
			return true;
	return false;
}

/*
 * Watches what the look found on the way to the file. What changed in a directory between
 * the look and now was seen by nobody: where one is new, there is another look.
 */
static void watch_places(struct watched *account, int fds[JOB_FDS])
{
	struct watch *watch = account->owner->watch;
	int old[JOB_FDS], last = 0;

	memcpy(old, account->wds, sizeof(old));
	account->blind = 0;
	while (last + 1 < JOB_FDS && fds[last + 1] >= 0)
		last++;
	for (int i = 0; i < JOB_FDS; i++) {
		account->wds[i] = watch_add(watch, fds[i], i == last || i == account->home);
		if (watch && fds[i] >= 0 && account->wds[i] < 0)
			account->blind = errno;
		if (fds[i] >= 0)
			close(fds[i]);
		if (has(old, account->wds[i]))
			continue;
		account->again = true;
		if (i == account->home)
			rcwatch_look(account->owner->rcwatch, account->user);
	}
	for (int i = 0; i < JOB_FDS; i++)
		if (old[i] >= 0 && !is_used(account->owner, old[i]))
			watch_remove(watch, old[i]);
}

/*
 * A look when the next key's time is over. The clock may be set meanwhile, so a time
 * that is far off is left to the slow look.
 */
static void expect_expiry(struct watched *account, time_t when)
{
	struct timeval delay = {.tv_sec = when + 1 - time(NULL)};

	evtimer_del(account->expiry);
	if (when && delay.tv_sec <= SLOW_LOOK_S) {
		if (delay.tv_sec < 1)
			delay.tv_sec = 1;
		evtimer_add(account->expiry, &delay);
	}
}

static void take_instance(struct lookout *lookout, const char *instance)
{
	if (instance)
		snprintf(lookout->instance, sizeof(lookout->instance), "%s", instance);
}

static void take_outcome(struct watched *account, const struct keys_outcome *outcome)
{
	struct counters *counters = account->owner->counters;

	if (outcome->file) {
		free(account->file);
		account->file = strdup(outcome->file);
		account->moved = false;
	}
	take_instance(account->owner, outcome->instance);
	counters->unwritten += outcome->unwritten;
	if (!outcome->failed) {
		counters->restored += outcome->restored;
		counters->taken_out += outcome->taken_out;
		/* What is written late because it failed before was taken by nobody. */
		count_restores(account, account->failed ? 0 : outcome->restored);
		if (outcome->set_aside)
			log_warning("keys of %s that were added on another instance: %u, set aside",
				account->user, outcome->set_aside);
		if (outcome->restored)
			log_info("keys of %s restored: %u", account->user, outcome->restored);
		if (outcome->taken_out)
			log_info("keys of %s taken out by hand: %u", account->user,
				outcome->taken_out);
	}
	if (outcome->failed && !account->failed)
		log_warning("%s: %s", account->user, outcome->message ? outcome->message : "");
	expect_expiry(account, outcome->next_expiry);
	account->failed = outcome->failed;
	free(account->message);
	account->message = outcome->message ? strdup(outcome->message) : NULL;
	free(account->names);
	account->names = outcome->places ? strdup(outcome->places) : NULL;
	account->home = outcome->home;
}

struct look {
	struct lookout *lookout;
	struct keys_job *job;
};

static void look_done(void *context, const struct buffer *out, int fds[JOB_FDS])
{
	struct look *look = context;
	struct watched *account = find(look->lookout, look->job->user);
	struct keys_outcome outcome;

	if (keys_outcome_read(out, &outcome) != 0)
		outcome = (struct keys_outcome){.failed = true,
			.home = -1,
			.message = strdup("the look at its keys did not end in time")};
	if (account) {
		account->looking = false;
		account->looked = true;
		take_outcome(account, &outcome);
		watch_places(account, fds);
		if (account->again)
			look_in(account, pause_us(account));
		else if (account->failed)
			retry(account);
		if (!account->failed)
			account->failures = 0;
		account->again = false;
	}
	keys_outcome_free(&outcome);
	keys_job_free(look->job);
	free(look);
}

static bool is_listed(char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static struct look *make_look(struct watched *account)
{
	struct look *look = calloc(1, sizeof(*look));
	struct keys_job *job = calloc(1, sizeof(*job));
	const char *file = lookout_file(account->owner, account->user);

	if (!look || !job)
		goto fail;
	job->operation = KEYS_LOOK;
	job->user = strdup(account->user);
	job->state_dir = strdup(account->owner->config->state_dir);
	job->file = file ? strdup(file) : NULL;
	job->mirror = is_listed(account->owner->config->mirror,
		account->owner->config->mirror_count, account->user);
	job->create =
		account->create || process_now_ms() - account->owner->started_ms > BOOT_S * 1000;
	account->create = false;
	if (!job->user || !job->state_dir || (file && !job->file))
		goto fail;
	look->lookout = account->owner;
	look->job = job;
	return look;
fail:
	keys_job_free(job);
	free(look);
	return NULL;
}

static void look_now(evutil_socket_t fd, short what, void *context)
{
	struct watched *account = context;
	struct lookout *lookout = account->owner;
	struct look *look;

	(void)fd;
	(void)what;
	if (!lookout->config->restore || lookout->pause.on)
		return;
	if (account->looking) {
		account->again = true;
		return;
	}
	look = make_look(account);
	if (look) {
		const struct job_calls calls = {keys_job_work, look->job, look_done, look, NULL};
		/* Root's does not wait for those of accounts whose homes hang. */
		uid_t uid = strcmp(account->user, "root") == 0 ? 0 : JOB_OWN_UID;

		if (job_start(lookout->jobs, account->user, uid, &calls) == 0) {
			account->looking = true;
			return;
		}
		keys_job_free(look->job);
		free(look);
	}
	retry(account);
}

/* Whether an event in the i-th watched directory is about what is looked up there. */
static bool concerns(const struct watched *account, int i, const char *name)
{
	const char *looked_up = account->names;
	size_t length;

	if (!*name)
		return true;
	for (; looked_up && i > 0; i--) {
		looked_up = strchr(looked_up, '/');
		looked_up += looked_up != NULL;
	}
	length = looked_up ? strcspn(looked_up, "/") : 0;
	return !length || (strncmp(looked_up, name, length) == 0 && !name[length]);
}

static void look_at_all(struct lookout *lookout)
{
	struct watched *account;

	TAILQ_FOREACH(account, &lookout->accounts, link) {
		look_in(account, 0);
		rcwatch_look(lookout->rcwatch, account->user);
	}
}

static void on_entry(struct watched *account, int i, const char *name, bool made)
{
	long pause = pause_us(account);

	if (concerns(account, i, name))
		look_in(account, made && pause < MADE_US ? MADE_US : pause);
	if (i == account->home && (!*name || rcfiles_concerns(name)))
		rcwatch_look(account->owner->rcwatch, account->user);
}

static void on_change(void *context, int wd, const char *name, bool made)
{
	struct lookout *lookout = context;
	struct watched *account;

	if (wd < 0) {
		look_at_all(lookout);
		return;
	}
	TAILQ_FOREACH(account, &lookout->accounts, link)
		for (int i = 0; i < JOB_FDS; i++)
			if (account->wds[i] == wd)
				on_entry(account, i, name, made);
}

/* Also ends a pause whose end the clock has passed, since it was set or the machine slept. */
static void look_at_time(void *context)
{
	struct lookout *lookout = context;

	if (lookout->pause.on && lookout->pause.until && lookout->pause.until <= time(NULL))
		lookout_resume(lookout);
	else
		look_at_all(lookout);
}

static void slow_look(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	look_at_time(context);
}

static void watched_free(struct watched *account)
{
	if (account->timer)
		event_free(account->timer);
	if (account->expiry)
		event_free(account->expiry);
	free(account->user);
	free(account->file);
	free(account->names);
	free(account->message);
	free(account);
}

int lookout_add(struct lookout *lookout, const char *user)
{
	struct watched *account = find(lookout, user);

	if (account)
		return 0;
	account = calloc(1, sizeof(*account));
	if (!account)
		return -1;
	account->owner = lookout;
	account->user = strdup(user);
	account->timer = evtimer_new(lookout->base, look_now, account);
	account->expiry = evtimer_new(lookout->base, look_now, account);
	for (int i = 0; i < JOB_FDS; i++)
		account->wds[i] = -1;
	if (!account->user || !account->timer || !account->expiry) {
		watched_free(account);
		return -1;
	}
	TAILQ_INSERT_TAIL(&lookout->accounts, account, link);
	look_in(account, 0);
	rcwatch_look(lookout->rcwatch, user);
	return 0;
}

/* Whether something is kept beside a store: where is a function of the store's path; NULL:
 * the store itself. */
static bool has_beside(
	const struct lookout *lookout, const char *user, char *(*where)(const char *path))
{
	char *store = store_path(lookout->config->state_dir, user);
	char *beside = store && where ? where(store) : NULL;
	const char *path = where ? beside : store;
	bool has = path && access(path, F_OK) == 0;

	free(store);
	free(beside);
	return has;
}

void lookout_retry(struct lookout *lookout, const char *user, const char *message)
{
	struct watched *account = find(lookout, user);

	/* The first key of an account may be remembered already. */
	if (!account && has_beside(lookout, user, NULL) && lookout_add(lookout, user) == 0)
		account = find(lookout, user);
	if (!account)
		return;
	free(account->message);
	account->message = message ? strdup(message) : NULL;
	account->failed = true;
	account->failures = 0;
	retry(account);
}

static void add_configured(struct lookout *lookout)
{
	for (size_t i = 0; i < lookout->config->user_count; i++)
		lookout_add(lookout, lookout->config->users[i]);
	for (size_t i = 0; i < lookout->config->mirror_count; i++)
		lookout_add(lookout, lookout->config->mirror[i]);
}

/* An account that somebody once added a key for. */
static void add_stored(void *lookout, const char *user)
{
	lookout_add(lookout, user);
}

static void end_pause(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	lookout_resume(context);
}

/* Starts the timer for its end, which counts time that passes and not the clock's. */
static void expect_pause_end(struct lookout *lookout)
{
	const struct timeval left = {.tv_sec = pause_left(&lookout->pause, time(NULL))};

	evtimer_del(lookout->pause_end);
	if (lookout->pause.on && lookout->pause.until)
		evtimer_add(lookout->pause_end, &left);
}

static void remember_pause(const struct lookout *lookout)
{
	struct error error;

	if (pause_save(lookout->config->state_dir, &lookout->pause, &error) != 0)
		log_warning("the pause: %s", error.message);
}

void lookout_pause(struct lookout *lookout, long seconds)
{
	lookout->pause = (struct pause){true, seconds ? time(NULL) + seconds : 0, seconds};
	remember_pause(lookout);
	expect_pause_end(lookout);
	log_info("restoring is paused");
}

void lookout_resume(struct lookout *lookout)
{
	if (lookout->pause.on)
		log_info("restoring goes on");
	lookout->pause = (struct pause){0};
	remember_pause(lookout);
	expect_pause_end(lookout);
	look_at_all(lookout);
}

bool lookout_is_paused(const struct lookout *lookout, time_t *until)
{
	*until = lookout->pause.until;
	return lookout->pause.on;
}

struct lookout *lookout_create(struct event_base *base, struct jobs *jobs,
	const struct config *config, struct counters *counters)
{
	const struct timeval slow = {.tv_sec = SLOW_LOOK_S};
	struct lookout *lookout = calloc(1, sizeof(*lookout));

	if (!lookout)
		return NULL;
	*lookout = (struct lookout){.base = base,
		.jobs = jobs,
		.config = config,
		.counters = counters,
		.started_ms = process_now_ms()};
	TAILQ_INIT(&lookout->accounts);
	lookout->watch = watch_create(base, on_change, lookout);
	lookout->rcwatch = rcwatch_create(jobs);
	lookout->clock = clock_create(base, look_at_time, lookout);
	lookout->slow = event_new(base, -1, EV_PERSIST, slow_look, lookout);
	lookout->pause_end = evtimer_new(base, end_pause, lookout);
	if (!lookout->slow || !lookout->pause_end || !lookout->rcwatch ||
		event_add(lookout->slow, &slow) != 0) {
		lookout_destroy(lookout);
		return NULL;
	}
	pause_load(config->state_dir, &lookout->pause);
	expect_pause_end(lookout);
	if (lookout->pause.on)
		log_info("restoring is still paused");
	add_configured(lookout);
	store_each_account(config->state_dir, add_stored, lookout);
	return lookout;
}

void lookout_destroy(struct lookout *lookout)
{
	struct watched *account;

	if (!lookout)
		return;
	while ((account = TAILQ_FIRST(&lookout->accounts))) {
		TAILQ_REMOVE(&lookout->accounts, account, link);
		watched_free(account);
	}
	clock_destroy(lookout->clock);
	if (lookout->slow)
		event_free(lookout->slow);
	if (lookout->pause_end)
		event_free(lookout->pause_end);
	rcwatch_destroy(lookout->rcwatch);
	watch_destroy(lookout->watch);
	free(lookout);
}

void lookout_reload(struct lookout *lookout)
{
	add_configured(lookout);
	look_at_all(lookout);
}

void lookout_mirror(struct lookout *lookout)
{
	struct watched *account;

	TAILQ_FOREACH(account, &lookout->accounts, link)
		if (is_listed(lookout->config->mirror, lookout->config->mirror_count,
			    account->user)) {
			account->create = true;
			look_in(account, SETTLE_US);
		}
}

int lookout_names(const struct lookout *lookout, bool aside, char ***names, size_t *count)
{
	const struct watched *account;
	char **grown;

	TAILQ_FOREACH(account, &lookout->accounts, link) {
		if (is_listed(*names, *count, account->user) ||
			(aside && !has_beside(lookout, account->user, store_aside_path)))
			continue;
		grown = reallocarray(*names, *count + 1, sizeof(*grown));
		if (!grown)
			return -1;
		*names = grown;
		grown[*count] = strdup(account->user);
		if (!grown[*count])
			return -1;
		++*count;
	}
	return 0;
}

/* Where the files are is asked again once anything that decides it has changed. */
static void check_sources(struct lookout *lookout)
{
	struct watched *account;
	bool changed = false;
	struct stat what;

	for (size_t i = 0; i < SOURCE_COUNT; i++) {
		if (stat(sources[i], &what) != 0)
			what.st_mtim = (struct timespec){0};
		changed = changed || what.st_mtim.tv_sec != lookout->seen[i].tv_sec ||
			  what.st_mtim.tv_nsec != lookout->seen[i].tv_nsec;
		lookout->seen[i] = what.st_mtim;
	}
	if (!changed)
		return;
	TAILQ_FOREACH(account, &lookout->accounts, link)
		account->moved = true;
}

const char *lookout_file(struct lookout *lookout, const char *user)
{
	const struct watched *account;

	check_sources(lookout);
	account = find(lookout, user);
	return account && !account->moved ? account->file : NULL;
}

const char *lookout_instance(const struct lookout *lookout)
{
	return lookout->instance;
}

json_t *lookout_json(const struct lookout *lookout)
{
	json_t *list = json_array();
	const struct watched *account;

	TAILQ_FOREACH(account, &lookout->accounts, link)
		json_array_append_new(list, json_pack("{ss ss? ss ss?}", "user", account->user,
						    "file", account->file, "state",
						    !account->looked  ? "new"
						    : account->failed ? "failed"
								      : "ok",
						    "message", account->message));
	return list;
}

void lookout_add_warnings(const struct lookout *lookout, json_t *warnings)
{
	const struct watched *account;
	char until[32];

	TAILQ_FOREACH(account, &lookout->accounts, link) {
		if (account->failed)
			json_array_append_new(warnings,
				json_sprintf("keys of %s: %s", account->user,
					account->message ? account->message : "unknown failure"));
		if (account->blind)
			json_array_append_new(warnings,
				json_sprintf(
					"keys of %s: the file is not watched (%s), changes are "
					"noticed within 5 minutes only%s",
					account->user, strerror(account->blind),
					account->blind == ENOSPC
						? "; raise fs.inotify.max_user_watches"
						: ""));
		if (has_beside(lookout, account->user, store_damaged_path))
			json_array_append_new(warnings,
				json_sprintf(
					"keys of %s: what was remembered of them was damaged; "
					"it was made anew from the block and from what was saved "
					"before; the damaged file is %s/keys/%s.json.damaged, "
					"delete it to end this warning",
					account->user, lookout->config->state_dir, account->user));
		if (has_beside(lookout, account->user, store_aside_path))
			json_array_append_new(warnings,
				json_sprintf(
					"keys of %s: those of another instance were set aside; "
					"take them over with: vastagent adopt",
					account->user));
		if (account->restores > CALM_RESTORES &&
			process_now_ms() - account->minute_ms < 60000)
			json_array_append_new(warnings,
				json_sprintf("keys of %s: the file was rewritten %u times within a "
					     "minute; it is restored with pauses",
					account->user, account->restores));
	}
	rcwatch_add_warnings(lookout->rcwatch, warnings);
	if (!lookout->config->restore)
		json_array_append_new(warnings,
			json_string(
				"nothing is restored: the configuration says [keys] restore = no"));
	if (lookout->pause.on)
		json_array_append_new(warnings,
			json_sprintf("restoring is paused%s%s; go on with: vastagent resume",
				lookout->pause.until ? " until " : "",
				lookout->pause.until
					? text_time(until, sizeof(until), lookout->pause.until)
					: ""));
	if (!lookout->watch)
		json_array_append_new(warnings,
			json_string(
				"no inotify: changes of files are noticed within 5 minutes only"));
}
