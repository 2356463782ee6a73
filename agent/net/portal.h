/*
 * The web portal of the platform's own images: a reverse proxy that listens on the ports
 * that are open to the outside, and knows what stands behind each. Pure.
 *
 * Its list is /etc/portal.yaml, or before that is written the variable PORTAL_CONFIG
 * (caddy_config_manager.py of the platform's base image).
 */
#ifndef VASTAGENT_NET_PORTAL_H
#define VASTAGENT_NET_PORTAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_PORTAL_MAX 64

struct net_portal_entry {
	char name[64];     /* what its page calls it */
	char path[128];    /* where it begins, "/" as a rule */
	bool local;        /* it is on this machine, at .internal */
	uint16_t external; /* the port that the proxy, or with the same number it itself, has */
	uint16_t internal;
};

struct net_portal {
	struct net_portal_entry list[NET_PORTAL_MAX];
	size_t count;
};

/*
 * Reads the file: a mapping "applications" of mappings, in the block style that it is
 * written in. What is written in another way, or does not make sense, is left out.
 */
void net_portal_parse_file(struct net_portal *portal, const char *text, size_t length);

/* Reads the variable: "HOST:EXTERNAL:INTERNAL:PATH:NAME", several with '|' between. */
void net_portal_parse_variable(struct net_portal *portal, const char *text);

#endif
