/* What the parts of `vastagent doctor` share: what is known, and what was found. */
#ifndef VASTAGENT_CLI_DOCTOR_H
#define VASTAGENT_CLI_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "keys/lint.h"
#include "keys/pubkey.h"
#include "sys/account.h"
#include "sys/account_state.h"
#include "sys/pathcheck.h"
#include "sys/sshd_settings.h"

struct cli;

enum doctor_status { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_finding {
	char *id; /* such as "file.mode" */
	enum doctor_status status;
	bool blocks; /* with this, no key lets anybody in to the account */
	char *message;
	char *fix; /* a shell command that repairs it, or NULL */
};

/* A file of keys. */
struct doctor_file {
	char *path;
	struct pathcheck check;
	bool read;   /* AuthorizedKeysFile names it */
	bool usable; /* sshd would read keys from it */
};

#define DOCTOR_FILES 16

struct doctor {
	const struct cli *cli;
	struct account account;
	bool root;
	time_t now;
	const char *address; /* of the client that we were called from, or NULL */
	struct sshd_settings settings;
	struct account_state state;
	struct lint_rules rules;
	struct doctor_file files[DOCTOR_FILES];
	size_t file_count;
	struct pubkey *key;     /* the one that is asked about, or NULL */
	struct pubkey *revoked; /* the keys that RevokedKeys lists in plain text */
	size_t revoked_count;
	const char *krl; /* RevokedKeys, if it is a KRL that can be asked about */
	unsigned krl_asked;
	const char *key_text; /* as "TYPE BASE64", for addkey */
	struct doctor_finding *list;
	size_t count;
	bool failed; /* memory ran out: findings are missing */
};

/*
 * Adds a finding. fix is taken over; NULL for none. Messages are made printable.
 * id is "group.what": the message says where.
 */
void doctor_add(struct doctor *doctor, enum doctor_status status, const char *id, char *fix,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The same for what keeps every key of the account out: a failure. */
void doctor_block(struct doctor *doctor, const char *id, char *fix, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* A shell command from a format; NULL if out of memory. */
char *doctor_fix(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* text as one word for a shell, which the caller frees; NULL if out of memory. */
char *doctor_quote(const char *text);

/*
 * A command, in words for a shell already, as the account would run it: with runuser(1)
 * where root asks for another. Takes command over.
 */
char *doctor_as_account(const struct doctor *doctor, char *command);

/* A command that makes sshd read its settings again. */
const char *doctor_reload(const struct doctor *doctor, char *out, size_t size);

/* Commands that set a keyword of sshd's to a value, or comment its line out; NULL where
 * it stands on the command line. */
char *doctor_fix_setting(const struct doctor *doctor, const char *keyword, const char *value);
char *doctor_fix_comment_out(const struct doctor *doctor, const struct sshd_setting *line);

/* " (FILE:LINE)" of a keyword, or " (on sshd's command line)", or "". Returns out. */
const char *doctor_where(const struct doctor *doctor, const char *keyword, char *out, size_t size);

/* True if a keyword is set to that value. */
bool doctor_is(const struct doctor *doctor, const char *keyword, const char *value);

#endif
