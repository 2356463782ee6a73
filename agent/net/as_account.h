/*
 * Asking as an account: root in a container lacks CAP_SYS_PTRACE and may not look into
 * other accounts' processes, but every account may look into its own.
 */
#ifndef VASTAGENT_NET_AS_ACCOUNT_H
#define VASTAGENT_NET_AS_ACCOUNT_H

#include <stdio.h>
#include <sys/types.h>

struct buffer;
struct error;

/*
 * Runs look in a child that has become the account of that uid, for at most deadline_ms
 * milliseconds, and appends what it writes to *answer, whole lines. The answer is a claim
 * of that account. Returns 0, or -1 with ERROR_NO_SUCH_USER, ERROR_TIMEOUT or
 * ERROR_INTERNAL, also if the child did not come to its end.
 */
int as_account_ask(uid_t uid, void (*look)(void *context, uid_t uid, FILE *out), void *context,
	int deadline_ms, struct buffer *answer, struct error *error);

/* Reads a file of /proc/PID, cut at size, and ends it with a NUL. Returns its length. */
size_t as_account_read(pid_t pid, const char *file, char *text, size_t size);

#endif
