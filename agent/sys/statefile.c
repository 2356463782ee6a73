#include "sys/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sys/fdio.h"

/* Of a file that is appended to, 10 ms apart. */
#define LOCK_TRIES 50

static bool is_roots_alone(const struct stat *what)
{
	return what->st_uid == 0 && !(what->st_mode & (S_IWGRP | S_IWOTH));
}

/* Minimal images have no /run or /var/lib. What is there is left as it is. */
static void make_parents(const char *path)
{
	mode_t mask = umask(022);
	char parent[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
		mkdir(parent, 0755);
	}
	umask(mask);
}

int statefile_prepare_directory(const char *path, unsigned mode, struct error *error)
{
	bool made = mkdir(path, mode) == 0;
	struct stat what;

	if (!made && errno == ENOENT) {
		make_parents(path);
		made = mkdir(path, mode) == 0;
	}
	if (!made && errno != EEXIST)
		return error_set_errno(error, ERROR_CANNOT_WRITE, "cannot make %s", path);
	if (lstat(path, &what) != 0)
		return error_set_errno(error, ERROR_CANNOT_WRITE, "cannot look at %s", path);
	if (!S_ISDIR(what.st_mode) || !is_roots_alone(&what))
		return error_set(error, ERROR_CANNOT_WRITE,
			"%s must be a directory that only root can write to", path);
	/* The umask must not decide who reaches the socket. A directory that was there before
	 * is somebody's choice. */
	if (made && chmod(path, mode) != 0)
		return error_set_errno(
			error, ERROR_CANNOT_WRITE, "cannot set the mode of %s", path);
	return 0;
}

/* The file's size helps to read it in one go; that it lies does not hurt. */
static int read_whole(
	int fd, const char *path, size_t limit, struct buffer *content, struct error *error)
{
	size_t start = content->length;
	char *space;
	ssize_t got;

	for (;;) {
		space = buffer_reserve(content, 16384);
		if (!space)
			return error_set(error, ERROR_INTERNAL, "out of memory");
		got = read(fd, space, 16384);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set_errno(error, ERROR_UNSAFE_FILE, "cannot read %s", path);
		if (got == 0)
			break;
		content->length += (size_t)got;
		if (content->length - start > limit)
			return error_set(
				error, ERROR_TOO_LARGE, "%s is larger than %zu bytes", path, limit);
	}
	content->data[content->length] = '\0';
	return 0;
}

int statefile_read(
	const char *path, size_t limit, struct buffer *content, bool *exists, struct error *error)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat what;
	int result;

	*exists = fd >= 0;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_set_errno(error, ERROR_UNSAFE_FILE, "cannot open %s", path);
	if (fstat(fd, &what) != 0 || !S_ISREG(what.st_mode) || !is_roots_alone(&what))
		result = error_set(error, ERROR_UNSAFE_FILE,
			"%s must be a file that only root can write to; repair it with: "
			"chown root %s; chmod go-w %s",
			path, path, path);
	else
		result = read_whole(fd, path, limit, content, error);
	close(fd);
	return result;
}

static int sync_directory(const char *path)
{
	char copy[PATH_MAX];
	int fd, result;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	result = fsync(fd);
	close(fd);
	return result;
}

int statefile_write(const char *path, const struct buffer *content, struct error *error)
{
	return statefile_write_mode(path, 0600, content, error);
}

int statefile_write_mode(
	const char *path, unsigned mode, const struct buffer *content, struct error *error)
{
	char temporary[PATH_MAX];
	int fd;

	/* One name, so that a killed writer leaves at most one file; writers hold a lock. */
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(error, ERROR_CANNOT_WRITE, "cannot write %s", temporary);
	if (fdio_write(fd, content->data, content->length) != 0 || fchmod(fd, mode) != 0 ||
		fsync(fd) != 0) {
		error_set_errno(error, ERROR_CANNOT_WRITE, "cannot write %s", temporary);
		close(fd);
		unlink(temporary);
		return -1;
	}
	close(fd);
	if (rename(temporary, path) != 0) {
		error_set_errno(error, ERROR_CANNOT_WRITE, "cannot replace %s", path);
		unlink(temporary);
		return -1;
	}
	if (sync_directory(path) != 0)
		return error_set_errno(error, ERROR_CANNOT_WRITE, "cannot make %s last", path);
	return 0;
}

static int open_appended(const char *path, struct error *error)
{
	struct stat what;
	int fd = open(path,
		O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		0600);

	if (fd < 0)
		return error_set_errno(error, ERROR_CANNOT_WRITE, "cannot write %s", path);
	if (fstat(fd, &what) == 0 && S_ISREG(what.st_mode) && is_roots_alone(&what))
		return fd;
	close(fd);
	return error_set(error, ERROR_CANNOT_WRITE,
		"%s must be a file that only root can write to; move it away", path);
}

/* Whether the file at the path is still the one that is open. */
static bool is_at(const char *path, const struct stat *open_file)
{
	struct stat what;

	return lstat(path, &what) == 0 && what.st_ino == open_file->st_ino &&
	       what.st_dev == open_file->st_dev;
}

/*
 * Opens the file and locks it against other writers. It may have been renamed by one of
 * them until then. Returns a descriptor with the file's size in *size, or -1.
 */
static int open_locked(const char *path, size_t *size, struct error *error)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000000};
	struct stat what;
	int fd;

	for (int i = 0; i < LOCK_TRIES; i++, nanosleep(&pause, NULL)) {
		fd = open_appended(path, error);
		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &what) == 0 &&
			is_at(path, &what)) {
			*size = (size_t)what.st_size;
			return fd;
		}
		close(fd);
	}
	return error_set(error, ERROR_CANNOT_WRITE, "%s is locked by somebody", path);
}

static int rotate(const char *path, struct error *error)
{
	char older[PATH_MAX];

	snprintf(older, sizeof(older), "%s.1", path);
	if (rename(path, older) != 0)
		return error_set_errno(
			error, ERROR_CANNOT_WRITE, "cannot rename %s to %s", path, older);
	return 0;
}

static int append(
	int fd, size_t size, const char *text, size_t length, const char *path, struct error *error)
{
	if (fdio_write(fd, text, length) == 0)
		return 0;
	error_set_errno(error, ERROR_CANNOT_WRITE, "cannot write %s", path);
	/* Half a line would spoil the next one. */
	if (ftruncate(fd, (off_t)size) != 0)
		error_append(error, "; a line of it is cut off");
	return -1;
}

int statefile_append(
	const char *path, size_t limit, const struct buffer *lines, struct error *error)
{
	const char *text = lines->data, *end = text + lines->length, *cut;
	size_t size;
	int fd, result;

	if (lines->length > limit) {
		cut = memchr(end - limit, '\n', limit);
		text = cut ? cut + 1 : end;
	}
	fd = open_locked(path, &size, error);
	if (fd >= 0 && size && size + (size_t)(end - text) > limit) {
		result = rotate(path, error);
		close(fd);
		fd = result == 0 ? open_locked(path, &size, error) : -1;
	}
	if (fd < 0)
		return -1;
	result = append(fd, size, text, (size_t)(end - text), path, error);
	close(fd);
	return result;
}
