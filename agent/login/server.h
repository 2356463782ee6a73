/* What the tmux server is doing, asked without a tmux process and without waiting. */
#ifndef VASTAGENT_LOGIN_SERVER_H
#define VASTAGENT_LOGIN_SERVER_H

#include <stdbool.h>
#include <sys/types.h>

enum server_state {
	SERVER_ABSENT,   /* nobody listens on the socket */
	SERVER_STARTING, /* younger than the time given to read a configuration */
	SERVER_SILENT,   /* runs, and has for some time */
	SERVER_STOPPED,  /* stopped by a signal or a debugger, or dead */
};

/*
 * Looks at the server behind the socket. *pid is its process, 0 if that is unknown.
 * young_ms is the age up to which it counts as starting.
 */
enum server_state server_look(const char *socket_path, long long young_ms, pid_t *pid);

/*
 * Whether a server has the socket open, without making it take a connection. On doubt
 * there is one.
 */
bool server_exists(const char *socket_path);

/*
 * Whether a terminal is attached to some session of the server: tmux gives its socket
 * the permission to execute for as long as that is so (server_update_socket() in its
 * server.c, since 2008). A server that was killed may leave it set.
 */
bool server_is_attended(const char *socket_path);

#endif
