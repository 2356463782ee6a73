/*
 * What one account can see of its own processes.
 *
 * Root in a container lacks CAP_SYS_PTRACE and may not look into other accounts'
 * processes, but every account may look into its own. Not into its SSH session, which
 * once was root's: what is left over of its sockets must then be that session's.
 */
#ifndef VASTAGENT_NET_USER_VIEW_H
#define VASTAGENT_NET_USER_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/address.h"

struct error;

/* SSH_CONNECTION, ssh(1), in the environment of a child of a session. */
struct user_connection {
	pid_t session;
	struct net_address client, server;
};

struct user_view {
	uid_t uid;
	bool valid;       /* it was read to its end */
	uint32_t *inodes; /* sockets that its readable processes hold, in order */
	size_t inode_count, inode_capacity;
	struct user_connection *connections;
	size_t connection_count, connection_capacity;
};

/*
 * Looks, in a child that became the account, for at most deadline_ms milliseconds.
 * Only children of the count sessions in pids are asked for their environment: what
 * they say is a claim of that account. Returns 0, or -1 with ERROR_NO_SUCH_USER,
 * ERROR_TIMEOUT or ERROR_INTERNAL. Free with user_view_free in either case.
 */
int user_view_read(struct user_view *view, uid_t uid, const pid_t *pids, size_t count,
	int deadline_ms, struct error *error);

/* True if one of the account's readable processes holds that socket. */
bool user_view_holds(const struct user_view *view, uint32_t inode);

/*
 * Reads what the child writes, lines of "socket INODE" and "session PID CONNECTION" and
 * at last "end". Pure. Returns 0, or -1 if it is cut off or memory is short.
 */
int user_view_parse(struct user_view *view, const char *text);

void user_view_free(struct user_view *view);

#endif
