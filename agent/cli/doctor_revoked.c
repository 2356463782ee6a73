/* RevokedKeys: a list of keys, which is read here, or a KRL, about which ssh-keygen is asked. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/doctor.h"
#include "cli/doctor_checks.h"
#include "keys/view.h"
#include "sys/process.h"
#include "sys/statefile.h"

#define REVOKED_LIMIT (8 * 1024 * 1024)
#define KRL_MAGIC     "SSHKRL\n" /* OpenSSH's PROTOCOL.krl */
#define KEYGEN        "/usr/bin/ssh-keygen"
#define KEYGEN_ASKED  50 /* keys at most: each is a process */
#define KEYGEN_MS     3000
#define KEYGEN_OUTPUT 4096
#define SERVER_FILE   256

/* The text of RevokedKeys. Returns NULL if there is none; *problem says what is wrong. */
static const char *read_revoked(
	const struct doctor *doctor, struct buffer *text, struct error *error)
{
	const char *path = sshd_settings_get(&doctor->settings, "RevokedKeys");
	bool exists = false;

	*error = (struct error){0};
	if (!path || strcasecmp(path, "none") == 0)
		return NULL;
	if (statefile_read(path, REVOKED_LIMIT, text, &exists, error) == 0 && !exists)
		error_set(error, ERROR_NOT_FOUND, "%s is not there", path);
	return path;
}

/* Keeps the keys of the list; it has a key a line, with or without options. */
static void take_revoked(struct doctor *doctor, const struct buffer *text)
{
	struct view_walk walk = {.end = text->length};
	struct view_line line = {0};
	struct pubkey *grown;
	struct view view;

	view_begin(buffer_string(text), text->length, "", &view);
	while (view_next(&view, &walk, &line)) {
		if (!line.parsed.key.blob)
			continue;
		grown = reallocarray(doctor->revoked, doctor->revoked_count + 1, sizeof(*grown));
		if (!grown) {
			doctor->failed = true;
			continue;
		}
		doctor->revoked = grown;
		grown[doctor->revoked_count++] = line.parsed.key;
		line.parsed.key = (struct pubkey){0};
	}
}

/* Exit status of `ssh-keygen -Q`: 0, 1 if the key of that file (or NULL) is revoked, 255 if
 * it cannot read the one or the other; or -1. */
static int ask_keygen(const char *krl, const char *file)
{
	struct buffer output = BUFFER_EMPTY;
	int status = process_capture((const char *const[]){KEYGEN, "-Q", "-f", krl, file, NULL},
		NULL, KEYGEN_MS, KEYGEN_OUTPUT, &output, NULL);

	buffer_free(&output);
	return status;
}

/* The key reaches ssh-keygen as a file without a name. */
static bool is_in_krl(const char *krl, const struct pubkey *key)
{
	char *base64 = pubkey_base64(key), path[64];
	int fd = memfd_create("key", MFD_CLOEXEC);
	bool revoked = false;

	snprintf(path, sizeof(path), "/proc/%ld/fd/%d", (long)getpid(), fd);
	if (base64 && fd >= 0 && dprintf(fd, "%s %s\n", key->type, base64) > 0)
		revoked = ask_keygen(krl, path) == 1;
	if (fd >= 0)
		close(fd);
	free(base64);
	return revoked;
}

bool doctor_is_revoked(struct doctor *doctor, const struct pubkey *key)
{
	for (size_t i = 0; i < doctor->revoked_count; i++)
		if (pubkey_equal(&doctor->revoked[i], key))
			return true;
	if (!doctor->krl || doctor->krl_asked > KEYGEN_ASKED)
		return false;
	if (doctor->krl_asked++ < KEYGEN_ASKED)
		return is_in_krl(doctor->krl, key);
	doctor_add(doctor, DOCTOR_WARN, "sshd.revoked", NULL,
		"RevokedKeys %s: only %d keys were held against it", doctor->krl, KEYGEN_ASKED);
	return false;
}

static void check_krl(struct doctor *doctor, const char *path, const char *where)
{
	int status = access(KEYGEN, X_OK) == 0 ? ask_keygen(path, NULL) : -1;

	if (status == 0)
		doctor->krl = path;
	else if (status == 255)
		doctor_block(doctor, "sshd.revoked", NULL,
			"RevokedKeys %s%s is a KRL that is damaged: with it sshd takes no key; put "
			"a good copy there",
			path, where);
	else
		doctor_add(doctor, DOCTOR_WARN, "sshd.revoked", NULL,
			"RevokedKeys %s%s is a KRL: not checked: " KEYGEN " did not answer", path,
			where);
}

void doctor_check_revoked(struct doctor *doctor)
{
	struct buffer text = BUFFER_EMPTY;
	struct error error;
	const char *path = read_revoked(doctor, &text, &error);
	char where[SERVER_FILE];

	doctor_where(doctor, "RevokedKeys", where, sizeof(where));
	if (path && error.code != ERROR_NONE && !doctor->root)
		doctor_add(doctor, DOCTOR_WARN, "sshd.revoked", NULL,
			"RevokedKeys %s%s: not checked: needs root", path, where);
	else if (path && error.code == ERROR_NOT_FOUND)
		doctor_block(doctor, "sshd.revoked", doctor_fix("touch %s", path),
			"RevokedKeys %s%s is missing, and without it sshd takes no key", path,
			where);
	else if (path && error.code != ERROR_NONE)
		doctor_add(doctor, DOCTOR_WARN, "sshd.revoked", NULL,
			"RevokedKeys%s: not checked: %s", where, error.message);
	else if (path && text.length >= strlen(KRL_MAGIC) &&
		 memcmp(text.data, KRL_MAGIC, strlen(KRL_MAGIC)) == 0)
		check_krl(doctor, path, where);
	else if (path)
		take_revoked(doctor, &text);
	buffer_free(&text);
}
