/*
 * The agent's parent, where no service manager starts it again: it waits, and nothing
 * else. Killed itself, it leaves the agent as it is.
 */
#ifndef VASTAGENT_DAEMON_PARENT_H
#define VASTAGENT_DAEMON_PARENT_H

struct daemon_start;

/*
 * Runs the agent in a child and starts it again whenever it dies, after a pause that
 * grows from 200 ms to a minute; it ends when the agent ends by itself or is told to.
 * start->ready is for the first start, which is given up where trying again does not
 * help. Returns an exit status, in the child and in the parent.
 */
int parent_run(const struct daemon_start *start);

#endif
