/* A pause of restoring, as it is remembered for an agent that starts again. */
#ifndef VASTAGENT_DAEMON_PAUSE_H
#define VASTAGENT_DAEMON_PAUSE_H

#include <stdbool.h>
#include <time.h>

struct error;

struct pause {
	bool on;
	time_t until; /* 0: until resume */
	long seconds; /* how long it was to be, from its begin; 0: until resume */
};

/*
 * Remembers it in STATE_DIR/pause, or (not on) forgets it. Returns 0, or -1; the pause
 * itself is the caller's and goes on.
 */
int pause_save(const char *state_dir, const struct pause *pause, struct error *error);

/*
 * What is remembered; one that is over, another instance's, damaged (which is logged), or
 * cannot be read is none. May
 * wait for root's home, as instance_read does, if there is one.
 */
void pause_load(const char *state_dir, struct pause *pause);

/*
 * Seconds until its end, at least 0: by the clock, but never more than it was to last, so
 * that a clock that is set back does not prolong it.
 */
long pause_left(const struct pause *pause, time_t now);

#endif
