/* A homefile's child: who still writes to a file that was replaced. */
#ifndef VASTAGENT_SYS_HOMEFILE_LATE_H
#define VASTAGENT_SYS_HOMEFILE_LATE_H

#include <stdbool.h>

struct buffer;
struct error;
struct homefile_child;

/*
 * Keeps a file that has lost its name for homefile_late_watch. Steals
 * fd and *before. Returns 0, or -1 if out of memory.
 */
int homefile_late_keep(struct homefile_child *child, int fd, struct buffer *before,
	const struct buffer *mine, struct error *error);

/*
 * Looks at once whether a kept file was written to. *changed: it was, and *content has
 * what must be worked into the file that stands there now.
 */
int homefile_late_check(
	struct homefile_child *child, bool *changed, struct buffer *content, struct error *error);

/* Works what was handed out, and was in no file yet, into *content once more. 0 or -1. */
int homefile_late_again(
	const struct homefile_child *child, struct buffer *content, struct error *error);

/* What was handed out stands in the file now, with the bytes of mine. */
void homefile_late_commit(struct homefile_child *child, const struct buffer *mine);

/*
 * To be called when nobody waits for the child any more: stays until each kept file's
 * last writer has closed it, at most 10 s, and writes what came late into the file that
 * stands there then.
 */
void homefile_late_watch(struct homefile_child *child);

#endif
