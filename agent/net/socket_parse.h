/*
 * The two forms in which the kernel tells of sockets, turned into values. Pure: the
 * bytes may be anything.
 */
#ifndef VASTAGENT_NET_SOCKET_PARSE_H
#define VASTAGENT_NET_SOCKET_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_sockets;

struct socket_dump {
	uint32_t sequence; /* in: of the request; messages of another are passed over */
	bool done;         /* out: that was the last message of the dump */
	bool interrupted;  /* out: the tables changed under the dump, netlink(7) */
	int refused;       /* out: the errno that the kernel answered with, or 0 */
};

/*
 * Adds the sockets of one datagram of a sock_diag(7) dump. Returns 0, or -1 with errno
 * EBADMSG (not what the kernel sends; what came before it was added) or ENOMEM.
 */
int socket_parse_netlink(
	const void *data, size_t length, struct socket_dump *dump, struct net_sockets *sockets);

/*
 * Adds the sockets of the text of /proc/net/tcp (AF_INET), tcp6 (AF_INET6) or unix
 * (AF_UNIX), proc(5). Lines that do not read are skipped. Returns 0, or -1 with ENOMEM.
 */
int socket_parse_proc(int family, const char *text, struct net_sockets *sockets);

#endif
