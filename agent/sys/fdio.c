#include "sys/fdio.h"

#include <errno.h>
#include <unistd.h>

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
