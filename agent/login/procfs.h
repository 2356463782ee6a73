/* The few things that the login asks /proc about another process; bounded reads. */
#ifndef VASTAGENT_LOGIN_PROCFS_H
#define VASTAGENT_LOGIN_PROCFS_H

#include <stddef.h>
#include <sys/types.h>

struct procfs_process {
	char state; /* proc(5): R, S, D, T and so on */
	pid_t parent;
	pid_t group, foreground;    /* its own, and the one that its terminal belongs to */
	unsigned long long started; /* clock ticks since boot */
};

/* Reads up to size - 1 bytes of /proc/PID/name as a string. Returns its length or -1. */
ssize_t procfs_read(pid_t pid, const char *name, char *out, size_t size);

/* Reads /proc/PID/stat. Returns 0, or -1 if there is no such process. */
int procfs_look(pid_t pid, struct procfs_process *process);

#endif
