#include "daemon/server.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "control/client.h"
#include "control/paths.h"
#include "daemon/agent.h"
#include "daemon/connections.h"
#include "daemon/events.h"
#include "daemon/routes.h"

#define BACKLOG 128

struct server {
	struct agent *agent;
	struct evhttp *http;
	char *path;
};

static int remove_stale(const char *path, struct error *error)
{
	struct stat what;

	if (lstat(path, &what) != 0)
		return 0;
	if (!S_ISSOCK(what.st_mode))
		return error_set(error, ERROR_CANNOT_WRITE,
			"%s is in the way and is not a socket; move it away", path);
	if (!control_is_abandoned(path))
		return error_set(error, ERROR_CANNOT_WRITE,
			"another program listens on %s; end it, or set [agent] socket", path);
	if (unlink(path) != 0)
		return error_set_errno(error, ERROR_CANNOT_WRITE, "cannot remove the old %s", path);
	return 0;
}

static int open_listener(const char *path, struct error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(error, ERROR_CONFIGURATION,
			"[agent] socket: the path is longer than %zu bytes",
			sizeof(address.sun_path) - 1);
	if (remove_stale(path, error) != 0)
		return -1;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot make a socket");
	/* Listening comes last: nobody gets in before the mode is what it is to be. */
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
		chmod(path, 0666) != 0 || listen(fd, BACKLOG) != 0) {
		error_set_errno(error, ERROR_CANNOT_WRITE, "cannot listen on %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

static int start_http(struct server *server, struct agent *agent, int fd)
{
	struct evconnlistener *listener;

	server->http = evhttp_new(agent->base);
	if (!server->http)
		return -1;
	evhttp_set_allowed_methods(
		server->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_DELETE);
	evhttp_set_max_headers_size(server->http, SERVER_HEADERS_MAX);
	evhttp_set_max_body_size(server->http, CONTROL_BODY_MAX_ROOT);
	evhttp_set_gencb(server->http, routes_dispatch, agent);
	listener = evconnlistener_new(
		agent->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!listener)
		return -1;
	/* Once more, for the answer: evconnlistener_new() does not look at it. */
	if (evconnlistener_enable(listener) != 0 || !evhttp_bind_listener(server->http, listener)) {
		evconnlistener_free(listener);
		return -1;
	}
	agent->connections = connections_create(agent, server->http, listener);
	agent->events = events_create(agent);
	return agent->connections && agent->events ? 0 : -1;
}

struct server *server_create(struct agent *agent, const char *path, struct error *error)
{
	struct server *server = calloc(1, sizeof(*server));
	int fd = -1;

	if (!server || !(server->path = strdup(path))) {
		error_set(error, ERROR_INTERNAL, "out of memory");
		goto fail;
	}
	server->agent = agent;
	fd = open_listener(path, error);
	if (fd < 0)
		goto fail;
	if (start_http(server, agent, fd) != 0) {
		error_set(error, ERROR_INTERNAL, "cannot serve %s", path);
		goto fail;
	}
	return server;
fail:
	server_destroy(server);
	return NULL;
}

void server_destroy(struct server *server)
{
	if (!server)
		return;
	if (server->http) {
		unlink(server->path);
		evhttp_free(server->http);
		events_destroy(server->agent->events);
		connections_destroy(server->agent->connections);
	}
	free(server->path);
	free(server);
}
