#include "daemon/events.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "daemon/agent.h"
#include "daemon/connections.h"
#include "daemon/journal_reader.h"
#include "daemon/request.h"
#include "sys/account.h"

#define BEAT_S    15
#define LAG_MAX   (256 * 1024)
#define LINES_MAX 1000000

struct follower {
	TAILQ_ENTRY(follower) link; /* events::followers */
	struct events *owner;
	struct request *request;
	struct journal_reader reader;
	struct event *step; /* the next part, after the others' turn */
	char *user;         /* whose lines; NULL: all */
	long wanted;        /* the last ones only; -1: all */
	long skip;
	bool counting; /* how many there are is not known yet */
	bool follow, live;
	bool sending; /* the last part is not out yet */
};

struct events {
	struct agent *agent;
	TAILQ_HEAD(, follower) followers;
	int inotify; /* -1: nobody follows */
	struct event *changed;
	struct event *beat;
};

static void watch_end(struct events *events)
{
	if (events->changed)
		event_free(events->changed);
	if (events->beat)
		event_free(events->beat);
	events->changed = events->beat = NULL;
	if (events->inotify >= 0)
		close(events->inotify);
	events->inotify = -1;
}

/* The only place that frees a follower. */
static void follower_free(struct follower *follower)
{
	struct events *events = follower->owner;
	const struct follower *other;
	bool followed = false;

	TAILQ_REMOVE(&events->followers, follower, link);
	TAILQ_FOREACH(other, &events->followers, link)
		followed = followed || other->follow;
	if (!followed)
		watch_end(events);
	if (follower->step)
		event_free(follower->step);
	journal_reader_close(&follower->reader);
	free(follower->user);
	request_free(follower->request);
	free(follower);
}

/* The peer is gone, or the agent ends. */
static void on_close(struct evhttp_connection *connection, void *context)
{
	struct follower *follower = context;
	struct evhttp_request *http = follower->request->http;

	(void)connection;
	/* evhttp leaves a request that is not answered to us, unless it ends as a whole. */
	if (!evhttp_request_get_connection(http))
		evhttp_request_free(http);
	follower_free(follower);
}

static void finish(struct follower *follower)
{
	struct evhttp_request *http = follower->request->http;

	evhttp_connection_set_closecb(evhttp_request_get_connection(http), NULL, NULL);
	if (follower->follow)
		connections_end_stream(follower->owner->agent->connections, http);
	evhttp_send_reply_end(http);
	follower_free(follower);
}

static void take_step(struct follower *follower)
{
	const struct timeval now = {0};

	evtimer_add(follower->step, &now);
}

static void on_sent(struct evhttp_connection *connection, void *context)
{
	struct follower *follower = context;

	(void)connection;
	follower->sending = false;
	take_step(follower);
}

static void send_text(struct follower *follower, const char *text, size_t length)
{
	struct evbuffer *out = length ? evbuffer_new() : NULL;

	if (out && evbuffer_add(out, text, length) == 0) {
		follower->sending = true;
		evhttp_send_reply_chunk_with_cb(follower->request->http, out, on_sent, follower);
	}
	if (out)
		evbuffer_free(out);
}

/* Who an account's keys were changed by is its business, with which program is not. */
static void hide_program(json_t *line, uid_t uid)
{
	json_t *by = json_object_get(line, "by");
	json_t *who = json_object_get(by, "uid");

	if (json_integer_value(who) == (json_int_t)uid && json_is_integer(who))
		return;
	json_object_del(by, "pid");
	json_object_del(by, "program");
}

/* Appends the line as the follower may see it. Returns false if it may not. */
static bool add_line(
	const struct follower *follower, const char *text, size_t length, struct buffer *out)
{
	json_t *line;
	const char *user;
	char *shown = NULL;

	if (!follower->user) {
		buffer_add(out, text, length);
		return true;
	}
	line = json_loadb(text, length, 0, NULL);
	user = json_string_value(json_object_get(line, "user"));
	if (user && strcmp(user, follower->user) == 0) {
		hide_program(line, follower->request->peer.uid);
		shown = json_dumps(line, JSON_COMPACT);
	}
	if (shown)
		buffer_add_format(out, "%s\n", shown);
	free(shown);
	json_decref(line);
	return shown != NULL;
}

/* Appends those of the lines that are to be shown, and counts them. */
static void filter(struct follower *follower, const struct buffer *lines, struct buffer *out)
{
	const char *at = lines->data, *end = at + lines->length, *next;
	size_t before;

	for (; at < end; at = next) {
		next = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
		before = out->length;
		if (!add_line(follower, at, (size_t)(next - at), out))
			continue;
		if (follower->counting)
			follower->skip++;
		else if (follower->skip > 0)
			follower->skip--;
		else
			continue;
		out->length = before;
	}
}

/* The end of what there is. Returns false if the follower is gone. */
static bool pause_reading(struct follower *follower)
{
	if (follower->counting) {
		follower->counting = false;
		follower->skip =
			follower->skip > follower->wanted ? follower->skip - follower->wanted : 0;
		journal_reader_close(&follower->reader);
		if (journal_reader_open(
			    &follower->reader, follower->owner->agent->config.state_dir) == 0)
			take_step(follower);
		return true;
	}
	follower->live = true;
	if (follower->follow)
		return true;
	finish(follower);
	return false;
}

