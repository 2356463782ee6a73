/* One look at the machine: sockets, processes, SSH connections, and what they hold. */
#ifndef VASTAGENT_NET_SNAPSHOT_H
#define VASTAGENT_NET_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>

#include "net/connections.h"
#include "net/processes.h"
#include "net/sockets.h"
#include "net/user_view.h"

struct error;

/* What a snapshot is for: what is not needed for it is not read. */
enum net_look {
	NET_LOOK_SESSIONS, /* TCP sockets, SSH servers */
	NET_LOOK_FORWARDS, /* unix sockets too, and what sessions were told of displays */
	NET_LOOK_SERVICES, /* what all processes hold */
};

struct net_snapshot {
	struct net_sockets sockets;
	struct net_processes processes;
	struct net_connections connections;
	struct user_view *views; /* of accounts that had to be asked */
	size_t view_count;
	uint32_t *lasting; /* inodes, in order, of sockets still there after the views */
	size_t lasting_count;
	bool complete; /* all was seen that was looked for */
};

/* Takes a snapshot. Returns 0, or -1 with *error. Free with net_snapshot_free in either
 * case. */
int net_snapshot_read(struct net_snapshot *snapshot, enum net_look look, struct error *error);

/*
 * True if the socket can only be held by a process of that account that cannot be
 * looked into: the account's SSH sessions, as a rule.
 */
bool net_snapshot_is_hidden(const struct net_snapshot *snapshot, const struct user_view *view,
	const struct net_socket *socket);

void net_snapshot_free(struct net_snapshot *snapshot);

#endif
