/* The groups of checks, in the order in which sshd comes to them. */
#ifndef VASTAGENT_CLI_DOCTOR_CHECKS_H
#define VASTAGENT_CLI_DOCTOR_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

struct doctor;
struct key_line;
struct pubkey;

void doctor_check_server(struct doctor *doctor);
void doctor_check_settings(struct doctor *doctor);
void doctor_check_account(struct doctor *doctor);
void doctor_check_access(struct doctor *doctor);
void doctor_check_files(struct doctor *doctor);
void doctor_check_lines(struct doctor *doctor);
void doctor_check_agent(struct doctor *doctor);
void doctor_check_login(struct doctor *doctor);
void doctor_check_space(struct doctor *doctor);

/* Last, since it names the first of the reasons found before. */
void doctor_check_key(struct doctor *doctor);

/* Why sshd would not take the type of this key, whatever line it stands in: a sentence
 * in out, and the fix (NULL: none). False if it would. */
bool doctor_refuses_type(
	const struct doctor *doctor, const struct pubkey *key, char *out, size_t size, char **fix);

/* Whether a line holds the bytes of the key that is asked about, whatever sshd makes of
 * the line; false without such a key. */
bool doctor_line_holds(
	const struct doctor *doctor, const struct key_line *line, const char *text, size_t length);

/* Reads RevokedKeys; then, whether it names the key. */
void doctor_check_revoked(struct doctor *doctor);
bool doctor_is_revoked(struct doctor *doctor, const struct pubkey *key);

#endif