static void on_step(evutil_socket_t fd, short what, void *context)
{
	struct follower *follower = context;
	struct buffer lines = BUFFER_EMPTY, out = BUFFER_EMPTY;
	bool more;

	(void)fd;
	(void)what;
	if (follower->sending)
		return;
	more = journal_reader_next(&follower->reader, &lines);
	if (more)
		filter(follower, &lines, &out);
	buffer_free(&lines);
	if (more && !out.length)
		take_step(follower);
	else if (more)
		send_text(follower, out.data, out.length);
	else
		pause_reading(follower);
	buffer_free(&out);
}

/* ---- while somebody follows ---- */

static void on_changed(evutil_socket_t fd, short what, void *context)
{
	static const char lagged[] = "{\"event\":\"lagged\"}\n";
	struct events *events = context;
	struct follower *follower, *next;
	char ignored[4096];

	(void)what;
	while (read(fd, ignored, sizeof(ignored)) > 0)
		;
	for (follower = TAILQ_FIRST(&events->followers); follower; follower = next) {
		next = TAILQ_NEXT(follower, link);
		if (!follower->follow)
			continue;
		if (!follower->sending) {
			take_step(follower);
		} else if (follower->live && journal_reader_behind(&follower->reader) > LAG_MAX) {
			send_text(follower, lagged, sizeof(lagged) - 1);
			finish(follower);
		}
	}
}

static void on_beat(evutil_socket_t fd, short what, void *context)
{
	struct events *events = context;
	struct follower *follower;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(follower, &events->followers, link)
		if (follower->follow && !follower->sending)
			send_text(follower, "\n", 1);
}

static int watch_begin(struct events *events)
{
	const struct timeval beat = {.tv_sec = BEAT_S};
	struct agent *agent = events->agent;

	if (events->inotify >= 0)
		return 0;
	events->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (events->inotify < 0 || inotify_add_watch(events->inotify, agent->config.state_dir,
					   IN_MODIFY | IN_CREATE) < 0)
		return -1;
	events->changed =
		event_new(agent->base, events->inotify, EV_READ | EV_PERSIST, on_changed, events);
	events->beat = event_new(agent->base, -1, EV_PERSIST, on_beat, events);
	if (!events->changed || !events->beat || event_add(events->changed, NULL) != 0 ||
		event_add(events->beat, &beat) != 0)
		return -1;
	return 0;
}

/* ---- a request ---- */

static int read_query(struct follower *follower, struct error *error)
{
	const struct request *request = follower->request;
	const char *lines = request_parameter(request, "lines");
	struct account account;

	follower->follow = request_flag(request, "follow");
	follower->wanted = follower->follow ? 0 : -1;
	if (lines && text_number(lines, 0, LINES_MAX, &follower->wanted) != 0)
		return error_set(
			error, ERROR_BAD_REQUEST, "\"lines\" is a number from 0 to %d", LINES_MAX);
	follower->counting = follower->wanted > 0;
	if (request->peer.uid == 0)
		return 0;
	if (account_by_uid(request->peer.uid, &account, error) != 0)
		return -1;
	follower->user = account.name;
	account.name = NULL;
	account_free(&account);
	return follower->user ? 0 : error_set(error, ERROR_INTERNAL, "out of memory");
}

static int prepare(struct follower *follower, struct error *error)
{
	struct events *events = follower->owner;

	if (read_query(follower, error) != 0)
		return -1;
	follower->step = evtimer_new(events->agent->base, on_step, follower);
	if (!follower->step || (follower->follow && watch_begin(events) != 0))
		return error_set(error, ERROR_INTERNAL, "the journal cannot be watched");
	if (journal_reader_open(&follower->reader, events->agent->config.state_dir) != 0)
		return error_set_errno(error, ERROR_INTERNAL, "the journal cannot be read");
	if (follower->wanted == 0)
		journal_reader_skip(&follower->reader);
	return 0;
}

static void begin(struct follower *follower)
{
	struct evhttp_request *http = follower->request->http;

	evhttp_connection_set_closecb(evhttp_request_get_connection(http), on_close, follower);
	evhttp_add_header(
		evhttp_request_get_output_headers(http), "Content-Type", "application/x-ndjson");
	if (follower->follow)
		connections_stream(follower->owner->agent->connections, http);
	evhttp_send_reply_start(http, 200, request_phrase(200));
	take_step(follower);
}

void events_answer(struct events *events, struct request *request)
{
	struct follower *follower = calloc(1, sizeof(*follower));
	struct error error;

	if (!follower) {
		error_set(&error, ERROR_INTERNAL, "out of memory");
		request_fail(request, &error);
		return;
	}
	follower->owner = events;
	follower->request = request;
	follower->reader = (struct journal_reader){.older = -1, .current = -1};
	TAILQ_INSERT_TAIL(&events->followers, follower, link);
	if (prepare(follower, &error) == 0) {
		begin(follower);
		return;
	}
	follower->request = NULL;
	follower_free(follower);
	request_fail(request, &error);
}

struct events *events_create(struct agent *agent)
{
	struct events *events = calloc(1, sizeof(*events));

	if (!events)
		return NULL;
	events->agent = agent;
	events->inotify = -1;
	TAILQ_INIT(&events->followers);
	return events;
}

void events_destroy(struct events *events)
{
	struct follower *follower;

	if (!events)
		return;
	while ((follower = TAILQ_FIRST(&events->followers)))
		follower_free(follower);
	free(events);
}
