/* The command lines and the environment of the tmux client: pure, arrays, never a shell. */
#ifndef VASTAGENT_LOGIN_TMUX_H
#define VASTAGENT_LOGIN_TMUX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TMUX_ARGV_MAX 8

/* Attaches to the session, which is made first if there is none: one tmux process. */
void tmux_attach_argv(const char *argv[TMUX_ARGV_MAX], const char *tmux, const char *session);

/* Exits with 0 if exactly that session exists. */
void tmux_exists_argv(const char *argv[TMUX_ARGV_MAX], const char *tmux, const char *target);

/*
 * The default server's socket, by tmux(1): TMUX_TMPDIR (NULL or "": /tmp), then
 * tmux-UID/default. Returns 0, or -1 if it does not fit.
 */
int tmux_socket_path(char *out, size_t size, const char *directory, uid_t uid);

/*
 * The TERM for the client: the user's own if it is known, else the first known of
 * xterm-256color, xterm and screen, which every terminal of today understands well
 * enough; the user's own again if none is. The shell itself keeps its TERM.
 */
const char *tmux_choose_term(const char *term,
	bool (*knows)(const char *term, const char *const *environment),
	const char *const *environment);

/*
 * A copy of the environment in which each "NAME=value" of changes (NULL at its end)
 * takes the place of any of that name. Only the array is new: free() frees it, the
 * strings stay where they are. Returns NULL when out of memory.
 */
const char **tmux_environment(const char *const *environment, const char *const *changes);

#endif
