/*
 * What the files of a homefile's child share. The child MUST have become the account
 * before it looks at the path, and MUST work from descriptors of directories from then
 * on.
 */
#ifndef VASTAGENT_SYS_HOMEFILE_CHILD_H
#define VASTAGENT_SYS_HOMEFILE_CHILD_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "sys/homefile_merge.h"

struct account;
struct error;

/* The most files replaced in one session that are watched for late writers. */
#define HOMEFILE_LATE_MAX 24

/* A file that has lost its name, while somebody may still be writing to it. */
struct homefile_late {
	int fd;
	long long since_ms;        /* when it lost its name */
	struct buffer before;      /* its bytes, as they went into the edit */
	struct homefile_edit mine; /* how that became what was put in its place */
	bool handed_out;           /* now stands in a content that is in no file yet */
	struct buffer now;         /* its bytes, with what came late */
};

struct homefile_child {
	int socket;
	const struct account *account;
	const char *path;
	unsigned flags;
	char directory_path[PATH_MAX];
	char name[NAME_MAX + 1];
	int directory;    /* -1: it does not exist */
	int create_errno; /* why it could not be made, or 0 */
	int current;      /* what was last read, kept open; -1: there was no file */
	struct stat seen;
	struct buffer bytes; /* of current, when it was read */
	bool waits;          /* a replacement must not be put in place before its parent says so */
	struct homefile_late late[HOMEFILE_LATE_MAX];
	unsigned late_count;
};

enum homefile_writer { WRITER_NONE, WRITER_PRESENT, WRITER_UNKNOWN };

enum homefile_outcome {
	OUTCOME_DONE,
	OUTCOME_CHANGED,    /* nothing was done; content is what stands there now */
	OUTCOME_LATE,       /* done, but content must be worked into it too */
	OUTCOME_NOT_ATOMIC, /* nothing was done: it can only be written in place */
};

/* homefile_path.c: finds directory and file, opens the directory, checks it. 0 or -1. */
int homefile_path_open(struct homefile_child *child, struct error *error);

/* The rule of sshd's StrictModes for one file or directory. Returns 0 or -1. */
int homefile_path_check(const struct homefile_child *child, const char *path,
	const struct stat *what, struct error *error);

/* Takes the lock against other agents' changes, waiting at most 5 s. Where anybody can hold
 * it, it is done without after a second. Returns 0 or -1. */
int homefile_path_lock(const struct homefile_child *child, struct error *error);
void homefile_path_unlock(const struct homefile_child *child);

/* homefile_read.c: opens the file as .current (-1: there is none). Returns 0 or -1. */
int homefile_read_open(struct homefile_child *child, struct error *error);

/* Opens it, waits at most 2 s for who is writing to it, and reads it into .bytes. */
int homefile_read_current(struct homefile_child *child, struct error *error);

/* Reads all of an open file, from its begin, in place of content. Returns 0 or -1. */
int homefile_read_all(
	const struct homefile_child *child, int fd, struct buffer *content, struct error *error);

/* Whether an open file can be read and holds just these bytes. */
bool homefile_read_same(int fd, const struct buffer *content);

enum homefile_writer homefile_read_writer(int fd);

/* homefile_replace.c: see homefile_replace() in homefile.h. May steal the bytes of
 * replacement, which .bytes become then. Returns 0 or -1. */
int homefile_replace_file(struct homefile_child *child, struct buffer *replacement,
	enum homefile_outcome *outcome, struct buffer *content, struct error *error);

/* homefile_child.c: waits for the parent's word, if it must. True: go on. */
bool homefile_may_go(struct homefile_child *child);

/* Whether the file is the one that was read, unchanged as far as its times tell. */
bool homefile_replace_is_seen(const struct homefile_child *child);

/* homefile_inplace.c: overwrites the file itself, from the first byte that differs on. */
int homefile_inplace_write(struct homefile_child *child, const struct buffer *replacement,
	enum homefile_outcome *outcome, struct buffer *content, struct error *error);

#endif
