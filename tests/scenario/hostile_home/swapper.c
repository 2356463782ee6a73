/*
 * swapper SECONDS PATH CANARY [DIRECTORY-CANARY]
 *
 * As the owner of a home: keeps putting other things in the place of PATH, as fast as it
 * can: a link to CANARY, a hard link to it (where the kernel allows it), a FIFO, a
 * directory, a link to /proc/self/fd, a dangling link, a link to itself, and the real
 * file or directory again, by rename(2). Prints how often.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char real[PATH_MAX], other[PATH_MAX];
static const char *path;

static void make(int what, const char *canary)
{
	switch (what) {
	case 0:
		(void)!symlink(canary, other);
		break;
	case 1:
		(void)!link(canary, other);
		break;
	case 2:
		mkfifo(other, 0666);
		break;
	case 3:
		mkdir(other, 0755);
		break;
	case 4:
		(void)!symlink("/proc/self/fd/1", other);
		break;
	case 5:
		(void)!symlink("/nowhere/at/all", other);
		break;
	case 6:
		(void)!symlink(path, other);
		break;
	case 7:
		(void)!symlink("/proc/self/cwd", other);
		break;
	}
}

static void clear(const char *name)
{
	if (unlink(name) != 0)
		rmdir(name);
}

int main(int argc, char **argv)
{
	struct timespec now, pause = {.tv_nsec = 300000};
	long count = 0;
	time_t end;

	if (argc < 4)
		return 1;
	path = argv[2];
	snprintf(real, sizeof(real), "%s.real", path);
	snprintf(other, sizeof(other), "%s.other", path);
	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + atol(argv[1]);
	for (; now.tv_sec < end; clock_gettime(CLOCK_MONOTONIC, &now), count++) {
		make((int)(count % 8), argv[3 + (argc > 4 && count % 16 > 7)]);
		/* Exchanged, so that there is never nothing. */
		if (renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE) == 0) {
			nanosleep(&pause, NULL);
			if (renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE) != 0)
				rename(other, path);
		}
		clear(other);
		nanosleep(&pause, NULL);
	}
	printf("%ld\n", count);
	return 0;
}
