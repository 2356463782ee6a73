#include "keys/known.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "keys/options.h"
#include "keys/pubkey.h"
#include "sys/sshd_version.h"

#define LAST_TIME 253402300799 /* 9999-12-31T23:59:59Z */

/* The first release of OpenSSH with the option; 0.0: older than any in use. */
static const struct {
	const char *name;
	unsigned major, minor;
	bool dropbear;
} since[KEY_OPTION_COUNT] = {
	[KEY_OPTION_RESTRICT] = {"restrict", 7, 2, false},
	[KEY_OPTION_CERT_AUTHORITY] = {"cert-authority", 5, 4, false},
	[KEY_OPTION_PORT_FORWARDING] = {"port-forwarding", 0, 0, true},
	[KEY_OPTION_AGENT_FORWARDING] = {"agent-forwarding", 0, 0, true},
	[KEY_OPTION_X11_FORWARDING] = {"X11-forwarding", 0, 0, true},
	[KEY_OPTION_TOUCH_REQUIRED] = {"touch-required", 8, 2, false},
	[KEY_OPTION_VERIFY_REQUIRED] = {"verify-required", 8, 4, false},
	[KEY_OPTION_PTY] = {"pty", 0, 0, true},
	[KEY_OPTION_USER_RC] = {"user-rc", 0, 0, false},
	[KEY_OPTION_COMMAND] = {"command", 0, 0, true},
	[KEY_OPTION_PRINCIPALS] = {"principals", 5, 6, false},
	[KEY_OPTION_FROM] = {"from", 0, 0, false},
	[KEY_OPTION_EXPIRY_TIME] = {"expiry-time", 7, 7, false},
	[KEY_OPTION_ENVIRONMENT] = {"environment", 0, 0, false},
	[KEY_OPTION_PERMITOPEN] = {"permitopen", 0, 0, false},
	[KEY_OPTION_PERMITLISTEN] = {"permitlisten", 7, 8, false},
	[KEY_OPTION_TUNNEL] = {"tunnel", 0, 0, false},
	[KEY_OPTION_UTC] = {"expiry-time in UTC", 9, 1, false},
};

static int too_new(unsigned option, const struct sshd_version *server, struct error *error)
{
	char name[40];

	return error_set(error, ERROR_BAD_OPTION,
		"option %s: OpenSSH knows it from %u.%u on, and this machine has %s, which would "
		"drop the whole line",
		since[option].name, since[option].major, since[option].minor,
		sshd_version_name(server, name, sizeof(name)));
}

int key_options_check_known(
	const struct key_options *options, const struct sshd_version *server, struct error *error)
{
	char name[40];

	for (unsigned i = 0; i < KEY_OPTION_COUNT; i++) {
		if (!(options->used & 1U << i) || server->kind == SSHD_NONE)
			continue;
		if (server->kind == SSHD_DROPBEAR && !since[i].dropbear)
			return error_set(error, ERROR_BAD_OPTION,
				"option %s: this machine has %s, which does not know it",
				since[i].name, sshd_version_name(server, name, sizeof(name)));
		if (server->kind == SSHD_OPENSSH &&
			!sshd_version_is_openssh(server, since[i].major, since[i].minor))
			return too_new(i, server, error);
	}
	return 0;
}

/* The first release of each server that takes the type. */
static const struct {
	unsigned openssh[2], dropbear[2];
} types[] = {
	[PUBKEY_ED25519] = {{6, 5}, {2020, 79}},
	[PUBKEY_RSA] = {{0, 0}, {0, 0}},
	[PUBKEY_ECDSA] = {{5, 7}, {2013, 61}},
	[PUBKEY_SK_ED25519] = {{8, 2}, {2022, 82}},
	[PUBKEY_SK_ECDSA] = {{8, 2}, {2022, 82}},
	[PUBKEY_DSA] = {{0, 0}, {0, 0}},
	[PUBKEY_CERTIFICATE] = {{0, 0}, {0, 0}},
};

int pubkey_check_known(
	const struct pubkey *key, const struct sshd_version *server, struct error *error)
{
	const unsigned *first = server->kind == SSHD_DROPBEAR ? types[key->kind].dropbear
							      : types[key->kind].openssh;
	char name[40];

	sshd_version_name(server, name, sizeof(name));
	if (server->kind == SSHD_NONE)
		return 0;
	if (key->kind == PUBKEY_DSA)
		return error_set(error, ERROR_BAD_KEY,
			"%s takes no DSA keys; make one with: ssh-keygen -t ed25519", name);
	if (server->major > first[0] || (server->major == first[0] && server->minor >= first[1]))
		return 0;
	return error_set(error, ERROR_BAD_KEY,
		"%s keys work from %s %u.%u on, and this machine has %s", key->type,
		server->kind == SSHD_DROPBEAR ? "Dropbear" : "OpenSSH", first[0], first[1], name);
}

/* The local time that sshd, which reads it without summer time, takes for this moment. */
static bool local_time(time_t when, struct tm *parts)
{
	struct tm read;
	time_t meant;

	if (!localtime_r(&when, parts))
		return false;
	parts->tm_isdst = 0;
	read = *parts;
	meant = mktime(&read);
	/* Shifted as a plain calendar, which has no summer time of its own. */
	meant = timegm(parts) - (meant - when);
	if (!gmtime_r(&meant, parts))
		return false;
	parts->tm_isdst = 0;
	read = *parts;
	return mktime(&read) == when;
}

int key_expiry_render(time_t when, const struct sshd_version *server, char out[KEY_EXPIRY_SIZE],
	struct error *error)
{
	struct tm parts;

	*out = '\0';
	if (when <= 0 || when > LAST_TIME)
		return error_set(
			error, ERROR_BAD_OPTION, "a key can expire between 1970 and 9999 only");
	if (sshd_version_is_openssh(server, 9, 1)) {
		gmtime_r(&when, &parts);
		strftime(out, KEY_EXPIRY_SIZE, "expiry-time=\"%Y%m%d%H%M%SZ\"", &parts);
	} else if (sshd_version_is_openssh(server, 7, 7) && local_time(when, &parts)) {
		strftime(out, KEY_EXPIRY_SIZE, "expiry-time=\"%Y%m%d%H%M%S\"", &parts);
	}
	return 0;
}
