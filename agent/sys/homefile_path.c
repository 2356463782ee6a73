/* Where the file really is, and whether sshd would read it. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "base/error.h"
#include "sys/account.h"
#include "sys/account_state.h"
#include "sys/homefile.h"
#include "sys/homefile_child.h"
#include "sys/process.h"

#define LOCK_WAIT_MS     5000
#define STRANGER_WAIT_MS 1000

/* sshd(8), StrictModes: owned by root or the account, and nobody else may write. */
int homefile_path_check(const struct homefile_child *child, const char *path,
	const struct stat *what, struct error *error)
{
	if (what->st_uid != 0 && what->st_uid != child->account->uid)
		return error_set(error, ERROR_UNSAFE_FILE,
			"%s belongs to uid %lu, so sshd ignores the keys in it; repair it with: "
			"chown %s %s",
			path, (unsigned long)what->st_uid, child->account->name, path);
	if ((what->st_mode & S_IWOTH) ||
		((what->st_mode & S_IWGRP) &&
			!account_has_group_alone(child->account, what->st_gid)))
		return error_set(error, ERROR_UNSAFE_FILE,
			"%s can be written by others (mode %04o), so sshd ignores the keys in it; "
			"repair it with: chmod go-w %s",
			path, what->st_mode & 07777u, path);
	return 0;
}

/* The directory and its parents, up to the home or the root, as sshd's safe_path() does. */
static int check_directories(const struct homefile_child *child, struct error *error)
{
	char path[PATH_MAX], home[PATH_MAX];
	struct stat what;
	char *slash;

	snprintf(path, sizeof(path), "%s", child->directory_path);
	if (!realpath(child->account->home, home))
		home[0] = '\0';
	for (;;) {
		if (stat(path, &what) != 0)
			return error_set_errno(error, ERROR_UNSAFE_FILE, "cannot look at %s", path);
		if (homefile_path_check(child, path, &what, error) != 0)
			return -1;
		slash = strrchr(path, '/');
		if (strcmp(path, home) == 0 || strcmp(path, "/") == 0 || !slash)
			return 0;
		slash[slash == path] = '\0';
	}
}

/*
 * Finds out where the file really is: a linked directory or file is followed with the
 * account's rights, so that the link stays and its target is what changes.
 */
static int locate(struct homefile_child *child, struct error *error)
{
	char copy[PATH_MAX], other_copy[PATH_MAX], resolved[PATH_MAX];
	const char *path = realpath(child->path, resolved) ? resolved : child->path;
	struct stat link;

	if (path == child->path && errno != ENOENT && errno != ENOTDIR)
		return error_set_errno(error, ERROR_UNSAFE_FILE, "cannot follow %s", child->path);
	if (path == child->path && lstat(path, &link) == 0 && S_ISLNK(link.st_mode))
		return error_set(error, ERROR_UNSAFE_FILE,
			"%s is a link to something that does not exist", path);
	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return error_set(error, ERROR_UNSAFE_FILE, "the path is too long: %.80s…", path);
	memcpy(other_copy, copy, sizeof(copy));
	snprintf(child->name, sizeof(child->name), "%s", basename(other_copy));
	if (!realpath(dirname(copy), child->directory_path))
		snprintf(child->directory_path, sizeof(child->directory_path), "%s", copy);
	return 0;
}

static int open_directory(struct homefile_child *child, struct error *error)
{
	const int how = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

	child->directory = open(child->directory_path, how);
	if (child->directory < 0 && errno == ENOENT && (child->flags & HOMEFILE_CREATE)) {
		/* A failure is told when something is to be written. */
		if (mkdir(child->directory_path, 0700) != 0)
			child->create_errno = errno;
		child->directory = open(child->directory_path, how);
	}
	if (child->directory < 0 && errno == ENOENT)
		return 0;
	if (child->directory < 0)
		return error_set_errno(
			error, ERROR_UNSAFE_FILE, "cannot open %s", child->directory_path);
	return child->flags & HOMEFILE_KEYS ? check_directories(child, error) : 0;
}

/* Who may read a directory may lock it, and is perhaps no agent. */
static bool may_be_strangers(int directory)
{
	struct stat what;

	return fstat(directory, &what) == 0 && (what.st_mode & (S_IRGRP | S_IROTH));
}

int homefile_path_lock(const struct homefile_child *child, struct error *error)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	bool strangers = may_be_strangers(child->directory);
	long long end = process_now_ms() + (strangers ? STRANGER_WAIT_MS : LOCK_WAIT_MS);

	while (flock(child->directory, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return 0; /* a file system without locks: the look-again still protects */
		if (process_now_ms() >= end && strangers)
			return 0;
		if (process_now_ms() >= end)
			return error_set(error, ERROR_BUSY, "%s is locked by another process",
				child->directory_path);
		nanosleep(&pause, NULL);
	}
	return 0;
}

void homefile_path_unlock(const struct homefile_child *child)
{
	flock(child->directory, LOCK_UN);
}

int homefile_path_open(struct homefile_child *child, struct error *error)
{
	return locate(child, error) != 0 ? -1 : open_directory(child, error);
}
