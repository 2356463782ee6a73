/*
 * Runs the tmux client on the terminal of this process, and finds out whether a person
 * used the session and left it, or whether something broke.
 */
#ifndef VASTAGENT_LOGIN_CLIENT_H
#define VASTAGENT_LOGIN_CLIENT_H

#include <stdbool.h>

/* Milliseconds. */
#define CLIENT_NOTICE   1500  /* without an answer: say that Ctrl-C gives a shell */
#define CLIENT_HUNG     3000  /* no server, or one that ran before and does not answer */
#define CLIENT_STARTING 13000 /* a server that still reads its configuration; 15 s in all */
#define CLIENT_LIVED    1000  /* a session shorter than this was none */

struct client_request {
	const char *const *argv;        /* argv[0] is an absolute path */
	const char *const *environment; /* of the client */
	const char *socket_path;        /* the server's, for telling hung from slow; or NULL */
	int lock;                       /* closed once the session is made (home_lock.h); or -1 */
};

struct client_outcome {
	bool finished;    /* the session was there, was used and was left: log out */
	char reason[240]; /* if not: what happened, one sentence without full stop */
};

/*
 * Runs the client as a child in this process group until it ends, and fills
 * *outcome. If it did not finish well, the terminal is put back as it was. Signals
 * are blocked and set to their defaults for this process. Standard error gets at
 * most one line, while a slow server is waited for. No child is left in any case.
 */
void client_run(const struct client_request *request, struct client_outcome *outcome);

#endif
