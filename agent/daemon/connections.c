/*
 * evhttp tells nobody when it accepts a connection or gives one up. A filter between it
 * and the socket sees both: evhttp asks for one with each connection, and releases it with
 * that. What the filter passes on is bounded; what comes from evhttp goes to the socket
 * straight from the filter, since evhttp closes a connection as soon as the filter has
 * nothing left, and what a second bufferevent still held would be lost.
 *
 * Nothing here may end a connection while evhttp is at work on it: whatever does so is
 * left to an event.
 */
#include "daemon/connections.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "control/failure.h"
#include "control/paths.h"
#include "daemon/agent.h"
#include "daemon/peer.h"
#include "daemon/request.h"
#include "daemon/server.h"
#include "sys/process.h"

#define CONNECTIONS_MAX     256
#define CONNECTIONS_ROOTS   32 /* of them */
#define CONNECTIONS_UID_MAX 32
#define UNPARSED_MAX        (8 * 1024 * 1024)
#define UNPARSED_ROOTS      (2 * 1024 * 1024) /* of them */
/* Accepted at once, before others get their turn: evhttp accepts as long as any wait. */
#define ACCEPT_TURN 16
/* Refused peers that may still read why; more are hung up on at once. */
#define REFUSED_MAX 64

#define IDLE_S     10 /* before a request's first byte */
#define REQUEST_S  10 /* from there to its last */
#define MOVE_S     10 /* between two parts of an answer */
#define ANSWER_MS  120000
#define REFUSED_S  1
#define WRITE_TURN (256 * 1024)
#define READ_AHEAD (64 * 1024)

enum phase {
	PHASE_FRESH,     /* accepted, not counted yet */
	PHASE_IDLE,      /* between two requests */
	PHASE_RECEIVING, /* a part of a request is here */
	PHASE_WORKING,   /* the whole, and no answer yet */
	PHASE_ANSWERING,
	PHASE_STREAMING, /* an answer without an end */
	PHASE_REFUSED,   /* has its answer, and is about to be closed */
};

struct connection {
	TAILQ_ENTRY(connection) link; /* connections::all */
	struct connections *owner;    /* NULL: it is gone already */
	struct bufferevent *outer;    /* the filter, which is what evhttp sees */
	struct bufferevent *socket;
	struct event *timer;
	struct event *writable;
	struct event *resume; /* a look at what was read, outside of evhttp's work */
	struct peer peer;
	enum phase phase;
	bool may_write, broken;
	size_t received; /* of the request, with what follows it at once */
	size_t unparsed; /* its part of connections::unparsed */
	size_t wrote;    /* in this turn */
	unsigned turns;  /* answers without a look at the other connections */
	long long answer_began_ms;
};

struct connections {
	struct agent *agent;
	struct evconnlistener *listener;
	struct event *settle;
	TAILQ_HEAD(, connection) all;
	unsigned fresh;
	size_t unparsed;
};

static size_t request_max(const struct connection *connection)
{
	return SERVER_HEADERS_MAX +
	       (connection->peer.uid == 0 ? CONTROL_BODY_MAX_ROOT : CONTROL_BODY_MAX);
}

static void set_timer(struct connection *connection, int seconds)
{
	const struct timeval time = {.tv_sec = seconds};

	if (seconds)
		event_add(connection->timer, &time);
	else
		event_del(connection->timer);
}

static void enter(struct connection *connection, enum phase phase)
{
	static const int limits[] = {
		[PHASE_FRESH] = IDLE_S,
		[PHASE_IDLE] = IDLE_S,
		[PHASE_RECEIVING] = REQUEST_S,
		[PHASE_WORKING] = 0,
		[PHASE_ANSWERING] = MOVE_S,
		[PHASE_STREAMING] = 0,
		[PHASE_REFUSED] = REFUSED_S,
	};

	connection->phase = phase;
	set_timer(connection, limits[phase]);
	if (phase == PHASE_ANSWERING)
		connection->answer_began_ms = process_now_ms();
}

static void count_unparsed(struct connection *connection)
{
	size_t now = evbuffer_get_length(bufferevent_get_input(connection->outer)) +
		     evbuffer_get_length(bufferevent_get_input(connection->socket));

	connection->owner->unparsed += now - connection->unparsed;
	connection->unparsed = now;
}

/* evhttp has freed the connection, and libevent is about to release the filter. */
static bool is_gone(const struct connection *connection)
{
	bufferevent_event_cb callback = NULL;

	bufferevent_getcb(connection->outer, NULL, NULL, &callback, NULL);
	return !callback;
}

