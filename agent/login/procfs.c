#include "login/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

ssize_t procfs_read(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	do
		length = read(fd, out, size - 1);
	while (length < 0 && errno == EINTR);
	close(fd);
	out[length > 0 ? length : 0] = '\0';
	return length;
}

int procfs_look(pid_t pid, struct procfs_process *process)
{
	char stat[1024], *field;

	if (procfs_read(pid, "stat", stat, sizeof(stat)) <= 0)
		return -1;
	/* "pid (name) state parent …": the name may hold anything, parentheses too. */
	field = strrchr(stat, ')');
	if (!field)
		return -1;
	/* Fields 3 to 5 and 8: state, parent, group, foreground; 22: the start time. */
	return sscanf(field + 1,
		       " %c %d %d %*s %*s %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
		       " %*s %llu",
		       &process->state, &process->parent, &process->group, &process->foreground,
		       &process->started) == 5
		       ? 0
		       : -1;
}
