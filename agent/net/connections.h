/*
 * Which processes serve an authenticated SSH connection each, and which sockets they
 * hold: the join of the socket table and the process table. Pure.
 */
#ifndef VASTAGENT_NET_CONNECTIONS_H
#define VASTAGENT_NET_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "net/address.h"

struct net_process;
struct net_processes;
struct net_socket;
struct net_sockets;

struct net_connection {
	const struct net_process *process; /* serves the session and its forwards */
	const struct net_process *monitor; /* the privileged one above it, or NULL */
	const struct net_socket *own;      /* the connection itself, or NULL if not known */
	struct net_address client;         /* its other end; family 0 if not known */
	char *user;                        /* NULL if not known */
	char *tty;                         /* NULL if none */
	uid_t uid;
	bool idle; /* nothing runs in it: it only forwards, if anything */
};

/* That a connection holds a socket. */
struct net_holding {
	size_t connection; /* index */
	const struct net_socket *socket;
	bool served; /* by .process; false: only by .monitor */
};

struct net_connections {
	struct net_connection *list; /* by pid of .process */
	size_t count;
	size_t capacity;
	struct net_holding *holdings; /* by connection */
	size_t holding_count;
	size_t holding_capacity;
};

/*
 * Joins the two tables. The result points into them: they must outlive it. Returns 0,
 * or -1 when memory is short. Free with net_connections_free in either case.
 */
int net_connections_join(struct net_connections *connections, const struct net_processes *processes,
	const struct net_sockets *sockets);

/*
 * Finds the socket of a connection whose descriptors could not be read: the one from
 * client to server, if it exists and is nobody else's. Returns whether it did.
 */
bool net_connections_claim(struct net_connections *connections, size_t index,
	const struct net_address *client, const struct net_address *server,
	const struct net_processes *processes, const struct net_sockets *sockets);

/*
 * If just one connection is left without its socket, and just one socket that sshd
 * accepted is left over, the two belong together.
 */
void net_connections_claim_last(struct net_connections *connections,
	const struct net_processes *processes, const struct net_sockets *sockets);

/* "pts/0" for the device number of a terminal, proc(5), into out. False if it is none. */
bool net_connections_terminal(unsigned device, char *out, size_t size);

void net_connections_free(struct net_connections *connections);

#endif
