/* One request, from its route to its answer. */
#ifndef VASTAGENT_DAEMON_REQUEST_H
#define VASTAGENT_DAEMON_REQUEST_H

#include <jansson.h>
#include <stdbool.h>

#include "daemon/peer.h"

struct agent;
struct error;
struct evhttp_request;
struct evkeyvalq;

struct request {
	struct agent *agent;
	struct evhttp_request *http;
	struct peer peer;
	char *argument;          /* what the route's wildcard stands for, decoded; or NULL */
	struct evkeyvalq *query; /* decoded */
	json_t *body;            /* an object; NULL for a request without a body */
	char *user;              /* the account that is meant; NULL where a route needs none */
};

/* Answers with JSON and ends the request, which is freed. Steals answer. */
void request_answer(struct request *request, int http_status, json_t *answer);

/* The same with JSON that is text already; NULL for none. */
void request_answer_text(struct request *request, int http_status, const char *text, size_t length);

/* The same with an error. */
void request_fail(struct request *request, const struct error *error);

/* The words of an HTTP status (RFC 9110 section 15). */
const char *request_phrase(int http_status);

/* A value of the query; NULL if it is not there. */
const char *request_parameter(const struct request *request, const char *name);

/* Whether the query says NAME=1, yes or true. */
bool request_flag(const struct request *request, const char *name);

/*
 * As request_answer_text, with the rest of each file behind the text: from the offset of
 * its descriptor on. Closes the descriptors; -1 is none.
 */
void request_answer_files(struct request *request, int http_status, const char *text, size_t length,
	const int *fds, size_t count);

/* Frees a request that nobody answered (its connection is gone). */
void request_free(struct request *request);

#endif
