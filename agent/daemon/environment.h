/* The variables of sessions, written anew while the agent runs. */
#ifndef VASTAGENT_DAEMON_ENVIRONMENT_H
#define VASTAGENT_DAEMON_ENVIRONMENT_H

struct agent;
struct request;

/*
 * Writes the files that sessions read, in a job, and then answers the request for a reload
 * (NULL: there is none). A failure goes into the log; sessions keep what they had.
 */
void environment_write(struct agent *agent, struct request *request);

#endif
