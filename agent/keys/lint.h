/*
 * What a doctor sees in the text of an authorized_keys file: lines that sshd drops
 * although they were meant to let somebody in, and lines that mean something else than
 * it seems. Pure: memory in, findings out.
 */
#ifndef VASTAGENT_KEYS_LINT_H
#define VASTAGENT_KEYS_LINT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* What the local server is. Zero: not known, and nothing is said about it. */
struct lint_rules {
	unsigned sshd;           /* its version, 902 for 9.2 */
	bool dropbear;           /* dropbear reads the file, too */
	bool use_dns;            /* UseDNS */
	bool permit_environment; /* PermitUserEnvironment is not `no` */
	unsigned rsa_bits;       /* RequiredRSASize */
	time_t now;
};

struct lint_finding {
	const char *id;     /* such as "glued"; static */
	bool fails;         /* somebody is refused; else it is only worth knowing */
	long line;          /* from 1; 0: the whole file */
	char *message;      /* one sentence, printable */
	char *sed;          /* a script for GNU sed(1) that repairs the line, or NULL */
	const char *filter; /* a command that the whole file is to go through, or NULL */
};

struct lint {
	struct lint_finding *list; /* by line */
	size_t count, capacity;
	bool failed; /* memory ran out: findings are missing */
};

/* Reads the text. Returns 0, or -1 if out of memory. Release with lint_free. */
int lint_file(const char *text, size_t length, const struct lint_rules *rules, struct lint *lint);

void lint_free(struct lint *lint);

#endif
