/* Whole writes, and whole reads with a limit. */
#ifndef VASTAGENT_SYS_FDIO_H
#define VASTAGENT_SYS_FDIO_H

#include <stddef.h>

struct buffer;
struct error;

/*
 * write(2) until all is written, also where a signal or a full pipe makes it stop in
 * between. Returns 0, or -1 with errno; a part may have been written then.
 */
int fdio_write(int fd, const void *data, size_t length);

/*
 * Appends what comes from a pipe or a socket until its end. Returns 0, or -1 with
 * ERROR_TIMEOUT after deadline_ms milliseconds, or ERROR_INTERNAL: more than about limit
 * bytes, or no memory for them.
 */
int fdio_collect(int fd, int deadline_ms, size_t limit, struct buffer *answer, struct error *error);

#endif
