#include "login/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "login/procfs.h"

/*
 * The pid that listens on a unix socket, unix(7) SO_PEERCRED; 0 if it is in another
 * pid namespace or its queue is full; -1 if nobody listens.
 */
static pid_t find_listener(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	pid_t pid = 0;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return 0;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		pid = errno == EAGAIN ? 0 : -1;
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		pid = peer.pid;
	close(fd);
	return pid;
}

bool server_exists(const char *socket_path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	bool exists;
	int fd;

	if (strlen(socket_path) >= sizeof(address.sun_path))
		return true;
	strcpy(address.sun_path, socket_path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return true;
	/* unix(7): a stream socket that is open gives EPROTOTYPE, one left over ECONNREFUSED. */
	exists = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ||
		 (errno != ECONNREFUSED && errno != ENOENT);
	close(fd);
	return exists;
}

/* Milliseconds since the process started; starttime is in ticks since boot, proc(5). */
static long long age_ms(unsigned long long started)
{
	struct timespec now;
	long ticks = sysconf(_SC_CLK_TCK);

	if (ticks <= 0 || clock_gettime(CLOCK_BOOTTIME, &now) != 0)
		return 0;
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000 -
	       (long long)(started * 1000 / (unsigned long long)ticks);
}

enum server_state server_look(const char *socket_path, long long young_ms, pid_t *pid)
{
	struct procfs_process process;
	pid_t listener = *pid;

	if (listener <= 0 || procfs_look(listener, &process) != 0)
		listener = find_listener(socket_path);
	*pid = listener > 0 ? listener : 0;
	if (listener < 0)
		return SERVER_ABSENT;
	if (listener == 0 || procfs_look(listener, &process) != 0)
		return SERVER_SILENT;
	if (strchr("TtZX", process.state))
		return SERVER_STOPPED;
	return age_ms(process.started) < young_ms ? SERVER_STARTING : SERVER_SILENT;
}

bool server_is_attended(const char *socket_path)
{
	struct stat status;

	return stat(socket_path, &status) == 0 && S_ISSOCK(status.st_mode) &&
	       (status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH));
}
