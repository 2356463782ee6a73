/* What the parts of a running agent share. */
#ifndef VASTAGENT_DAEMON_AGENT_H
#define VASTAGENT_DAEMON_AGENT_H

#include <stdbool.h>
#include <time.h>

#include "daemon/confine.h"
#include "daemon/counters.h"
#include "sys/config.h"

struct connections;
struct daemon_start;
struct event;
struct event_base;
struct events;
struct jobs;
struct lookout;

struct agent {
	struct event_base *base;
	struct config config;
	const char *config_path;
	const struct daemon_start *start;
	char *socket_path; /* where it listens */
	struct connections *connections;
	struct events *events;
	struct event *helper; /* NULL: there is none */
	bool again;           /* it ends to be started again */
	struct jobs *jobs;
	struct lookout *lookout;
	struct counters counters;
	enum confine_filter filter;
	char filter_problem[512]; /* why it was refused */
	long long started_ms;     /* of the monotonic clock */
};

/* Reads the configuration again. Returns 0, or -1 with the old one in force. */
int agent_reload(struct agent *agent, struct error *error);

/* Nobody reaches the agent from now on; ends the event loop after the answers under way. */
void agent_stop(struct agent *agent);

#endif
