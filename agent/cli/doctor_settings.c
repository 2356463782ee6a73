/* sshd's settings that hold for every key of the account. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "cli/doctor.h"
#include "cli/doctor_checks.h"
#include "keys/patterns.h"

#define SERVER_FILE 256

static void check_public_keys(struct doctor *doctor)
{
	char where[SERVER_FILE];

	if (doctor_is(doctor, "PubkeyAuthentication", "no"))
		doctor_block(doctor, "sshd.pubkey",
			doctor_fix_setting(doctor, "PubkeyAuthentication", "yes"),
			"sshd takes no keys at all: PubkeyAuthentication no%s",
			doctor_where(doctor, "PubkeyAuthentication", where, sizeof(where)));
}

/* One of the lists must be "publickey" and nothing else. */
static void check_methods(struct doctor *doctor)
{
	const char *methods = sshd_settings_get(&doctor->settings, "AuthenticationMethods");
	char where[SERVER_FILE], *copy, *rest, *list;
	bool enough = false;

	if (!methods || strcasecmp(methods, "any") == 0)
		return;
	copy = rest = strdup(methods);
	while (rest && (list = strsep(&rest, " \t")))
		enough = enough || strcmp(list, "publickey") == 0;
	free(copy);
	if (!enough)
		doctor_block(doctor, "sshd.methods",
			doctor_fix_comment_out(doctor,
				sshd_settings_find(&doctor->settings, "AuthenticationMethods")),
			"a key alone is not enough: AuthenticationMethods %s%s", methods,
			doctor_where(doctor, "AuthenticationMethods", where, sizeof(where)));
}

static void check_passwords(struct doctor *doctor)
{
	const char *set = sshd_settings_get(&doctor->settings, "PasswordAuthentication");
	char where[SERVER_FILE];

	if (set && strcasecmp(set, "no") == 0)
		return;
	doctor_add(doctor, DOCTOR_WARN, "sshd.password",
		doctor->root ? doctor_fix_setting(doctor, "PasswordAuthentication", "no") : NULL,
		"sshd takes passwords, which strangers try day and night: PasswordAuthentication "
		"yes%s",
		doctor_where(doctor, "PasswordAuthentication", where, sizeof(where)));
}

/* What else lets keys in: nothing that is wrong, but nothing of it is seen here. */
static void check_others(struct doctor *doctor)
{
	static const struct {
		const char *keyword, *id, *message;
	} others[] = {
		{"AuthorizedKeysCommand", "sshd.command",
			"sshd also asks a program for keys, which is not looked at here"},
		{"TrustedUserCAKeys", "sshd.ca",
			"sshd also lets in who has a certificate of an authority, which is not "
			"looked at here"},
	};
	char where[SERVER_FILE];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const char *set = sshd_settings_get(&doctor->settings, others[i].keyword);
		if (set && strcasecmp(set, "none") != 0)
			doctor_add(doctor, DOCTOR_WARN, others[i].id, NULL, "%s: %s %s%s",
				others[i].message, others[i].keyword, set,
				doctor_where(doctor, others[i].keyword, where, sizeof(where)));
	}
}

static void check_small(struct doctor *doctor)
{
	const char *tries = sshd_settings_get(&doctor->settings, "MaxAuthTries");
	char where[SERVER_FILE];
	long number;

	if (tries && text_number(tries, 0, 1000, &number) == 0 && number < 3)
		doctor_add(doctor, DOCTOR_WARN, "sshd.tries",
			doctor_fix_setting(doctor, "MaxAuthTries", "6"),
			"MaxAuthTries %ld%s: a client that offers other keys first is sent away; "
			"it "
			"can help itself with ssh -o IdentitiesOnly=yes -i KEY",
			number, doctor_where(doctor, "MaxAuthTries", where, sizeof(where)));
	if (doctor_is(doctor, "StrictModes", "no"))
		doctor_add(doctor, DOCTOR_WARN, "sshd.strict",
			doctor_fix_setting(doctor, "StrictModes", "yes"),
			"StrictModes no%s: sshd reads files of keys that others can write to",
			doctor_where(doctor, "StrictModes", where, sizeof(where)));
	if (sshd_settings_get(&doctor->settings, "PermitUserEnvironment") &&
		!doctor_is(doctor, "PermitUserEnvironment", "no"))
		doctor_add(doctor, DOCTOR_WARN, "sshd.environment",
			doctor_fix_setting(doctor, "PermitUserEnvironment", "no"),
			"PermitUserEnvironment %s%s: a key that is held to one command may get "
			"around "
			"that",
			sshd_settings_get(&doctor->settings, "PermitUserEnvironment"),
			doctor_where(doctor, "PermitUserEnvironment", where, sizeof(where)));
}

/* From 9.8 on, unless it is switched off; clients of the platform's proxy share an address. */
static void check_penalties(struct doctor *doctor)
{
	const char *set = sshd_settings_get(&doctor->settings, "PerSourcePenalties");

	if (set && strcasecmp(set, "no") != 0)
		doctor_add(doctor, DOCTOR_OK, "sshd.penalties", NULL,
			"after refused logins sshd lets nobody in from that address for a while "
			"(PerSourcePenalties)");
}

void doctor_check_settings(struct doctor *doctor)
{
	if (!doctor->settings.program)
		return;
	check_public_keys(doctor);
	check_methods(doctor);
	doctor_check_revoked(doctor);
	check_passwords(doctor);
	check_others(doctor);
	check_small(doctor);
	check_penalties(doctor);
}

/* Whether a list of algorithms, with patterns, holds one that the key can sign with. */
static bool accepts(const char *list, const struct pubkey *key)
{
	static const char *const rsa[] = {"ssh-rsa", "rsa-sha2-256", "rsa-sha2-512", NULL};
	const char *const one[] = {key->type, NULL};
	const char *const *names = key->kind == PUBKEY_RSA ? rsa : one;
	char *copy = strdup(list), *rest = copy, *item;
	bool found = false;

	while (rest && (item = strsep(&rest, ",")))
		for (const char *const *name = names; *name; name++)
			found = found || pattern_matches(*name, item);
	free(copy);
	return found;
}

bool doctor_refuses_type(
	const struct doctor *doctor, const struct pubkey *key, char *out, size_t size, char **fix)
{
	const char *keyword = "PubkeyAcceptedAlgorithms";
	const char *list = sshd_settings_get(&doctor->settings, keyword);
	char where[SERVER_FILE];

	*fix = NULL;
	if (!list) {
		keyword = "PubkeyAcceptedKeyTypes";
		list = sshd_settings_get(&doctor->settings, keyword);
	}
	/* Without sshd's own answer the list may begin with +, - or ^. */
	if (!list || !doctor->settings.asked || accepts(list, key)) {
		if (key->kind != PUBKEY_RSA || key->bits >= doctor->rules.rsa_bits)
			return false;
		snprintf(out, size,
			"the RSA key has %u bits and sshd wants %u (RequiredRSASize%s); its owner "
			"makes a new one: ssh-keygen -t ed25519",
			key->bits, doctor->rules.rsa_bits,
			doctor_where(doctor, "RequiredRSASize", where, sizeof(where)));
		return true;
	}
	snprintf(out, size, "sshd takes no keys of the type %s: %s%s leaves it out", key->type,
		keyword, doctor_where(doctor, keyword, where, sizeof(where)));
	*fix = doctor_fix_comment_out(doctor, sshd_settings_find(&doctor->settings, keyword));
	return true;
}
