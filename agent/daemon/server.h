/* The control socket: HTTP/1.1 on a unix socket. */
#ifndef VASTAGENT_DAEMON_SERVER_H
#define VASTAGENT_DAEMON_SERVER_H

/* Of a request, in bytes. */
#define SERVER_HEADERS_MAX 8192

struct agent;
struct error;
struct server;

/*
 * Listens on path (0666: who may do what is decided for each request by the peer's
 * uid). Its directory is made (0755) if it is missing, and must be root's. A socket that
 * nobody listens on is replaced, anything else at the path is refused; the caller holds
 * the lock that says that no other agent runs. Returns NULL with *error.
 */
struct server *server_create(struct agent *agent, const char *path, struct error *error);

/* Closes and removes the socket; NULL is fine. */
void server_destroy(struct server *server);

#endif
