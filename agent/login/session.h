/* From the decision to the end of the session: everything `vastagent login` does. */
#ifndef VASTAGENT_LOGIN_SESSION_H
#define VASTAGENT_LOGIN_SESSION_H

#include <stdbool.h>

struct client_outcome;
struct error;
struct facts;

/* Seconds that an alarm(2) may give for what comes before tmux; session_run() ends it. */
#define SESSION_ENTRY_LIMIT 4

struct session_settings {
	bool tmux;           /* [login] tmux */
	const char *session; /* [login] session */
	bool logout;         /* [login] detach = logout */
	bool take;           /* the window of the job, also from another terminal */
};

/* What holds without a configuration: yes, ssh_tmux, logout. */
#define SESSION_SETTINGS_DEFAULT                                                                   \
	((struct session_settings){.tmux = true, .session = "ssh_tmux", .logout = true})

enum session_end {
	SESSION_OVER,   /* log out */
	SESSION_LEFT,   /* detached, and the configuration wants a shell then */
	SESSION_BROKEN, /* a plain shell follows; outcome->reason says why */
};

/* Runs the session on this terminal; facts must have led to the decision to attach. */
enum session_end session_run(const struct facts *facts, const struct session_settings *settings,
	struct client_outcome *outcome);

/*
 * The same wish from inside of tmux: shows the job's window on the terminal that calls,
 * and detaches the terminal that had it. Returns 0, or -1 with ERROR_NOT_COMPLETE when
 * there is no such window, or another code when tmux did not answer.
 */
int session_take(
	const struct facts *facts, const struct session_settings *settings, struct error *error);

#endif
