/* The journal: every change of a key is one line of JSON in STATE_DIR/events.jsonl. */
#ifndef VASTAGENT_DAEMON_JOURNAL_H
#define VASTAGENT_DAEMON_JOURNAL_H

#include "keys/report.h"

struct error;
struct peer;

/*
 * Appends the report's events: when, who (peer; NULL: the agent itself), what, why. The
 * file is bounded; key text never goes into it. Returns 0, or -1; the change that is
 * written down has happened all the same.
 */
int journal_append(const char *state_dir, const char *user, const struct peer *peer,
	const struct keys_report *report, struct error *error);

#endif
