/* `vastagent daemon`: the agent itself, in the foreground. */
#ifndef VASTAGENT_DAEMON_DAEMON_H
#define VASTAGENT_DAEMON_DAEMON_H

#include <sys/types.h>

struct daemon_start {
	const char *config_path;
	const char *socket; /* NULL: the configuration says where */
	int ready;          /* gets one byte once the socket answers; -1: nobody waits */
	pid_t parent;       /* who starts it again; 0: a service manager, or nobody */
	unsigned restarts;  /* by that parent */
	char ended[48];     /* how the last agent did; "" for the first */
};

/*
 * Runs the agent until it is told to stop. Returns an exit status of sysexits(3); what
 * went wrong is in the log.
 */
int daemon_run(const struct daemon_start *start);

#endif
