/* Texts of a file that changed while it was edited. Pure. */
#ifndef VASTAGENT_SYS_HOMEFILE_MERGE_H
#define VASTAGENT_SYS_HOMEFILE_MERGE_H

#include <stdbool.h>
#include <stddef.h>

struct buffer;

bool homefile_equal(const struct buffer *a, const struct buffer *b);

/* The length of the longest common beginning. */
size_t homefile_common(const struct buffer *a, const struct buffer *b);

/* The length of the longest common end behind a common beginning. */
size_t homefile_common_end(const struct buffer *a, const struct buffer *b, size_t common);

/*
 * A file's bytes were before; they were edited into mine, which stands in a new file;
 * then somebody wrote late into the old one, while the new one may have become current.
 * Appends to *merged what belongs into the file now:
 * - if late is before and more: current, and behind it what came to before;
 * - else if current is mine and more: late, and behind it what came to mine;
 * - else both were rewritten: current, and with lines also those lines of late that are
 *   neither in before nor in current (each line of a file of keys stands for itself).
 * Returns 0, or -1 if out of memory.
 */
int homefile_merge(const struct buffer *before, const struct buffer *mine,
	const struct buffer *late, const struct buffer *current, bool lines, struct buffer *merged);

/*
 * A write in place from before to after, from the first byte that differs on, may have
 * been broken off anywhere. If found can be what that left behind (and perhaps lines
 * that were appended since), appends to *repaired what it must become and returns true.
 * False if somebody else has written the file since, or if out of memory.
 */
bool homefile_repair(const struct buffer *before, const struct buffer *after,
	const struct buffer *found, struct buffer *repaired);

#endif
