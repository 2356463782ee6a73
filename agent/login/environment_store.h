/*
 * Where the instance's variables come from, and the files below ENVIRONMENT_DIRECTORY that
 * sessions read them from: root.* (0600) with everything, others.* (0644) with what other
 * accounts get; each as .sh, .fish, and .env for `vastagent env`.
 */
#ifndef VASTAGENT_LOGIN_ENVIRONMENT_STORE_H
#define VASTAGENT_LOGIN_ENVIRONMENT_STORE_H

#include <stdbool.h>

struct environment;
struct error;

/* Below /run, since it is of no use in another start; the hook's files name it, too. */
#define ENVIRONMENT_DIRECTORY "/run/vastagent/environment"

/* The paths of all these files, ended by NULL: they hold the secrets of an instance. */
extern const char *const environment_store_files[];

/*
 * Keeps variables (NAME=VALUE, ended by NULL) that the on-start text has beyond those of
 * process 1, for this start. Returns 0, or -1 with ERROR_CANNOT_WRITE.
 */
int environment_store_keep(char *const variables[], struct error *error);

/*
 * Gathers the variables and replaces each file that is not as it should be, as root. In
 * rising order: process 1's environment, what was kept, /etc/environment unless it is
 * another instance's, and ${WORKSPACE}/.env if only root can write to it. May take some
 * seconds where the workspace hangs. Returns 0, or -1 with ERROR_CANNOT_WRITE.
 */
int environment_store_write(const char *rules, struct error *error);

/*
 * Reads what this start's sessions get: root's or, where that cannot be read, what other
 * accounts get. Returns 0, or -1 with ERROR_NOT_COMPLETE where nothing was written yet.
 */
int environment_store_load(struct environment *environment, struct error *error);

#endif
