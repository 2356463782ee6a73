/*
 * Keeps the platform's tmux block superseded in the start-up files of the accounts that
 * are looked after: at the start, and whenever such a file changes.
 */
#ifndef VASTAGENT_DAEMON_RCWATCH_H
#define VASTAGENT_DAEMON_RCWATCH_H

#include <jansson.h>

struct jobs;
struct rcwatch;

/* Returns NULL if out of memory. */
struct rcwatch *rcwatch_create(struct jobs *jobs);
void rcwatch_destroy(struct rcwatch *rcwatch);

/*
 * Looks at an account's start-up files. Without the login hook the platform's block is all
 * that there is, so the condition is taken out again: the files have their old bytes then.
 */
void rcwatch_look(struct rcwatch *rcwatch, const char *user);

/* Appends what could not be done to an array of sentences. */
void rcwatch_add_warnings(const struct rcwatch *rcwatch, json_t *warnings);

#endif
