/*
 * The client's side of the control socket: one request, one answer (RFC 9112 with
 * "Connection: close"), blocking. libevent's client cannot use a unix socket.
 */
#ifndef VASTAGENT_CONTROL_CLIENT_H
#define VASTAGENT_CONTROL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct error;

struct control_request {
	const char *method;
	const char *path;   /* percent-encoded where needed, with the query */
	const json_t *body; /* NULL for none */
	FILE *raw;          /* not NULL: a 200's body goes there as it comes, *answer is NULL */
	int quiet_ms;       /* not 0: the answer may go on for ever, with pauses up to this */
};

/*
 * Asks the agent at socket. Waits at most timeout_ms for the whole answer, or with quiet_ms
 * for its beginning. One that goes on for ever ends when raw takes no more, which is no failure.
 * Returns the HTTP status and the answer in *answer (json_decref it; NULL if it has no
 * JSON), or -1 with ERROR_UNREACHABLE (nobody listens there) or ERROR_TIMEOUT.
 */
int control_ask(const char *socket, const struct control_request *request, int timeout_ms,
	json_t **answer, struct error *error);

/*
 * Whether path is a socket that nobody listens on: who did was killed. Never waits.
 */
bool control_is_abandoned(const char *path);

/* Percent-encodes all but the unreserved characters of RFC 3986. The caller frees the
 * result; NULL if out of memory. */
char *control_encode(const char *text);

#endif
