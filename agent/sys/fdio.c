#include "sys/fdio.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "sys/process.h"

#define CHUNK (64 * 1024)

int fdio_write(int fd, const void *data, size_t length)
{
	const char *next = data;
	ssize_t written;

	while (length > 0) {
		written = write(fd, next, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		next += written;
		length -= (size_t)written;
	}
	return 0;
}

int fdio_collect(int fd, int deadline_ms, size_t limit, struct buffer *answer, struct error *error)
{
	const long long deadline = process_now_ms() + deadline_ms;

	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		long long left = deadline - process_now_ms();
		char *room;
		ssize_t got;

		if (left <= 0)
			return error_set(error, ERROR_TIMEOUT, "no answer came in time");
		if (poll(&ready, 1, (int)left) <= 0)
			continue;
		room = answer->length < limit ? buffer_reserve(answer, CHUNK) : NULL;
		if (!room)
			return error_set(error, ERROR_INTERNAL, "the answer is too large");
		got = read(fd, room, CHUNK);
		if (got == 0)
			return buffer_add(answer, "", 0);
		if (got > 0)
			answer->length += (size_t)got;
		else if (errno != EINTR)
			return error_set_errno(error, ERROR_INTERNAL, "reading from a child");
	}
}
