/* Who is at the other end of a connection. */
#ifndef VASTAGENT_DAEMON_PEER_H
#define VASTAGENT_DAEMON_PEER_H

#include <stdbool.h>
#include <sys/types.h>

struct peer {
	uid_t uid;        /* SO_PEERCRED (unix(7)): the only thing that decides */
	pid_t pid;        /* a hint for people */
	char program[17]; /* the pid's comm, escaped; a hint for people */
	bool forwarded;   /* the program is an sshd: somebody reaches us through a tunnel */
};

/* Fills *peer from a connected unix socket. Returns 0, or -1. */
int peer_of_socket(int fd, struct peer *peer);

#endif