/* Only from an event: evhttp frees the connection. */
static void hang_up(struct connection *connection, short why)
{
	bufferevent_trigger_event(connection->outer, (short)(BEV_EVENT_ERROR | why), 0);
}

/* evhttp has none of it, so there is nobody to answer by way of evhttp. */
static void send_refusal(const struct connection *connection, const struct error *error)
{
	json_t *answer = failure_pack(error);
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	struct buffer out = BUFFER_EMPTY;
	int status = error_http_status(error->code);

	if (text)
		buffer_add_format(&out,
			"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: "
			"%zu\r\nConnection: close\r\n\r\n%s\n",
			status, request_phrase(status), strlen(text) + 1, text);
	/* A part at most: an answer that does not fit into the socket is not worth waiting. */
	send(bufferevent_getfd(connection->socket), buffer_string(&out), out.length,
		MSG_NOSIGNAL | MSG_DONTWAIT);
	buffer_free(&out);
	free(text);
	json_decref(answer);
}

static unsigned count_refused(const struct connections *connections)
{
	const struct connection *connection;
	unsigned count = 0;

	TAILQ_FOREACH(connection, &connections->all, link)
		count += connection->phase == PHASE_REFUSED;
	return count;
}

/* Only from an event. Whoever still sends may read the answer all the same. */
static void refuse(struct connection *connection, const struct error *error)
{
	connection->owner->agent->counters.refused++;
	log_debug("uid %lu: refused: %s", (unsigned long)connection->peer.uid, error->message);
	/* A page of evhttp's own is on its way. */
	if (evbuffer_get_length(bufferevent_get_output(connection->outer)))
		return hang_up(connection, BEV_EVENT_READING);
	send_refusal(connection, error);
	if (count_refused(connection->owner) >= REFUSED_MAX)
		return hang_up(connection, BEV_EVENT_READING);
	enter(connection, PHASE_REFUSED);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct connection *connection = context;
	struct error error;

	(void)fd;
	(void)what;
	if (is_gone(connection))
		return;
	if (connection->phase == PHASE_RECEIVING) {
		error_set(&error, ERROR_SLOW_REQUEST, "the request did not end within %d seconds",
			REQUEST_S);
		refuse(connection, &error);
		return;
	}
	hang_up(connection, BEV_EVENT_READING);
}

/* ---- what comes in ---- */

static bool is_flooded(const struct connection *connection)
{
	return connection->owner->unparsed >
	       UNPARSED_MAX - (connection->peer.uid == 0 ? 0 : UNPARSED_ROOTS);
}

static enum bufferevent_filter_result take_in(struct evbuffer *from, struct evbuffer *to,
	ev_ssize_t limit, enum bufferevent_flush_mode mode, void *context)
{
	struct connection *connection = context;
	size_t length = evbuffer_get_length(from), room;

	(void)limit;
	(void)mode;
	if (!length || !connection->owner)
		return BEV_NEED_MORE;
	count_unparsed(connection);
	if (connection->phase == PHASE_IDLE) {
		connection->received = 0;
		enter(connection, PHASE_RECEIVING);
	}
	/* What comes before its turn waits in the socket. */
	if (connection->phase != PHASE_RECEIVING || is_flooded(connection)) {
		event_active(connection->resume, EV_READ, 0);
		return BEV_NEED_MORE;
	}
	room = request_max(connection) - connection->received;
	if (length > room) {
		length = room;
		event_active(connection->resume, EV_READ, 0);
	}
	if (!length || evbuffer_remove_buffer(from, to, length) < 0)
		return BEV_NEED_MORE;
	connection->received += length;
	return BEV_OK;
}

/* evhttp has had its chance to parse what was passed on. */
static void on_resume(evutil_socket_t fd, short what, void *context)
{
	struct connection *connection = context;
	struct bufferevent *outer = connection->outer;
	struct error error;

	(void)fd;
	(void)what;
	if (is_gone(connection))
		return;
	count_unparsed(connection);
	if (connection->phase == PHASE_REFUSED) {
		hang_up(connection, BEV_EVENT_READING);
	} else if (connection->phase == PHASE_RECEIVING && is_flooded(connection)) {
		error_set(&error, ERROR_TOO_MANY, "too many requests come in at once; try again");
		refuse(connection, &error);
	} else if (connection->phase == PHASE_RECEIVING &&
		   connection->received >= request_max(connection)) {
		error_set(&error, ERROR_TOO_LARGE, "the request is larger than %zu bytes",
			request_max(connection));
		refuse(connection, &error);
	} else if (connection->phase == PHASE_IDLE || connection->phase == PHASE_RECEIVING) {
		bufferevent_incref(outer);
		if (bufferevent_flush(outer, EV_READ, BEV_NORMAL) > 0)
			bufferevent_trigger(outer, EV_READ, 0);
		bufferevent_decref(outer);
	}
}

