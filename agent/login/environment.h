/*
 * The instance's variables, which sshd does not give to sessions: which of them belong
 * there. Pure, as are environment_file.h (text that holds variables) and
 * environment_text.h (variables as text for a shell).
 */
#ifndef VASTAGENT_LOGIN_ENVIRONMENT_H
#define VASTAGENT_LOGIN_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

struct environment_variable {
	char *name;
	char *value;
};

struct environment {
	struct environment_variable *list;
	size_t count;
};

#define ENVIRONMENT_EMPTY ((struct environment){0})

/*
 * Whether a variable may reach a session at all: its name is one (POSIX, XBD 8.1), and it
 * neither describes the process that it comes from (HOME, PWD, TERM, SSH_*) nor makes a
 * program run or a shell evaluate something (LD_PRELOAD, BASH_ENV, PS1, MAILPATH).
 */
bool environment_name_passes(const char *name);

/*
 * Whether the rules of [session] environment admit a name: "all", "none", or names and
 * patterns with '*', and with '!' before those that are not wanted, separated by commas or
 * blanks. For accounts other than root, a name must also be one that the platform gives to
 * everybody, or be named by the rules.
 */
bool environment_admits(const char *rules, bool for_root, const char *name);

/* The value of a variable, or NULL. */
const char *environment_get(const struct environment *environment, const char *name);

/* Sets a variable, in place of an older value. Returns 0, or -1 if out of memory. */
int environment_set(struct environment *environment, const char *name, const char *value);

/* Appends a variable, also beside one of the same name. Returns 0, or -1. */
int environment_append(struct environment *environment, const char *name, const char *value);

/*
 * Sets what a block of NAME=VALUE, each ended by a NUL, holds (proc(5), environ), as far as
 * environment_name_passes. Returns 0, or -1 if out of memory.
 */
int environment_add_block(struct environment *environment, const char *block, size_t length);

/* Sets the variables of other. Returns 0, or -1 if out of memory. */
int environment_add(struct environment *environment, const struct environment *other);

/* Appends to out what the rules admit. Returns 0, or -1 if out of memory. */
int environment_filter(const struct environment *environment, const char *rules, bool for_root,
	struct environment *out);

/* Frees the variables and empties the environment. */
void environment_free(struct environment *environment);

#endif
