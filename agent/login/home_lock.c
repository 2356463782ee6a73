#include "login/home_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/file.h>
#include <time.h>

#include "sys/process.h"

int home_lock(const char *home)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	long long end = process_now_ms() + HOME_LOCK_WAIT;
	int fd = home ? open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		if (process_now_ms() >= end)
			break;
		nanosleep(&pause, NULL);
	}
	return fd;
}
