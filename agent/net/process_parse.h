/* The texts of /proc that tell of a process, proc(5), turned into values. Pure. */
#ifndef VASTAGENT_NET_PROCESS_PARSE_H
#define VASTAGENT_NET_PROCESS_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct net_process;

/*
 * Reads /proc/PID/stat into pid, parent, tty and comm, and the start, in clock ticks
 * since the machine booted, into *start. Returns 0, or -1 if it does not read.
 */
int process_parse_stat(const char *text, struct net_process *process, unsigned long long *start);

/* The real uid in /proc/PID/status. Returns 0 or -1. */
int process_parse_uid(const char *text, uid_t *uid);

/*
 * The value of a variable in the text of /proc/PID/environ, if nothing in it would break a
 * line; or NULL. "NAME=" stands right before it.
 */
const char *process_find_variable(const char *text, size_t length, const char *name);

/* "socket:[123]" or "pipe:[123]", as readlink(2) of /proc/PID/fd gives it. */
bool process_parse_link(const char *text, bool *pipe, uint32_t *inode);

/* True for the names that SSH servers and their parts go by. */
bool process_is_server(const char *comm);

/* True if the name is dropbear's, which writes no titles. */
bool process_is_dropbear(const char *comm);

enum title_kind {
	TITLE_OTHER,           /* the listener, or no title at all */
	TITLE_UNAUTHENTICATED, /* "[accepted]", "alice [net]", "alice [pam]" … */
	TITLE_MONITOR,         /* "alice [priv]": may have a session below it, or not yet */
	TITLE_SESSION,         /* "alice", "alice@pts/0", "alice@notty" */
};

struct title {
	enum title_kind kind;
	char name[256]; /* the account; "" if none */
	char tty[256];  /* "pts/0", several with commas between; "" if none */
	bool idle;      /* no session was ever asked for: this connection only forwards */
};

/* Reads what OpenSSH writes over its first argument: sshd.c, monitor.c and session.c. */
void process_parse_title(const char *text, struct title *title);

#endif
