/* The platform's tmux block in the start-up files of an account, made to stand back. */
#ifndef VASTAGENT_LOGIN_RCFILES_H
#define VASTAGENT_LOGIN_RCFILES_H

#include <stdbool.h>

struct account;
struct error;

struct rcfiles_result {
	unsigned changed;    /* files that were rewritten */
	unsigned left_alone; /* files with a block that could not be changed soundly */
	const char *name;    /* the last of those, relative to the home; static */
};

/* True if name is that of a file that bash reads at a login and that may hold a block. */
bool rcfiles_concerns(const char *name);

/*
 * Puts the condition for the program binary into each block in the account's start-up
 * files (or, with insert false, takes it out), as the account. Directories that others
 * could write to are refused. Returns 0, or -1 with the first failure in *error; the
 * other files are done all the same.
 */
int rcfiles_supersede(const struct account *account, const char *binary, bool insert,
	struct rcfiles_result *result, struct error *error);

#endif
