/* Which ports and sockets are forwarded through SSH sessions at this moment. */
#ifndef VASTAGENT_NET_FORWARDS_H
#define VASTAGENT_NET_FORWARDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;
struct net_snapshot;

enum net_forward_type {
	NET_FORWARD_LOCAL,       /* ssh -L, -D, -W: a connection that the session opened */
	NET_FORWARD_REMOTE,      /* ssh -R: a port that the session listens on */
	NET_FORWARD_LOCAL_UNIX,  /* -L to a unix socket */
	NET_FORWARD_REMOTE_UNIX, /* -R of a unix socket */
	NET_FORWARD_X11,         /* -X, -Y */
	NET_FORWARD_AGENT,       /* -A */
};

struct net_forward {
	enum net_forward_type type;
	char *listen;           /* address or path on this machine; NULL for the local types */
	char *target;           /* where it leads; NULL where only the client knows that */
	unsigned connections;   /* open at this moment */
	const char *attributed; /* "pid": seen among the session's descriptors; "uid": only
				 * known to be that account's, and none of its own programs' */
	pid_t pid;              /* of the session, 0 if not known */
	uid_t uid;              /* of the account */
	char *user;             /* NULL if not known */
	char *client;           /* as in struct net_session; NULL if not known */
};

struct net_forwards {
	struct net_forward *list; /* by session, type, listen and target */
	size_t count;
	size_t capacity;
};

/*
 * Reads the forwards of this machine. A -L or -D that nobody uses at this moment does
 * not exist on the server and is not seen. *complete is false if a session's
 * descriptors could not be read: what it forwards is then known by uid at best.
 * Returns 0, or -1 with ERROR_INTERNAL. Free with net_forwards_free in either case.
 */
int net_forwards_read(struct net_forwards *forwards, bool *complete, struct error *error);

/* The same of a snapshot with unix sockets. Pure. Returns 0, or -1: memory is short. */
int net_forwards_build(struct net_forwards *forwards, const struct net_snapshot *snapshot);

/* "local", "remote", "local-unix", "remote-unix", "x11" or "agent". */
const char *net_forward_type_name(enum net_forward_type type);

void net_forwards_free(struct net_forwards *forwards);

#endif
