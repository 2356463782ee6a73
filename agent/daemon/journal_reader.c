#include "daemon/journal_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"

/* More than a line can be; but what a crash of the machine left behind may be longer. */
#define PART     (16 * 1024)
#define PART_MAX (2 * 1024 * 1024)

static int open_file(const char *path)
{
	return open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

int journal_reader_open(struct journal_reader *reader, const char *state_dir)
{
	char *older = NULL;

	*reader = (struct journal_reader){.older = -1, .current = -1};
	if (asprintf(&reader->path, "%s/events.jsonl", state_dir) < 0) {
		reader->path = NULL;
		return -1;
	}
	if (asprintf(&older, "%s.1", reader->path) < 0)
		return -1;
	/* In this order: a file that is renamed in between is read twice rather than never. */
	reader->older = open_file(older);
	free(older);
	reader->current = open_file(reader->path);
	return reader->current >= 0 || errno == ENOENT ? 0 : -1;
}

static void close_file(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void journal_reader_close(struct journal_reader *reader)
{
	close_file(&reader->older);
	close_file(&reader->current);
	free(reader->path);
	reader->path = NULL;
}

static off_t size_of(int fd)
{
	struct stat what;

	return fd >= 0 && fstat(fd, &what) == 0 ? what.st_size : 0;
}

off_t journal_reader_behind(const struct journal_reader *reader)
{
	return size_of(reader->older) + size_of(reader->current) - reader->offset;
}

/* Whole lines of one file. Returns whether there were any. */
static bool read_lines(int fd, off_t *offset, struct buffer *lines)
{
	for (size_t part = PART; fd >= 0 && part <= PART_MAX; part *= 2) {
		char *space = buffer_reserve(lines, part);
		ssize_t got = space ? pread(fd, space, part, *offset) : -1;
		const char *end = got > 0 ? memrchr(space, '\n', (size_t)got) : NULL;

		if (end) {
			*offset += end + 1 - space;
			lines->length += (size_t)(end + 1 - space);
			return true;
		}
		if (got < (ssize_t)part)
			break;
	}
	return false;
}

void journal_reader_skip(struct journal_reader *reader)
{
	struct buffer ignored = BUFFER_EMPTY;
	off_t size = size_of(reader->current);

	close_file(&reader->older);
	/* The last line may be half written. */
	reader->offset = size > PART ? size - PART : 0;
	while (read_lines(reader->current, &reader->offset, &ignored))
		;
	buffer_free(&ignored);
}

/* The journal was renamed, and begun anew, behind us. Returns whether there is a new one. */
static bool take_new_file(struct journal_reader *reader)
{
	struct stat here = {0}, there;
	int fresh;

	if (stat(reader->path, &there) != 0 ||
		(reader->current >= 0 && fstat(reader->current, &here) == 0 &&
			here.st_ino == there.st_ino && here.st_dev == there.st_dev))
		return false;
	fresh = open_file(reader->path);
	if (fresh < 0)
		return false;
	close_file(&reader->current);
	reader->current = fresh;
	reader->offset = 0;
	return true;
}

bool journal_reader_next(struct journal_reader *reader, struct buffer *lines)
{
	if (reader->older >= 0) {
		if (read_lines(reader->older, &reader->offset, lines))
			return true;
		close_file(&reader->older);
		reader->offset = 0;
	}
	return read_lines(reader->current, &reader->offset, lines) ||
	       (take_new_file(reader) && read_lines(reader->current, &reader->offset, lines));
}
