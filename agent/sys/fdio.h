/* Whole writes. */
#ifndef VASTAGENT_SYS_FDIO_H
#define VASTAGENT_SYS_FDIO_H

#include <stddef.h>

/*
 * write(2) until all is written, also where a signal or a full pipe makes it stop in
 * between. Returns 0, or -1 with errno; a part may have been written then.
 */
int fdio_write(int fd, const void *data, size_t length);

#endif