/* ---- what goes out ---- */

static void note_progress(struct connection *connection, size_t length)
{
	connection->wrote += length;
	if (connection->phase == PHASE_ANSWERING &&
		process_now_ms() - connection->answer_began_ms < ANSWER_MS)
		set_timer(connection, MOVE_S);
}

static enum bufferevent_filter_result send_out(struct evbuffer *from, struct evbuffer *to,
	ev_ssize_t limit, enum bufferevent_flush_mode mode, void *context)
{
	struct connection *connection = context;
	ssize_t sent;

	(void)to;
	(void)limit;
	(void)mode;
	if (!connection->may_write || connection->broken || !evbuffer_get_length(from))
		return BEV_NEED_MORE;
	if (connection->wrote < WRITE_TURN) {
		/* A file that cannot go on is 0, with errno or (it was cut off) without. */
		errno = 0;
		sent = evbuffer_write_atmost(
			from, bufferevent_getfd(connection->socket), WRITE_TURN);
		if (sent > 0) {
			note_progress(connection, (size_t)sent);
			return BEV_OK;
		}
		connection->broken = errno != EAGAIN && errno != EINTR;
	}
	if (!connection->broken)
		event_add(connection->writable, NULL);
	return BEV_NEED_MORE;
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
	struct connection *connection = context;
	struct bufferevent *outer = connection->outer;

	(void)fd;
	(void)what;
	if (is_gone(connection))
		return;
	connection->wrote = 0;
	connection->may_write = true;
	/* evhttp may free the connection in there, once its answer is sent. */
	bufferevent_incref(outer);
	bufferevent_flush(outer, EV_WRITE, BEV_NORMAL);
	connection->may_write = false;
	if (connection->broken)
		hang_up(connection, BEV_EVENT_WRITING);
	bufferevent_decref(outer);
}

/* Pipelined requests must not keep the others waiting: they take turns with them. */
#define TURNS_MAX 8

static void on_output(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *context)
{
	struct connection *connection = context;

	(void)buffer;
	if (!info->n_added || !connection->owner)
		return;
	if (connection->phase == PHASE_WORKING)
		enter(connection, PHASE_ANSWERING);
	if (++connection->turns % TURNS_MAX)
		event_active(connection->writable, EV_WRITE, 0);
	else
		event_add(connection->writable, NULL);
}

static void on_complete(struct evhttp_request *http, void *context)
{
	struct connection *connection = context;

	(void)http;
	connection->received = evbuffer_get_length(bufferevent_get_input(connection->outer));
	enter(connection, connection->received ? PHASE_RECEIVING : PHASE_IDLE);
	count_unparsed(connection);
	if (evbuffer_get_length(bufferevent_get_input(connection->socket)))
		event_active(connection->resume, EV_READ, 0);
}

/* ---- connections come and go ---- */

static void free_events(struct connection *connection)
{
	struct event **events[] = {&connection->timer, &connection->writable, &connection->resume};

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (*events[i])
			event_free(*events[i]);
		*events[i] = NULL;
	}
}

/* libevent has released the filter. */
static void connection_free(void *context)
{
	struct connection *connection = context;

	if (connection->owner) {
		connection->owner->unparsed -= connection->unparsed;
		TAILQ_REMOVE(&connection->owner->all, connection, link);
	}
	free_events(connection);
	free(connection);
}

/* Whether a connection may stay, and why not. */
static int check_limits(
	const struct connections *connections, const struct peer *peer, struct error *error)
{
	const struct connection *other;
	unsigned all = 0, of_root = 0, of_uid = 0;

	TAILQ_FOREACH(other, &connections->all, link) {
		if (other->phase == PHASE_FRESH || other->phase == PHASE_REFUSED)
			continue;
		all++;
		of_root += other->peer.uid == 0;
		of_uid += other->peer.uid == peer->uid;
	}
	if (of_uid >= CONNECTIONS_UID_MAX)
		return error_set(error, ERROR_TOO_MANY,
			"uid %lu has %d connections already; close one, or try again",
			(unsigned long)peer->uid, CONNECTIONS_UID_MAX);
	if (peer->uid == 0 ? all >= CONNECTIONS_MAX
			   : all - of_root >= CONNECTIONS_MAX - CONNECTIONS_ROOTS)
		return error_set(
			error, ERROR_TOO_MANY, "there are too many connections already; try again");
	return 0;
}

