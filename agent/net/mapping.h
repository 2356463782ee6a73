/*
 * How the platform makes this instance's ports reachable, from the instance's variables
 * (the platform's documentation, "Docker Execution Environment"). Pure.
 */
#ifndef VASTAGENT_NET_MAPPING_H
#define VASTAGENT_NET_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_HOST_SIZE  128
#define NET_MAPPED_MAX 128 /* the platform opens at most 64 ports */

struct net_mapping {
	char host[NET_HOST_SIZE]; /* the public address, "" if not known */
	struct net_mapped {
		uint16_t inside, outside;
	} list[NET_MAPPED_MAX];
	size_t count;
	bool https; /* the web portal of the platform's images speaks TLS */
};

/*
 * Takes note of a variable: VAST_TCP_PORT_X is the public port of port X, and where X is
 * no port (70000 and up: an "identity port") the number of both. Any other name, and a
 * value that cannot be right, changes nothing.
 */
void net_mapping_set(struct net_mapping *mapping, const char *name, const char *value);

/* The public port of a port, 0 if it has none or the public address is not known. */
uint16_t net_mapping_outside(const struct net_mapping *mapping, uint16_t inside);

/* "192.0.2.1:22" or "[2001:db8::1]:22" of the public address. Returns out. */
char *net_mapping_public(
	const struct net_mapping *mapping, uint16_t outside, char *out, size_t size);

/*
 * "ssh -p 20544 root@192.0.2.1" for that account. Returns out, or NULL if user is, or if
 * only the platform's proxy leads here, whose address nothing on the instance knows.
 */
char *net_mapping_ssh(const struct net_mapping *mapping, const char *user, char *out, size_t size);

#endif
