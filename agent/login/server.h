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
 * Looks at the server behind the socket. *pid becomes its process, 0 if that is unknown;
 * give the last look's, or 0: a known one is not asked for by a connection, and a server
 * that hangs has no end of room for those. young_ms is the age up to which it counts as
 * starting.
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
