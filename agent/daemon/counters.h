/* What the agent has done since it started; shown by status. */
#ifndef VASTAGENT_DAEMON_COUNTERS_H
#define VASTAGENT_DAEMON_COUNTERS_H

struct counters {
	unsigned long requests;
	unsigned long refused;   /* requests that were answered with an error */
	unsigned long added;     /* keys, by request */
	unsigned long removed;   /* keys, by request */
	unsigned long restored;  /* keys, after the file was rewritten */
	unsigned long unwritten; /* changes that the journal could not take */
	unsigned long taken_out; /* keys, by an edit of the file */
};

#endif
