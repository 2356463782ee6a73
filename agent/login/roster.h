/*
 * Who looks at what in the tmux server: its clients, and the windows of one session. A
 * text that tmux printed (tmux.h asks for it) is read into arrays of fixed size; pure.
 */
#ifndef VASTAGENT_LOGIN_ROSTER_H
#define VASTAGENT_LOGIN_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ROSTER_CLIENTS 128
#define ROSTER_WINDOWS 256
#define ROSTER_LEFT    32
#define ROSTER_NONE    (-1L) /* no window */

/* For "list-clients -F", "list-windows -F" and "list-sessions -F"; of tmux 2.6 and newer. */
#define ROSTER_CLIENT_FORMAT                                                                       \
	"C #{window_id} #{client_pid} #{client_activity} #{client_tty} v#{version} "               \
	"#{client_session}"
#define ROSTER_WINDOW_FORMAT                                                                       \
	"W #{window_id} #{window_index} #{window_active} #{window_panes} #{pane_pid} "             \
	"#{pane_dead} #{pane_in_mode} #{window_name}"

/* One that is in no group is nobody's own, whatever its name: it counts as attached. */
#define ROSTER_SESSION_FORMAT "S #{?session_grouped,#{session_attached},1} #{session_name}"

struct roster_client {
	long window; /* the number in its window_id */
	pid_t pid;
	long long activity; /* when a key was last pressed, seconds since 1970 */
	char tty[64];
	char session[96];
	bool is_gone; /* detached, or about to be: counts no more */
};

struct roster_window {
	long window;
	int index;
	pid_t pane;       /* the process of its active pane */
	bool is_current;  /* of the session */
	bool may_be_idle; /* one pane, alive, not scrolled back */
	bool is_idle;     /* a shell that waits for a command: the caller finds out */
	char name[40];    /* safe to show, also in tmux's own formats */
};

struct roster {
	struct roster_client clients[ROSTER_CLIENTS];
	struct roster_window windows[ROSTER_WINDOWS];
	char left[ROSTER_LEFT][96]; /* sessions without a terminal */
	size_t client_count, window_count, left_count;
	int version; /* tmux 3.3a: 303; 0: unknown */
};

/* Reads what tmux printed; lines that do not fit the formats are left out. */
void roster_parse(struct roster *roster, const char *text);

/* The process of which "SESSION-PID" is the terminal's own session; 0 if it is none. */
pid_t roster_owner(const char *name, const char *session);

/* Whether a client that counts looks at the window. */
bool roster_is_attended(const struct roster *roster, long window);

/* Whether the session of that name has a client that counts. */
bool roster_has_client(const struct roster *roster, const char *session);

/* The window of that number, or NULL. */
const struct roster_window *roster_find(const struct roster *roster, long window);

/* Marks as gone who was gone in an older roster: a detached client leaves a moment later. */
void roster_carry_gone(struct roster *roster, const struct roster *older);

#endif
