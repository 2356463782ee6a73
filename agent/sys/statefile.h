/* Files that belong to root alone: the agent's state, its journal, its configuration. */
#ifndef VASTAGENT_SYS_STATEFILE_H
#define VASTAGENT_SYS_STATEFILE_H

#include <stdbool.h>
#include <stddef.h>

struct buffer;
struct error;

/*
 * Makes the directory with that mode, whatever the umask, if it is missing (and its
 * parents, 0755), and checks that it is root's and that nobody else can write to it.
 * Returns 0, or -1 with ERROR_CANNOT_WRITE.
 */
int statefile_prepare_directory(const char *path, unsigned mode, struct error *error);

/*
 * Appends the whole file to *content. It must be a regular file of root's that others
 * cannot write, at most limit bytes. *exists is false if there is none.
 * Returns 0, or -1 with ERROR_UNSAFE_FILE or ERROR_TOO_LARGE.
 */
int statefile_read(
	const char *path, size_t limit, struct buffer *content, bool *exists, struct error *error);

/*
 * Replaces the file atomically (0600, fsync(2) before and after rename(2)).
 * Returns 0, or -1 with ERROR_CANNOT_WRITE; the old file is then untouched.
 */
int statefile_write(const char *path, const struct buffer *content, struct error *error);

/* The same with that mode, whatever the umask: 0644 for what others may read. */
int statefile_write_mode(
	const char *path, unsigned mode, const struct buffer *content, struct error *error);

/*
 * Appends lines, all or none. Where they would make the file larger than limit bytes it
 * is renamed to PATH.1, which replaces an older one; of more than limit bytes the last
 * lines are taken. Never waits long, whatever stands at the path. Returns 0, or -1 with
 * ERROR_CANNOT_WRITE.
 */
int statefile_append(
	const char *path, size_t limit, const struct buffer *lines, struct error *error);

#endif
