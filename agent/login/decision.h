/*
 * Whether a login belongs into tmux: a pure function of what facts.c has gathered.
 * The rules stand in one table and are asked in its order; the first that fails
 * decides for a plain shell. On doubt: a plain shell.
 */
#ifndef VASTAGENT_LOGIN_DECISION_H
#define VASTAGENT_LOGIN_DECISION_H

#include <stdbool.h>
#include <stddef.h>

enum opt_out {
	OPT_OUT_ABSENT,
	OPT_OUT_PRESENT, /* ~/.no_auto_tmux is there, in any form */
	OPT_OUT_UNKNOWN, /* it could not be looked for */
};

struct decision_facts {
	bool is_terminal[3];            /* standard input, output, error */
	const char *const *environment; /* "NAME=value", NULL at the end */
	const char *parent_argv0;       /* NULL: unknown */
	const char *grandparent;        /* name of the parent's parent; NULL: unknown */
	bool is_ssh_tty;                /* the terminal is the one that SSH_TTY names */
	unsigned rows, columns;
	enum opt_out opt_out;
	bool enabled;          /* [login] tmux of the configuration */
	const char *tmux_path; /* NULL: there is no tmux */
	const char *tmux_get;  /* then: the command that installs it; NULL: unknown */
};

struct decision {
	bool attach;
	const char *rule; /* the name of the rule that decided; "all" if every one holds */
	char reason[200]; /* one sentence without its full stop; safe to print */
};

/* Decides. Fills *decision. */
void decision_make(const struct decision_facts *facts, struct decision *decision);

/* The value of a variable, NULL if it is not set. */
const char *decision_variable(const char *const *environment, const char *name);

#endif
