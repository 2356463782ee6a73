/*
 * One walk of /proc: every process in short, and of SSH servers (or all) what they hold.
 *
 * An SSH server is believed only where root runs it: a process is looked into if root
 * runs it or its parent is such a server of root's. A user may call a program "sshd".
 */
#ifndef VASTAGENT_NET_PROCESSES_H
#define VASTAGENT_NET_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct error;

#define NET_PROCESSES_MAX ((size_t)1 << 18)
#define NET_NO_PROCESS    SIZE_MAX

struct net_process {
	pid_t pid, parent;
	uid_t uid;     /* real uid, of SSH servers and their children; else unknown */
	unsigned tty;  /* device number of the terminal, proc(5), 0: none */
	time_t since;  /* when it was started */
	char comm[16]; /* the kernel's name for it, cut at 15 bytes */
	char *title;   /* its first argument, of SSH servers only; else NULL */
	bool server;   /* sshd, sshd-session, sshd-auth, dropbear and the like */
	bool readable; /* its descriptors could be read */
};

/* That a process has a descriptor for a socket or pipe. */
struct net_holder {
	uint32_t inode;
	uint32_t process; /* index into the list of processes */
	bool pipe;
	bool writes; /* of a pipe: it is the end that is written to */
};

struct net_processes {
	struct net_process *list; /* by pid */
	size_t count;
	size_t capacity;
	struct net_holder *holders; /* sockets first, then by inode, then by process */
	size_t holder_count;
	size_t holder_capacity;
	bool complete; /* false: there may be some that are hidden from us, or too many */
	int failure;   /* errno: a file of one that is not hidden could not be read; or 0 */
};

/* Walks /proc. Processes that end meanwhile are left out. Returns 0, or -1 with
 * ERROR_INTERNAL. Free with net_processes_free in either case. */
int net_processes_read(struct net_processes *processes, struct error *error);

/* The same, with what every process holds. */
int net_processes_read_all(struct net_processes *processes, struct error *error);

void net_processes_free(struct net_processes *processes);

/* Index of the process with that pid, or NET_NO_PROCESS. */
size_t net_processes_find(const struct net_processes *processes, pid_t pid);

/* The first holder of a socket (or pipe); *count says how many follow. NULL: none. */
const struct net_holder *net_processes_holders(
	const struct net_processes *processes, uint32_t inode, bool pipe, size_t *count);

/* Puts list and holders into their order. For those who fill the lists themselves. */
void net_processes_sort(struct net_processes *processes);

#endif
