#include "daemon/routes.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "control/paths.h"
#include "daemon/agent.h"
#include "daemon/connections.h"
#include "daemon/handlers.h"
#include "daemon/request.h"
#include "sys/account.h"

enum access {
	ACCESS_ANY,        /* anybody on the machine */
	ACCESS_OWN_READ,   /* root, or the account that is asked about */
	ACCESS_OWN_CHANGE, /* the same, if the uid is that account's alone */
	ACCESS_OWN_ROWS,   /* anybody; the handler shows to each what is its own */
	ACCESS_ROOT,
};

struct route {
	enum evhttp_cmd_type method;
	const char *path; /* one that ends in '/' takes the rest as its argument */
	enum access access;
	void (*handle)(struct request *request);
};

static const struct route routes[] = {
	{EVHTTP_REQ_GET, CONTROL_STATUS, ACCESS_ANY, handle_status},
	{EVHTTP_REQ_GET, CONTROL_KEYS, ACCESS_OWN_READ, handle_keys_list},
	{EVHTTP_REQ_POST, CONTROL_KEYS, ACCESS_OWN_CHANGE, handle_keys_add},
	{EVHTTP_REQ_DELETE, CONTROL_KEYS "/", ACCESS_OWN_CHANGE, handle_keys_remove},
	{EVHTTP_REQ_POST, CONTROL_UNDO, ACCESS_OWN_CHANGE, handle_undo},
	{EVHTTP_REQ_GET, CONTROL_FORWARDS, ACCESS_OWN_ROWS, handle_forwards},
	{EVHTTP_REQ_GET, CONTROL_SESSIONS, ACCESS_OWN_ROWS, handle_sessions},
	{EVHTTP_REQ_GET, CONTROL_EVENTS, ACCESS_OWN_ROWS, handle_events},
	{EVHTTP_REQ_GET, CONTROL_SERVICES, ACCESS_OWN_ROWS, handle_services},
	{EVHTTP_REQ_POST, CONTROL_PAUSE, ACCESS_ROOT, handle_pause},
	{EVHTTP_REQ_POST, CONTROL_RESUME, ACCESS_ROOT, handle_resume},
	{EVHTTP_REQ_POST, CONTROL_ADOPT, ACCESS_ROOT, handle_adopt},
	{EVHTTP_REQ_POST, CONTROL_RELOAD, ACCESS_ROOT, handle_reload},
	{EVHTTP_REQ_POST, CONTROL_STOP, ACCESS_ROOT, handle_stop},
};

/* A uid that the kernel shows for everybody it cannot map (user_namespaces(7)). */
#define OVERFLOW_UID ((uid_t)65534)

static bool route_fits(const struct route *route, const char *path)
{
	size_t length = strlen(route->path);

	if (route->path[length - 1] == '/')
		return strncmp(path, route->path, length) == 0 && path[length];
	return strcmp(path, route->path) == 0;
}

static const struct route *find_route(enum evhttp_cmd_type method, const char *path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (routes[i].method == method && route_fits(&routes[i], path))
			return &routes[i];
	return NULL;
}

static const char *header(const struct request *request, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(request->http), name);
}

/* Also in a second line, or in the place of the path. */
static bool has_other_host(const struct request *request)
{
	const char *host = evhttp_request_get_host(request->http);
	const struct evkeyval *line;

	TAILQ_FOREACH(line, evhttp_request_get_input_headers(request->http), next)
		if (strcasecmp(line->key, "Host") == 0 && strcasecmp(line->value, "localhost") != 0)
			return true;
	return host && strcasecmp(host, "localhost") != 0;
}

/*
 * A socket that is forwarded to a person's machine can be reached by that person's web
 * pages, and a key that is restricted to one command could become root by it.
 */
static int check_origin(
	const struct request *request, const struct route *route, struct error *error)
{
	if (header(request, "Origin") || header(request, "Sec-Fetch-Site"))
		return error_set(error, ERROR_FORBIDDEN, "requests of web pages are refused");
	if (has_other_host(request))
		return error_set(error, ERROR_FORBIDDEN, "the Host of a request must be localhost");
	if (request->peer.forwarded && !request->agent->config.forwarded &&
		(!route || route->access != ACCESS_ANY))
		return error_set(error, ERROR_FORBIDDEN,
			"this request came through a forwarded socket; [agent] forwarded = yes in "
			"the configuration allows that");
	return 0;
}

