/* The state directory: made where it is missing, and what keeps it from being written. */
#ifndef VASTAGENT_DAEMON_STATE_H
#define VASTAGENT_DAEMON_STATE_H

#include <jansson.h>

struct error;

/* Makes it and what it holds. Returns 0, or -1 with ERROR_CANNOT_WRITE. */
int state_prepare(const char *state_dir, struct error *error);

/* Appends a sentence to an array where nothing can be remembered in it. */
void state_add_warnings(const char *state_dir, json_t *warnings);

#endif
