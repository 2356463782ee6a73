/* The sshd that listens on this machine: with which options it was started. */
#ifndef VASTAGENT_SYS_SSHD_RUNNING_H
#define VASTAGENT_SYS_SSHD_RUNNING_H

#include <stdbool.h>
#include <stddef.h>

#define SSHD_RUNNING_WORDS 64

struct sshd_running {
	/* The options that change its settings, as sshd(8) takes them: "-o", "Port=23", … */
	char *words[SSHD_RUNNING_WORDS];
	size_t count;
};

/*
 * Reads the command line of a process as /proc shows it, length bytes with a NUL behind
 * each argument: sshd's own arguments, or the title that a listening one gives itself,
 * in which quotes are lost. Pure. Returns false if it is no sshd that serves a port (of
 * those that serve one connection, or only test a configuration), or if memory runs out.
 * Release with sshd_running_free in any case.
 */
bool sshd_running_parse(const char *arguments, size_t length, struct sshd_running *running);

/*
 * Finds the oldest sshd that root runs in our own process namespace. Returns false if
 * there is none.
 */
bool sshd_running_find(struct sshd_running *running);

/* The value of the first option with that letter, or NULL. */
const char *sshd_running_option(const struct sshd_running *running, char letter);

void sshd_running_free(struct sshd_running *running);

#endif
