/* Which session and which window a terminal gets: decided from the roster alone; pure. */
#ifndef VASTAGENT_LOGIN_PLAN_H
#define VASTAGENT_LOGIN_PLAN_H

#include <stdbool.h>

struct roster;

struct plan {
	bool grouped;      /* a session of its own in the group of the shared one */
	bool new_window;   /* and a new window */
	long window;       /* else this one; ROSTER_NONE: the one that is current */
	bool old_sizes;    /* windows would shrink to the smallest terminal: tmux before 3.1 */
	bool leaves;       /* tmux can be told to leave when the own window ends: from 3.1 on */
	char message[400]; /* shown for a moment; "" if nobody else is there */
};

/*
 * Decides for one more terminal on the shared session. wanted is the window that it is to
 * show, or ROSTER_NONE; somebody else's attention to it counts against it.
 */
void plan_make(const struct roster *roster, const char *session, long wanted, struct plan *plan);

/*
 * The window that somebody means who asks for "the job", who is at the window own
 * himself (or ROSTER_NONE): preferably one with a program that runs, then one on another
 * terminal, the one used last. ROSTER_NONE if there is no window to take.
 */
long plan_find_job(const struct roster *roster, long own);

#endif
