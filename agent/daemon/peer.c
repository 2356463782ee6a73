#include "daemon/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

static void read_program(struct peer *peer)
{
	char path[64], comm[32];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/comm", (long)peer->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, comm, sizeof(comm));
	if (fd >= 0)
		close(fd);
	if (got > 0 && comm[got - 1] == '\n')
		got--;
	text_visible(peer->program, sizeof(peer->program), comm, got > 0 ? (size_t)got : 0);
}

int peer_of_socket(int fd, struct peer *peer)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	*peer = (struct peer){0};
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
		return -1;
	peer->uid = credentials.uid;
	peer->pid = credentials.pid;
	read_program(peer);
	/* One that is gone already may have been such a server: nobody waits for an answer. */
	peer->forwarded = strncmp(peer->program, "sshd", 4) == 0 ||
			  strncmp(peer->program, "dropbear", 8) == 0 ||
			  (!*peer->program && kill(peer->pid, 0) != 0 && errno == ESRCH);
	return 0;
}