static int read_body(struct request *request, struct error *error)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(request->http);
	size_t length = evbuffer_get_length(in);
	const char *type = header(request, "Content-Type");
	json_error_t problem;

	if (length > (request->peer.uid == 0 ? CONTROL_BODY_MAX_ROOT : CONTROL_BODY_MAX))
		return error_set(error, ERROR_TOO_LARGE, "the body is larger than %d bytes",
			request->peer.uid == 0 ? CONTROL_BODY_MAX_ROOT : CONTROL_BODY_MAX);
	if (evhttp_request_get_command(request->http) == EVHTTP_REQ_POST &&
		(!type || strncasecmp(type, "application/json", 16) != 0 ||
			(type[16] && !strchr("; \t", type[16]))))
		return error_set(error, ERROR_MEDIA_TYPE, "the body must be application/json");
	if (!length)
		return 0;
	request->body = json_loadb(
		(const char *)evbuffer_pullup(in, -1), length, JSON_REJECT_DUPLICATES, &problem);
	if (!json_is_object(request->body)) {
		if (request->body)
			return error_set(
				error, ERROR_BAD_REQUEST, "the body must be a JSON object");
		return error_set(error, ERROR_BAD_REQUEST, "the body is not JSON: line %d: %.200s",
			problem.line, problem.text);
	}
	return 0;
}

static int read_query(struct request *request, const struct route *route, struct error *error)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request->http);
	const char *path = evhttp_uri_get_path(uri), *query = evhttp_uri_get_query(uri);
	size_t length = strlen(route->path);

	request->query = calloc(1, sizeof(*request->query));
	if (!request->query)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	TAILQ_INIT(request->query);
	if (query && evhttp_parse_query_str(query, request->query) != 0)
		return error_set(error, ERROR_BAD_REQUEST, "the query is malformed");
	if (route->path[length - 1] != '/')
		return 0;
	request->argument = strdup(path + length);
	if (!request->argument)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	if (text_percent_decode(request->argument) != 0)
		return error_set(error, ERROR_BAD_REQUEST, "the path is malformed");
	return 0;
}

/* The account that the request names, or the peer's own. */
static int find_account(const struct request *request, struct account *account, struct error *error)
{
	const json_t *in_body = json_object_get(request->body, "user");
	const char *name = request_parameter(request, "user");

	if (in_body && !json_is_null(in_body)) {
		name = json_string_value(in_body);
		if (!name)
			return error_set(error, ERROR_BAD_REQUEST, "\"user\" must be a string");
	}
	return name ? account_by_name(name, account, error)
		    : account_by_uid(request->peer.uid, account, error);
}

static int check_account(struct request *request, const struct route *route, struct error *error)
{
	const struct peer *peer = &request->peer;
	struct account account = {0};
	int result = 0;

	if (find_account(request, &account, error) != 0) {
		/* Only root learns which accounts there are. */
		if (peer->uid != 0 && error && error->code == ERROR_NO_SUCH_USER)
			error_set(error, ERROR_FORBIDDEN, "only root may ask for another account");
		return -1;
	}
	if (peer->uid != 0 && account.uid != peer->uid)
		result = error_set(error, ERROR_FORBIDDEN, "only root may ask for another account");
	else if (peer->uid != 0 && route->access == ACCESS_OWN_CHANGE &&
		 (account.shares_uid || peer->uid == OVERFLOW_UID))
		result = error_set(error, ERROR_FORBIDDEN,
			"the uid %lu is not one account's alone: only root changes its keys",
			(unsigned long)peer->uid);
	else if (!(request->user = strdup(account.name)))
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	account_free(&account);
	return result;
}

/* The single check of who may do what. */
static int check_access(struct request *request, const struct route *route, struct error *error)
{
	switch (route->access) {
	case ACCESS_ANY:
	case ACCESS_OWN_ROWS:
		return 0;
	case ACCESS_ROOT:
		return request->peer.uid == 0
			       ? 0
			       : error_set(error, ERROR_FORBIDDEN, "only root may do that");
	case ACCESS_OWN_READ:
	case ACCESS_OWN_CHANGE:
		return check_account(request, route, error);
	}
	return error_set(error, ERROR_FORBIDDEN, "not permitted");
}

/* The route of a request that may be handled, or NULL. */
static const struct route *prepare(struct request *request, struct error *error)
{
	const struct peer *peer = connections_begin(request->agent->connections, request->http);
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request->http));
	const struct route *route;

	/* There was no memory to note who it is. */
	if (!peer) {
		error_set(error, ERROR_INTERNAL, "the peer of the socket is not known");
		return NULL;
	}
	request->peer = *peer;
	route = find_route(evhttp_request_get_command(request->http), path ? path : "");
	if (check_origin(request, route, error) != 0)
		return NULL;
	if (!route) {
		error_set(error, ERROR_NOT_FOUND, "there is no such route");
		return NULL;
	}
	if (read_query(request, route, error) != 0 || read_body(request, error) != 0 ||
		check_access(request, route, error) != 0)
		return NULL;
	return route;
}

void routes_dispatch(struct evhttp_request *http, void *context)
{
	struct agent *agent = context;
	struct request *request = calloc(1, sizeof(*request));
	const struct route *route;
	struct error error;

	agent->counters.requests++;
	if (!request) {
		evhttp_send_error(http, 503, NULL);
		return;
	}
	request->agent = agent;
	request->http = http;
	route = prepare(request, &error);
	if (!route) {
		log_debug("uid %lu: refused: %s", (unsigned long)request->peer.uid, error.message);
		request_fail(request, &error);
		return;
	}
	route->handle(request);
}
