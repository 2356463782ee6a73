/* A path for the forwarded SSH agent that outlives the connection. */
#ifndef VASTAGENT_LOGIN_AGENT_LINK_H
#define VASTAGENT_LOGIN_AGENT_LINK_H

#include <stddef.h>

/*
 * Points the link ~/.ssh/agent.sock at the socket, replacing an older link by
 * rename(2), so that shells in old panes find the agent of the newest connection.
 * Writes the link's path to out. Returns 0, or -1 if nothing was changed: no
 * ~/.ssh, target is not a socket, is the link itself, or something that is not a
 * link stands in the link's place.
 */
int agent_link_update(const char *home, const char *target, char *out, size_t size);

/* Writes to out where the link points; "" if there is none. */
void agent_link_read(const char *home, char *out, size_t size);

#endif
