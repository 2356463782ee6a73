/*
 * A path as sshd looks at it before it reads keys from it: which directories it really
 * leads through, whose they are, and what the file holds. Read by a child process that
 * has become the account, with a limit, since a home can hang and its links can lead
 * anywhere.
 */
#ifndef VASTAGENT_SYS_PATHCHECK_H
#define VASTAGENT_SYS_PATHCHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buffer.h"

struct account;
struct error;

struct pathcheck_part {
	char *path; /* without links */
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

struct pathcheck {
	/* The file first, then its directories up to the home or to /; none if problem. */
	struct pathcheck_part *parts;
	size_t count;
	bool linked;           /* the path leads through a symbolic link */
	bool is_link;          /* the file's own name is one */
	int problem;           /* errno, where the path leads nowhere or cannot be read */
	char *where;           /* with problem: the first part of the path that has it */
	bool too_large;        /* more than HOMEFILE_LIMIT bytes; content is empty */
	struct buffer content; /* of the file, if it is a regular one */
	/* Of the file system with the file's last directory that exists. */
	bool read_only;
	unsigned long long free_bytes; /* for the account */
	unsigned long long free_files;
};

/*
 * Looks at path (absolute) as the account. The caller is root, or is the account.
 * Returns 0, or -1 with ERROR_TIMEOUT (it hangs), ERROR_FORBIDDEN (the caller is
 * neither) or ERROR_INTERNAL. Release with pathcheck_free in any case.
 */
int pathcheck_read(struct pathcheck *check, const struct account *account, const char *path,
	struct error *error);

void pathcheck_free(struct pathcheck *check);

#endif
