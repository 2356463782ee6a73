/*
 * The accounts that are looked after: what file each one's keys stand in, whether it is
 * as it should be, and a look at it whenever it changes (and every few minutes).
 */
#ifndef VASTAGENT_DAEMON_LOOKOUT_H
#define VASTAGENT_DAEMON_LOOKOUT_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

struct config;
struct counters;
struct event_base;
struct jobs;
struct lookout;

/*
 * Begins to look after the configured accounts and those that have a store. config and
 * counters must outlive it. Returns NULL if out of memory.
 */
struct lookout *lookout_create(struct event_base *base, struct jobs *jobs,
	const struct config *config, struct counters *counters);
void lookout_destroy(struct lookout *lookout);

/* Looks after one more account from now on. Returns 0, or -1 if out of memory. */
int lookout_add(struct lookout *lookout, const char *user);

/*
 * A change of an account's file failed, and message (or NULL) says why: tries it after 1,
 * 2, 5, 10, then each 30 seconds.
 */
void lookout_retry(struct lookout *lookout, const char *user, const char *message);

/* The configuration was read again: adds its accounts, looks at all. */
void lookout_reload(struct lookout *lookout);

/*
 * Stops looking and restoring, for some seconds or (0) until lookout_resume, also after
 * a new start of the agent. Files that are changed meanwhile are judged when it goes on.
 */
void lookout_pause(struct lookout *lookout, long seconds);
void lookout_resume(struct lookout *lookout);

/* Whether it does; *until is the end, or 0: until lookout_resume. */
bool lookout_is_paused(const struct lookout *lookout, time_t *until);

/* Root's keys have changed: looks at the accounts that mirror them. */
void lookout_mirror(struct lookout *lookout);

/* Adds to an array of names, to be freed names first, those that it lacks of the accounts
 * that are looked after; aside: only with keys of another instance that were set aside.
 * Returns 0, or -1 (out of memory). */
int lookout_names(const struct lookout *lookout, bool aside, char ***names, size_t *count);

/* The file of an account's keys as it was last found out, or NULL: then it must be asked
 * for. Forgotten when sshd's configuration or the accounts change. */
const char *lookout_file(struct lookout *lookout, const char *user);

/* Which instance this is, as the last look at keys found out; "" if nothing tells yet. */
const char *lookout_instance(const struct lookout *lookout);

/* [{"user","file","state":"ok"|"failed"|"new","message"}]; NULL if out of memory. */
json_t *lookout_json(const struct lookout *lookout);

/* Appends what is wrong with an account to an array of sentences. */
void lookout_add_warnings(const struct lookout *lookout, json_t *warnings);

#endif
