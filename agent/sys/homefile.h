/*
 * One file in somebody's home, read and replaced by a child process that has become
 * that account for good. Root never opens anything under a home: links, FIFOs and
 * file systems that hang are met with the account's own rights, and with a limit.
 */
#ifndef VASTAGENT_SYS_HOMEFILE_H
#define VASTAGENT_SYS_HOMEFILE_H

#include <stdbool.h>
#include <sys/types.h>

struct account;
struct buffer;
struct error;
struct homefile;

/* The largest file that is read or written, in bytes. */
#define HOMEFILE_LIMIT (8L * 1024 * 1024)

enum homefile_flags {
	HOMEFILE_READ = 0,
	HOMEFILE_WRITE = 1 << 0,  /* take the lock against other agents' changes */
	HOMEFILE_CREATE = 1 << 1, /* make the last directory (0700) if it is missing */
	HOMEFILE_KEYS = 1 << 2,   /* hold directory and file to the rule of sshd's StrictModes */
	HOMEFILE_SHARED = 1 << 3, /* a new file is 0644: another account than its owner reads it */
	HOMEFILE_ASIDE = 1 << 4,  /* for homefile_places alone: the file itself may be unusable */
};

/*
 * Starts the child for path (absolute). Each call below waits for it at most 8 s and
 * ends in ERROR_TIMEOUT then. Returns 0 and *file (end with homefile_close), or -1.
 */
int homefile_open(struct homefile **file, const struct account *account, const char *path,
	unsigned flags, struct error *error);

/*
 * *content becomes the file's bytes; it belongs to the file, and is good until the next
 * call for it. *exists is false, and *content empty, if there is no file. A writer that
 * has the file open is waited for, at most 2 s.
 * Returns 0, or -1 with ERROR_UNSAFE_FILE (not a regular file, or sshd would not read
 * it), ERROR_TOO_LARGE, ERROR_TIMEOUT or ERROR_BUSY.
 */
int homefile_read(
	struct homefile *file, const struct buffer **content, bool *exists, struct error *error);

/*
 * Puts the bytes of replacement in place of what was last read, atomically: a new file
 * in the same directory with mode, owner, ACL and attributes of the old one, fsync(2),
 * rename(2), fsync(2) of the directory. Any failure before the rename leaves the old
 * file. Another hard link to the old file keeps the old bytes.
 *
 * If somebody changed the file since it was read, before or while it was replaced,
 * *changed is true and *content (as homefile_read has it) the bytes that must be worked
 * into the file now: make the edit on them and call again. A program that still has the
 * old file open is waited for by the child after homefile_close, at most 10 s: lines
 * that it appended go to the end of the file that stands there then, anything else
 * becomes its text, and whoever watches the directory sees the change.
 *
 * A file that is mounted on cannot be replaced. It is overwritten, from the first byte
 * that differs on, which is not atomic: see homefile_keep_journal.
 * Returns 0, or -1 with ERROR_CANNOT_WRITE or as homefile_read.
 */
int homefile_replace(struct homefile *file, const struct buffer *replacement, bool *changed,
	const struct buffer **content, struct error *error);

/*
 * Sends the replacement of the next homefile_replace ahead: the child writes it and
 * waits, while the caller does what must be done before the file changes. Where that
 * fails, homefile_call_off leaves everything as it was. Returns 0 or -1.
 */
int homefile_send_ahead(
	struct homefile *file, const struct buffer *replacement, struct error *error);
void homefile_call_off(struct homefile *file);

/*
 * Names a file of root's, in a directory of root's, for the journal of a write that is
 * not atomic. homefile_read completes such a write that was broken off. Without a journal
 * a file that is mounted on is not written. Returns 0, or -1 if out of memory.
 */
int homefile_keep_journal(struct homefile *file, const char *journal);

/* Ends the child, unless it watches for late writers, and frees; NULL is fine. */
void homefile_close(struct homefile *file);

#endif
