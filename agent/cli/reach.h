/* How sshd on this instance is reached from outside, as far as the instance knows it. */
#ifndef VASTAGENT_CLI_REACH_H
#define VASTAGENT_CLI_REACH_H

#include <stdbool.h>
#include <stddef.h>

#include "sys/instance.h"

struct reach {
	bool known;                /* somebody could tell; else all below is empty */
	bool direct;               /* the platform maps a port of its public address to sshd */
	char host[256];            /* PUBLIC_IPADDR; it may have become stale */
	long port;                 /* VAST_TCP_PORT_22 */
	char id[INSTANCE_ID_SIZE]; /* the platform's, or "" */
};

/*
 * Reads it from process 1's environment, and from what sessions get where only that tells
 * (another account's request, a value of the on-start text). Nothing fails: what is not
 * known, or is no address, leaves .direct false.
 */
void reach_read(struct reach *reach);

/* Why .direct is false, and what to ask then. */
void reach_explain(const struct reach *reach, char *out, size_t size);

#endif
