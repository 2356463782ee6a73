/*
 * The journal of a write in place: one file of root's that holds the text before and
 * the text after, from before the first byte is changed until the last one is on disk.
 */
#ifndef VASTAGENT_SYS_HOMEFILE_JOURNAL_H
#define VASTAGENT_SYS_HOMEFILE_JOURNAL_H

#include <stdbool.h>

struct buffer;
struct error;

/* Writes it, with fsync(2). Returns 0, or -1 with ERROR_CANNOT_WRITE. */
int homefile_journal_write(const char *journal, const char *path, const struct buffer *before,
	const struct buffer *after, struct error *error);

/*
 * True if the journal is about path and found, the text of the file now, is what a broken
 * write left behind: *repaired (appended to) is what the file must become then.
 */
bool homefile_journal_repair(
	const char *journal, const char *path, const struct buffer *found, struct buffer *repaired);

#endif
