/*
 * What one account can see of its own processes: all but its SSH session, which once was
 * root's. What is left over of its sockets must then be that session's.
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

/* The X display, X(7), that a child of a session was given. */
struct user_display {
	pid_t session;
	long number; /* -1: it has none */
};

struct user_socket {
	uint32_t inode;
	pid_t pid; /* one of those that hold it */
};

struct user_view {
	uid_t uid;
	bool valid;       /* it was read to its end */
	bool of_sessions; /* its SSH sessions cannot be looked into: this stands in for that */
	struct user_socket *sockets; /* that its readable processes hold, by inode */
	size_t socket_count, socket_capacity;
	struct user_connection *connections;
	size_t connection_count, connection_capacity;
	struct user_display *displays;
	size_t display_count, display_capacity;
};

/* What to look for. */
struct user_question {
	const pid_t *pids; /* sessions whose children are asked for their environment */
	size_t count;
	bool sockets;
};

/*
 * Looks, in a child that became the account, for at most deadline_ms milliseconds. What
 * environments say is a claim of that account. Returns 0, or -1 with ERROR_NO_SUCH_USER,
 * ERROR_TIMEOUT or ERROR_INTERNAL. Free with user_view_free in either case.
 */
int user_view_read(struct user_view *view, uid_t uid, const struct user_question *question,
	int deadline_ms, struct error *error);

/* A readable process of the account that holds that socket; 0: there is none. */
pid_t user_view_holder(const struct user_view *view, uint32_t inode);

/*
 * Reads what the child writes, lines of "socket INODE PID", "session PID CONNECTION" and
 * "display PID DISPLAY", and at last "end". Pure. Returns 0, or -1 if it is cut off or
 * memory is short.
 */
int user_view_parse(struct user_view *view, const char *text);

void user_view_free(struct user_view *view);

#endif