static void admit(struct connection *connection)
{
	evutil_socket_t fd = bufferevent_getfd(connection->socket);
	struct event_base *base = connection->owner->agent->base;
	struct error error;

	connection->writable = event_new(base, fd, EV_WRITE, on_writable, connection);
	if (!connection->writable || peer_of_socket(fd, &connection->peer) != 0) {
		hang_up(connection, BEV_EVENT_READING);
		return;
	}
	if (check_limits(connection->owner, &connection->peer, &error) != 0)
		refuse(connection, &error);
	else
		enter(connection, PHASE_IDLE);
}

static void on_settle(evutil_socket_t fd, short what, void *context)
{
	struct connections *connections = context;
	struct connection *connection, *next;

	(void)fd;
	(void)what;
	for (connection = TAILQ_FIRST(&connections->all); connection; connection = next) {
		next = TAILQ_NEXT(connection, link);
		if (connection->phase == PHASE_FRESH && !is_gone(connection))
			admit(connection);
	}
	connections->fresh = 0;
	evconnlistener_enable(connections->listener);
}

static struct connection *connection_create(struct connections *connections)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	struct event_base *base = connections->agent->base;

	if (!connection)
		return NULL;
	connection->timer = evtimer_new(base, on_timer, connection);
	connection->resume = event_new(base, -1, 0, on_resume, connection);
	connection->socket = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!connection->timer || !connection->resume || !connection->socket)
		goto fail;
	bufferevent_setwatermark(connection->socket, EV_READ, 0, READ_AHEAD);
	connection->outer = bufferevent_filter_new(connection->socket, take_in, send_out,
		BEV_OPT_CLOSE_ON_FREE, connection_free, connection);
	if (!connection->outer)
		goto fail;
	connection->owner = connections;
	TAILQ_INSERT_TAIL(&connections->all, connection, link);
	if (!evbuffer_add_cb(bufferevent_get_output(connection->outer), on_output, connection)) {
		bufferevent_free(connection->outer);
		return NULL;
	}
	return connection;
fail:
	if (connection->socket)
		bufferevent_free(connection->socket);
	free_events(connection);
	free(connection);
	return NULL;
}

/* evhttp's callback for each connection that it accepts. If there is no memory for ours,
 * evhttp makes one of its own, which no request gets through: connections_begin. */
static struct bufferevent *make_bufferevent(struct event_base *base, void *context)
{
	struct connections *connections = context;
	struct connection *connection = connection_create(connections);

	(void)base;
	event_active(connections->settle, EV_READ, 0);
	if (++connections->fresh >= ACCEPT_TURN)
		evconnlistener_disable(connections->listener);
	return connection ? connection->outer : NULL;
}

struct connections *connections_create(
	struct agent *agent, struct evhttp *http, struct evconnlistener *listener)
{
	struct connections *connections = calloc(1, sizeof(*connections));

	if (!connections)
		return NULL;
	connections->agent = agent;
	connections->listener = listener;
	TAILQ_INIT(&connections->all);
	connections->settle = event_new(agent->base, -1, 0, on_settle, connections);
	if (!connections->settle) {
		free(connections);
		return NULL;
	}
	evhttp_set_bevcb(http, make_bufferevent, connections);
	return connections;
}

void connections_destroy(struct connections *connections)
{
	struct connection *connection;

	if (!connections)
		return;
	/* libevent releases the rest later, with the event base. */
	while ((connection = TAILQ_FIRST(&connections->all))) {
		TAILQ_REMOVE(&connections->all, connection, link);
		free_events(connection);
		connection->owner = NULL;
	}
	event_free(connections->settle);
	free(connections);
}

static struct connection *find(struct connections *connections, struct evhttp_request *http)
{
	struct evhttp_connection *evhttp = evhttp_request_get_connection(http);
	const struct bufferevent *outer = evhttp ? evhttp_connection_get_bufferevent(evhttp) : NULL;
	struct connection *connection;

	TAILQ_FOREACH(connection, &connections->all, link)
		if (outer && connection->outer == outer)
			return connection;
	return NULL;
}

const struct peer *connections_begin(struct connections *connections, struct evhttp_request *http)
{
	struct connection *connection = find(connections, http);

	if (!connection || connection->phase != PHASE_RECEIVING)
		return NULL;
	enter(connection, PHASE_WORKING);
	count_unparsed(connection);
	evhttp_request_set_on_complete_cb(http, on_complete, connection);
	return &connection->peer;
}

void connections_stream(struct connections *connections, struct evhttp_request *http)
{
	struct connection *connection = find(connections, http);

	if (connection)
		enter(connection, PHASE_STREAMING);
}

void connections_end_stream(struct connections *connections, struct evhttp_request *http)
{
	struct connection *connection = find(connections, http);

	if (connection)
		enter(connection, PHASE_ANSWERING);
}
