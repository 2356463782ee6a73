/*
 * Which tmux session a terminal looks at: asked of tmux itself, as the account whose
 * client it is, by the client's own program. Nothing runs where no client was seen.
 */
#ifndef VASTAGENT_NET_TMUX_CLIENTS_H
#define VASTAGENT_NET_TMUX_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;

struct tmux_client {
	pid_t pid;
	long windows;  /* of its session */
	char *session; /* its name */
};

struct tmux_clients {
	struct tmux_client *list;
	size_t count, capacity;
};

/* True if the kernel's name for a process is that of a tmux client. */
bool tmux_client_is(const char *comm);

/*
 * Asks the servers of the count clients in pids, which must be that account's, for at most
 * deadline_ms milliseconds. Returns 0, or -1 with ERROR_NO_SUCH_USER, ERROR_TIMEOUT or
 * ERROR_INTERNAL. Free with tmux_clients_free in either case.
 */
int tmux_clients_read(struct tmux_clients *clients, uid_t uid, const pid_t *pids, size_t count,
	int deadline_ms, struct error *error);

/* Reads lines of "PID WINDOWS SESSION"; others are no client. Pure. Returns 0, or -1 when
 * memory is short. */
int tmux_clients_parse(struct tmux_clients *clients, const char *text);

/*
 * The options of a client's command line, NUL-separated, that say which server is meant
 * (-L, -S: tmux(1)), as at most two words; *count is 0 if it is the usual one. Pure.
 */
void tmux_clients_server(const char *line, size_t length, const char *words[2], size_t *count);

void tmux_clients_free(struct tmux_clients *clients);

#endif
