/* The command lines and the environment of the tmux client: pure, arrays, never a shell. */
#ifndef VASTAGENT_LOGIN_TMUX_H
#define VASTAGENT_LOGIN_TMUX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TMUX_ARGV_MAX 96

struct plan;

/* A command line; its strings stand in it or are the caller's. Must not be moved. */
struct tmux_command {
	const char *argv[TMUX_ARGV_MAX]; /* NULL at the end */
	size_t count;
	char name[128];     /* of the session that the terminal gets */
	char shared[136];   /* "=SESSION:", exactly that one */
	char own[136];      /* the same for the terminal's session */
	char attach[132];   /* without the colon: a session, never a window */
	char window[168];   /* "=SESSION:@NUMBER" */
	char leave[2][400]; /* what the two sessions do when the terminal's window ends */
};

struct tmux_login {
	const char *tmux, *session;
	const struct plan *plan; /* NULL: attach, or make the session */
	pid_t pid;               /* names a session of the terminal's own */
	bool long_history;       /* the server is made, and nobody configured it */
	const char *program;     /* runs in new windows ("PROGRAM login welcome"); or NULL */
};

/* Attaches to the session, as the plan says: one tmux process. */
void tmux_attach(struct tmux_command *command, const struct tmux_login *login);

/* Prints who looks at what, as roster.h reads it. Fails if the session does not exist. */
void tmux_list(struct tmux_command *command, const char *tmux, const char *session);

/*
 * Ends a terminal's own session (its windows stay in the group), with the hook of a plan
 * that leaves. Where nothing else is left of the group, it becomes the shared one.
 */
void tmux_end_session(struct tmux_command *command, const char *tmux, const char *session,
	const char *name, bool has_hook);

/* Exits with 0 if exactly that session exists. */
void tmux_exists(struct tmux_command *command, const char *tmux, const char *session);

/*
 * Writes what a client's terminal shows to it again, which nobody sees. The status line
 * alone ("-S") is only written when it has changed.
 */
void tmux_poke(struct tmux_command *command, const char *tmux, const char *tty);

/* Detaches the client. */
void tmux_detach(struct tmux_command *command, const char *tmux, const char *tty);

/* Prints the window_id of a pane. */
void tmux_name_window(struct tmux_command *command, const char *tmux, const char *pane);

/* Prints the command that the user's configuration wants in new windows. */
void tmux_default_command(struct tmux_command *command, const char *tmux);

/* Shows a window in a session that has it. */
void tmux_select(struct tmux_command *command, const char *tmux, const char *session, long window);

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
