/* The machine's TCP and unix sockets, read from the kernel in one go. */
#ifndef VASTAGENT_NET_SOCKETS_H
#define VASTAGENT_NET_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/address.h"

struct error;

#define NET_UID_UNKNOWN  ((uid_t)-1)
#define NET_DISPLAY_PORT 6000 /* of display 0, X(7) */
#define NET_SOCKETS_MAX  ((size_t)1 << 18)

struct net_socket {
	struct net_address local, remote; /* TCP only */
	char *path;     /* unix only: the name, fit to be shown, "@" first if abstract; or NULL */
	uint32_t inode; /* never 0: such sockets belong to no process any more */
	uint32_t peer;  /* unix only: inode of the other end, 0 if none or not known */
	uid_t uid;      /* who made it, NET_UID_UNKNOWN if the kernel does not say */
	uint8_t family; /* AF_INET, AF_INET6 or AF_UNIX */
	uint8_t type;   /* SOCK_STREAM, … */
	uint8_t state;  /* TCP_LISTEN, TCP_ESTABLISHED, … also for unix sockets */
};

struct net_sockets {
	struct net_socket *list;
	size_t count;
	size_t capacity;
	bool complete; /* false: cut at NET_SOCKETS_MAX, or changed while it was read */
	bool peers;    /* the peers of unix sockets are known */
};

/*
 * Reads the TCP sockets of both families, and the unix sockets if asked for, by
 * sock_diag(7) or, where the kernel lacks that, from /proc/net. Returns 0, or -1 with
 * ERROR_INTERNAL. Free with net_sockets_free in either case.
 */
int net_sockets_read(struct net_sockets *sockets, bool with_unix, struct error *error);

/* True for a listener at a port that X displays have, X(7): 6000 is number 0. */
bool net_socket_may_be_display(const struct net_socket *socket);

/*
 * Appends a copy and takes over socket->path. A socket without an inode is dropped.
 * Returns 0, or -1 when memory is short; the path is freed then too.
 */
int net_sockets_add(struct net_sockets *sockets, const struct net_socket *socket);

void net_sockets_free(struct net_sockets *sockets);

#endif
