/*
 * Overwriting a file that cannot be replaced, because it is mounted on. This is the one
 * change that is not atomic: a reader may see a part of it, and root's side keeps a
 * journal by which it is completed after a crash.
 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/homefile.h"
#include "sys/homefile_child.h"
#include "sys/homefile_merge.h"
#include "sys/process.h"

#define LEASE_WAIT_MS 2000

static int write_from(int fd, const struct buffer *content, size_t at)
{
	ssize_t written;

	while (at < content->length) {
		written = pwrite(fd, content->data + at, content->length - at, (off_t)at);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		at += (size_t)written;
	}
	return 0;
}

/*
 * Keeps others from opening the file (fcntl(2), leases) while its bytes are between two
 * states, some microseconds: what they append would be overwritten. Where that cannot
 * be had, the file is written all the same.
 */
static void take_lease(int fd)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	long long end = process_now_ms() + LEASE_WAIT_MS;

	while (fcntl(fd, F_SETLEASE, F_WRLCK) != 0 && errno == EAGAIN && process_now_ms() < end)
		nanosleep(&pause, NULL);
}

/* The bytes that differ, then the length. Where that fails, as it was before. */
static int overwrite(int fd, const struct buffer *old, const struct buffer *new)
{
	size_t at = homefile_common(old, new);
	int cause;

	/* Room first: a full disk must show before a byte is changed. */
	if (new->length > old->length &&
		fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)old->length,
			(off_t)(new->length - old->length)) != 0 &&
		errno != EOPNOTSUPP &&errno != ENOSYS &&errno != EINVAL)
		return -1;
	if (write_from(fd, new, at) == 0 &&
		(new->length >= old->length || ftruncate(fd, (off_t) new->length) == 0))
		return 0;
	cause = errno;
	if (write_from(fd, old, at) == 0 && ftruncate(fd, (off_t)old->length) != 0)
		errno = cause;
	errno = cause;
	return -1;
}

static int open_for_writing(struct homefile_child *child, struct error *error)
{
	int fd = openat(child->directory, child->name,
		O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		error_set_errno(error, ERROR_CANNOT_WRITE, "cannot write %s", child->path);
	return fd;
}

static int write_and_sync(const struct homefile_child *child, int fd,
	const struct buffer *replacement, struct error *error)
{
	int result = overwrite(fd, &child->bytes, replacement);

	if (result != 0)
		error_set_errno(error, ERROR_CANNOT_WRITE, "cannot write %s", child->path);
	fcntl(fd, F_SETLEASE, F_UNLCK);
	if (result == 0 && fsync(fd) != 0)
		result = error_set_errno(error, ERROR_CANNOT_WRITE,
			"cannot make the change of %s last", child->path);
	return result;
}

int homefile_inplace_write(struct homefile_child *child, const struct buffer *replacement,
	enum homefile_outcome *outcome, struct buffer *content, struct error *error)
{
	struct buffer now = BUFFER_EMPTY;
	int fd, result;

	*outcome = OUTCOME_DONE;
	fd = open_for_writing(child, error);
	if (fd < 0)
		return -1;
	/* A lease for writing is given to the only one that has the file open. */
	if (child->current >= 0)
		close(child->current);
	child->current = -1;
	take_lease(fd);
	result = homefile_read_all(child, fd, &now, error);
	if (result == 0 && !homefile_equal(&now, &child->bytes)) {
		*outcome = OUTCOME_CHANGED;
		buffer_add(content, now.data, now.length);
		result = content->failed ? error_set(error, ERROR_INTERNAL, "out of memory") : 0;
		child->bytes.length = 0;
		buffer_add(&child->bytes, now.data, now.length);
	} else if (result == 0) {
		result = write_and_sync(child, fd, replacement, error);
		if (result == 0) {
			child->bytes.length = 0;
			buffer_add(&child->bytes, replacement->data, replacement->length);
		}
	}
	close(fd);
	buffer_free(&now);
	return result == 0 ? homefile_read_open(child, error) : -1;
}
