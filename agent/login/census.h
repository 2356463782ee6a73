/* Asks the tmux server who looks at what, and which of its terminals still answer. */
#ifndef VASTAGENT_LOGIN_CENSUS_H
#define VASTAGENT_LOGIN_CENSUS_H

#include <stdbool.h>

struct error;
struct roster;

struct census {
	const char *tmux, *session;
	const char *const *environment;
};

/* Milliseconds. */
#define CENSUS_LIMIT 3000 /* for one answer of the server */
#define CENSUS_PROBE 4000 /* the longest wait for the other end of a connection */

/*
 * Fills *roster; no session of that name is an empty one. Returns 0, or -1 with
 * ERROR_TIMEOUT or another code when the server could not be asked.
 */
int census_take(const struct census *census, struct roster *roster, struct error *error);

/* Ends a terminal's own session, after its client; has_hook as tmux_end_session has it. */
void census_end_session(const struct census *census, const char *name, bool has_hook);

/*
 * Whether the connection of some client ought to be tried: it is known to be dead, or
 * was not heard of for a while. Asks the kernel only.
 */
bool census_has_silent(const struct roster *roster);

/*
 * Tries those connections: makes tmux write to the terminal, and waits for the answer
 * that any living connection gives. Detaches the clients whose connection is dead, and
 * only those, and marks them as gone. Returns the window that the last used of them
 * looked at, or ROSTER_NONE.
 */
long census_drop_dead(const struct census *census, struct roster *roster);

/* Detaches every client that looks at the window, and marks them as gone. */
void census_clear_window(const struct census *census, struct roster *roster, long window);

#endif
