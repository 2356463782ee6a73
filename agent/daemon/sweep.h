/* A key that was removed from one account goes from all others, too. */
#ifndef VASTAGENT_DAEMON_SWEEP_H
#define VASTAGENT_DAEMON_SWEEP_H

#include <jansson.h>

struct request;

/*
 * Takes the keys that an answer to DELETE names as removed out of the files of all other
 * accounts, adds "swept":[{"user","file","removed"}] and what could not be done, and
 * answers the request. Steals answer.
 */
void sweep_others(struct request *request, json_t *answer);

#endif
