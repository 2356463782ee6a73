/*
 * The lock of the agent's parent: there is one on a machine, and whoever wants to end it
 * learns its process id from the kernel, which no stale file can get wrong.
 */
#ifndef VASTAGENT_SYS_PARENTLOCK_H
#define VASTAGENT_SYS_PARENTLOCK_H

#include <stdbool.h>
#include <sys/types.h>

struct error;

/* Whatever socket and state an agent has, here are its locks: keys are the machine's. */
#define RUN_DIRECTORY "/run/vastagent"

/* Begins what the parent says in the log that it shares with the agent. */
#define PARENT_MARK "parent: "

/*
 * Takes the lock for as long as this process lives, children not counted. Returns its
 * descriptor, or -1 with ERROR_BUSY if another process holds it, or ERROR_CANNOT_WRITE.
 */
int parentlock_take(struct error *error);

/* Says whether the parent waits before it starts the agent again. */
void parentlock_rest(int lock, bool resting);

/* The process that holds the lock; resting: only if it waits so. 0 if there is none. */
pid_t parentlock_holder(bool resting);

#endif
