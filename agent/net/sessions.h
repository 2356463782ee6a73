/* Who is logged in by SSH. */
#ifndef VASTAGENT_NET_SESSIONS_H
#define VASTAGENT_NET_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

struct error;
struct net_snapshot;

struct net_session {
	pid_t pid;          /* the process that serves it; ending it ends the session */
	uid_t uid;          /* of the account */
	char *user;         /* NULL if not known (dropbear, nothing runs in it) */
	char *client;       /* "192.0.2.1:50000", "[2001:db8::1]:50000"; NULL if not known */
	char *tty;          /* "pts/0", several of one connection with commas between; NULL: none */
	char *tmux;         /* the tmux session that its terminal looks at, or NULL */
	long windows;       /* of that session */
	time_t since;       /* when it began */
	bool forwards_only; /* nothing was ever run in it */
};

struct net_sessions {
	struct net_session *list; /* by pid */
	size_t count;
};

/* Reads the sessions of this machine. Returns 0, or -1 with ERROR_INTERNAL. Free with
 * net_sessions_free in either case. */
int net_sessions_read(struct net_sessions *sessions, struct error *error);

/* The same of a snapshot, without tmux. Pure. Returns 0, or -1 when memory is short. */
int net_sessions_build(struct net_sessions *sessions, const struct net_snapshot *snapshot);

void net_sessions_free(struct net_sessions *sessions);

#endif
