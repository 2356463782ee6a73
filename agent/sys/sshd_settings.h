/*
 * What the local sshd is and how it is set up for one account: asked once, answered many
 * times.
 */
#ifndef VASTAGENT_SYS_SSHD_SETTINGS_H
#define VASTAGENT_SYS_SSHD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

struct account;

/* One line of sshd's settings. */
struct sshd_setting {
	char *keyword; /* in small letters */
	char *value;
	char *file; /* where it stands, or NULL if sshd or its command line says it */
	long line;
	bool in_match; /* inside a Match block, which may be for others */
};

struct sshd_lines {
	struct sshd_setting *list;
	size_t count, capacity;
	size_t files; /* that were read for it */
	bool failed;  /* memory ran out */
};

struct sshd_settings {
	char *program;           /* its path, or NULL if there is none */
	char release[80];        /* "OpenSSH_9.2p1 Debian-2+deb12u7", or "" */
	unsigned version;        /* 902 for 9.2, or 0 */
	bool debian;             /* has Debian's rule for groups of one member */
	char config[512];        /* the file that it reads, /etc/ssh/sshd_config unless -f */
	bool asked;              /* sshd itself answered: .lines is what holds */
	char why[256];           /* else: why it did not */
	struct sshd_lines lines; /* as sshd said, or as the files say outside of Match */
	struct sshd_lines files; /* the command line, sshd_config, what it includes, in order */
};

/*
 * Asks `sshd -T -C user=…` with the client address (NULL: a local one), and with the
 * options of the sshd that listens (sshd_running.h); and reads its configuration.
 * Nothing fails: what could not be found out is empty.
 * Release with sshd_settings_free.
 */
void sshd_settings_read(
	struct sshd_settings *settings, const struct account *account, const char *address);

void sshd_settings_free(struct sshd_settings *settings);

/* The first value of a keyword (any case), or NULL. "none" is a value like others. */
const char *sshd_settings_get(const struct sshd_settings *settings, const char *keyword);

/* The nth value of a keyword that can stand several times, or NULL. */
const char *sshd_settings_nth(
	const struct sshd_settings *settings, const char *keyword, size_t nth);

/*
 * The line of the files that sets the keyword to what holds, or NULL: the one in a Match
 * block if it says the same, else the first.
 */
const struct sshd_setting *sshd_settings_find(
	const struct sshd_settings *settings, const char *keyword);

/* Appends the settings of a text, `sshd -T`'s or a file's, to lines. file may be NULL.
 * Pure. Returns 0, or -1 if out of memory. */
int sshd_lines_parse(struct sshd_lines *lines, const char *text, const char *file);

void sshd_lines_free(struct sshd_lines *lines);

#endif
