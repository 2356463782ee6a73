/* Reading the file, and whether somebody is writing to it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/homefile.h"
#include "sys/homefile_child.h"
#include "sys/process.h"

#define WRITER_WAIT_MS 2000

enum homefile_writer homefile_read_writer(int fd)
{
	/*
	 * A read lease (fcntl(2)) is refused while anybody has the file open for writing.
	 * Only that answer is used; the lease itself is given back at once.
	 */
	if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
		return errno == EAGAIN ? WRITER_PRESENT : WRITER_UNKNOWN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return WRITER_NONE;
}

static void wait_for_writer(int fd)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	long long end = process_now_ms() + WRITER_WAIT_MS;

	while (homefile_read_writer(fd) == WRITER_PRESENT && process_now_ms() < end)
		nanosleep(&pause, NULL);
}

#define CHUNK (256L * 1024)

static ssize_t read_some(int fd, void *space, size_t length)
{
	ssize_t got;

	do
		got = read(fd, space, length);
	while (got < 0 && errno == EINTR);
	return got;
}

int homefile_read_all(
	const struct homefile_child *child, int fd, struct buffer *content, struct error *error)
{
	char *space;
	ssize_t got;

	content->length = 0;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_set_errno(error, ERROR_UNSAFE_FILE, "cannot read %s", child->path);
	for (;;) {
		space = buffer_reserve(content, CHUNK);
		if (!space)
			return error_set(error, ERROR_INTERNAL, "out of memory");
		got = read_some(fd, space, CHUNK);
		if (got < 0)
			return error_set_errno(
				error, ERROR_UNSAFE_FILE, "cannot read %s", child->path);
		content->length += (size_t)got;
		content->data[content->length] = '\0';
		if (got == 0)
			return 0;
		if (content->length > HOMEFILE_LIMIT)
			return error_set(error, ERROR_TOO_LARGE, "%s is larger than %ld bytes",
				child->path, HOMEFILE_LIMIT);
	}
}

bool homefile_read_same(int fd, const struct buffer *content)
{
	static char space[CHUNK];
	size_t at = 0;
	ssize_t got;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return false;
	while ((got = read_some(fd, space, sizeof(space))) > 0) {
		if ((size_t)got > content->length - at ||
			memcmp(space, content->data + at, (size_t)got) != 0)
			return false;
		at += (size_t)got;
	}
	return got == 0 && at == content->length;
}

int homefile_read_open(struct homefile_child *child, struct error *error)
{
	if (child->current >= 0)
		close(child->current);
	child->current = -1;
	if (child->directory < 0)
		return 0;
	/* O_NONBLOCK: a FIFO must not hold us; fstat(2) then sees what it is. */
	child->current = openat(child->directory, child->name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (child->current < 0 && errno == ENOENT)
		return 0;
	if (child->current < 0 || fstat(child->current, &child->seen) != 0)
		return error_set_errno(error, ERROR_UNSAFE_FILE, "cannot open %s", child->path);
	if (!S_ISREG(child->seen.st_mode))
		return error_set(error, ERROR_UNSAFE_FILE, "%s is not a regular file", child->path);
	if (child->flags & HOMEFILE_KEYS)
		return homefile_path_check(child, child->path, &child->seen, error);
	return 0;
}

int homefile_read_current(struct homefile_child *child, struct error *error)
{
	child->bytes.length = 0;
	if (homefile_read_open(child, error) != 0)
		return -1;
	if (child->current < 0)
		return 0;
	wait_for_writer(child->current);
	/* Before reading: whatever comes from now on is a change. */
	if (fstat(child->current, &child->seen) != 0)
		return error_set_errno(error, ERROR_UNSAFE_FILE, "cannot read %s", child->path);
	return homefile_read_all(child, child->current, &child->bytes, error);
}
