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

struct net_snapshot {
	struct net_sockets sockets;
	struct net_processes processes;
	struct net_connections connections;
	struct user_view *views; /* of accounts with connections that root cannot look into */
	size_t view_count;
	uint32_t *lasting; /* inodes, in order, of sockets still there after the views */
	size_t lasting_count;
	bool complete; /* every connection's descriptors were read, and all sockets seen */
};

/*
 * Takes a snapshot; unix sockets are read only if asked for. Returns 0, or -1 with
 * *error. Free with net_snapshot_free in either case.
 */
int net_snapshot_read(struct net_snapshot *snapshot, bool with_unix, struct error *error);

/*
 * True if the socket can only be held by a process of that account that cannot be
 * looked into: the account's SSH sessions, as a rule.
 */
bool net_snapshot_is_hidden(const struct net_snapshot *snapshot, const struct user_view *view,
	const struct net_socket *socket);

void net_snapshot_free(struct net_snapshot *snapshot);

#endif
