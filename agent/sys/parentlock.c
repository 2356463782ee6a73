#include "sys/parentlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "sys/statefile.h"

#define PATH RUN_DIRECTORY "/parent.lock"

/* The bytes of the file that are locked. */
enum { BYTE_LIVES, BYTE_RESTS };

static struct flock one_byte(short type, int byte)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

int parentlock_take(struct error *error)
{
	struct flock lives = one_byte(F_WRLCK, BYTE_LIVES);
	int fd;

	if (statefile_prepare_directory(RUN_DIRECTORY, 0755, error) != 0)
		return -1;
	/* Who may open it may lock it: nobody but root. */
	fd = open(PATH, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return error_set_errno(error, ERROR_CANNOT_WRITE, "cannot open %s", PATH);
	fchmod(fd, 0600);
	if (fcntl(fd, F_SETLK, &lives) == 0)
		return fd;
	if (errno == EAGAIN || errno == EACCES)
		error_set(error, ERROR_BUSY, "an agent is kept running already: process %ld",
			(long)parentlock_holder(false));
	else
		error_set_errno(error, ERROR_CANNOT_WRITE, "cannot lock %s", PATH);
	close(fd);
	return -1;
}

void parentlock_rest(int lock, bool resting)
{
	struct flock rests = one_byte(resting ? F_WRLCK : F_UNLCK, BYTE_RESTS);

	fcntl(lock, F_SETLK, &rests);
}

pid_t parentlock_holder(bool resting)
{
	struct flock held = one_byte(F_WRLCK, resting ? BYTE_RESTS : BYTE_LIVES);
	int fd = open(PATH, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int result;

	if (fd < 0)
		return 0;
	result = fcntl(fd, F_GETLK, &held);
	close(fd);
	return result == 0 && held.l_type != F_UNLCK && held.l_pid > 0 ? held.l_pid : 0;
}
