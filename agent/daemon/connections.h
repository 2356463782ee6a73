/*
 * The connections of the control socket: how many, how long, how much. evhttp parses what
 * they send, but bounds nothing by itself.
 *
 * 32 connections for one uid, 256 in all, 32 of which only root can have. A request has 10
 * seconds from its first byte to its last, and its answer must move at least each 10 and be
 * gone within 120. Bytes that are not parsed yet: 8 MiB in all, the last 2 of them root's.
 */
#ifndef VASTAGENT_DAEMON_CONNECTIONS_H
#define VASTAGENT_DAEMON_CONNECTIONS_H

#include <stddef.h>

struct agent;
struct connections;
struct evconnlistener;
struct evhttp;
struct evhttp_request;
struct peer;

/* From now on http gets its connections by way of this. listener is http's, and both must
 * outlive neither. Returns NULL if out of memory. */
struct connections *connections_create(
	struct agent *agent, struct evhttp *http, struct evconnlistener *listener);

/* After evhttp_free; NULL is fine. */
void connections_destroy(struct connections *connections);

/*
 * A request has come in whole. Returns who sent it, or NULL if that is not known. MUST be
 * called once for each, before it is answered.
 */
const struct peer *connections_begin(struct connections *connections, struct evhttp_request *http);

/* The answer to this request takes as long as its peer likes; until connections_end_stream,
 * after which what is left of it has the time of any other answer. */
void connections_stream(struct connections *connections, struct evhttp_request *http);
void connections_end_stream(struct connections *connections, struct evhttp_request *http);

#endif
