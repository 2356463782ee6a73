/* Which ssh server this machine has: old ones drop a line with an option of a new one. */
#ifndef VASTAGENT_SYS_SSHD_VERSION_H
#define VASTAGENT_SYS_SSHD_VERSION_H

#include <stdbool.h>
#include <stddef.h>

enum sshd_kind {
	SSHD_NONE, /* no server was found, or it does not say what it is */
	SSHD_OPENSSH,
	SSHD_DROPBEAR,
};

struct sshd_version {
	enum sshd_kind kind;
	unsigned major, minor; /* 9, 2 of OpenSSH_9.2p1; 2022, 83 of Dropbear v2022.83 */
	bool debian;           /* Debian's or Ubuntu's build, whose file checks are laxer */
};

/*
 * Reads a version out of what `sshd -V`, `ssh -V` or `dropbear -V` prints, or out of a
 * banner; what stands around it does not matter. Pure. Returns 0, or -1 and kind
 * SSHD_NONE.
 */
int sshd_version_parse(const char *text, struct sshd_version *version);

/* True for OpenSSH of that release or a later one. */
bool sshd_version_is_openssh(const struct sshd_version *version, unsigned major, unsigned minor);

/* "OpenSSH 9.2", "Dropbear 2022.83" or "no ssh server". Returns out. */
char *sshd_version_name(const struct sshd_version *version, char *out, size_t size);

/* The path of the local sshd, or NULL if there is none. */
const char *sshd_program(void);

/*
 * The version of the local sshd, or of dropbear where there is no sshd. The program is
 * asked at the first call (a few ms, at most 3 s), and again once it is another file;
 * never NULL.
 */
const struct sshd_version *sshd_version_local(void);

/* The same as that sshd says it: "OpenSSH_9.2p1 Debian-2+deb12u7"; "" if it says nothing. */
const char *sshd_release_local(void);

/* What a program said, so that a process can hand it to another one. */
struct sshd_answer {
	char release[80];
	char program[80]; /* which file it was, with its time */
};

/* Whether it is known already: nothing will be run for it. */
bool sshd_version_is_known(void);

/* The answer; the program is asked if need be. Its release is "" if it says nothing. */
const struct sshd_answer *sshd_version_answer(void);

/* The answer that this process had to ask for; NULL if it had one, or got none. */
const struct sshd_answer *sshd_version_asked(void);

/* Takes an answer over; asked: sshd_version_asked() is to hand it on. */
void sshd_version_remember(const char *release, const char *program, bool asked);

#endif
