/* The list of an account's keys as JSON, which may be long: worked on by several threads. */
#ifndef VASTAGENT_DAEMON_KEYS_LISTING_H
#define VASTAGENT_DAEMON_KEYS_LISTING_H

#include "daemon/job.h"

struct buffer;
struct error;
struct keys_place;
struct keys_report;

/*
 * Runs in a job's child. A short list is appended to *out. A long one goes on in files in
 * memory, fds, each to be sent from its offset to its end. Returns 0 or -1.
 */
int keys_listing_write(const struct keys_place *place, struct keys_report *report,
	struct buffer *out, int fds[JOB_FDS], struct error *error);

#endif
