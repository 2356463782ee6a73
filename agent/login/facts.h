/* What the decision needs to know, gathered from the real system: never blocks on anything
 * but the home directory, starts no process, believes nothing longer than its limits. */
#ifndef VASTAGENT_LOGIN_FACTS_H
#define VASTAGENT_LOGIN_FACTS_H

#include <limits.h>
#include <stdbool.h>

#include "login/decision.h"

struct facts {
	struct decision_facts decision; /* points into this struct and the environment */
	char parent_argv0[64];
	char grandparent[32];
	char tmux_path[PATH_MAX];
	char tmux_get[80];
	char opt_out_path[PATH_MAX]; /* "" if HOME is not an absolute path */
};

/*
 * Fills *facts (which must not be moved afterwards) for this process, its parent and
 * its standard streams. What cannot be found out is left as "unknown". .enabled is
 * set to true: the configuration is the caller's.
 */
void facts_gather(struct facts *facts, const char *const *environment);

/* Looks for tmux along PATH, then in the usual places. False if there is none. */
bool facts_find_tmux(const char *const *environment, char *out, size_t size);

/*
 * Whether ncurses would find a description of this terminal: a file in one of the
 * directories of terminfo(5). Names that could leave those directories are unknown.
 */
bool facts_knows_terminal(const char *term, const char *const *environment);

#endif
