/* One operation on the keys of several accounts, and one answer about all of them. */
#ifndef VASTAGENT_DAEMON_FANOUT_H
#define VASTAGENT_DAEMON_FANOUT_H

#include <jansson.h>

struct request;

/*
 * Takes the keys that an answer to DELETE names as removed out of the files of all other
 * accounts, adds "swept":[{"user","file","removed"}] and what could not be done, and
 * answers the request. Steals answer.
 */
void fanout_sweep(struct request *request, json_t *answer);

/* Takes over the keys of another instance for each account that has some set aside, and
 * answers with {"adopted":[{"user","file","added"}],"complete","notes"}. */
void fanout_adopt(struct request *request);

#endif
