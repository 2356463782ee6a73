/* `vastagent hostkeys`: what ssh asks about at the first connection. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/reach.h"
#include "cli/table.h"
#include "keys/line.h"
#include "sys/account.h"
#include "sys/sshd_settings.h"
#include "sys/statefile.h"

#define PUBLIC_LIMIT (64 * 1024)

/* sshd_config(5), HostKey: what is used where none is named, in sshd's order. */
static const char *const defaults[] = {"/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_ecdsa_key",
	"/etc/ssh/ssh_host_ed25519_key"};

#define DEFAULT_COUNT (sizeof(defaults) / sizeof(defaults[0]))

/* known_hosts(5): the name in brackets, with the port, unless that is 22. */
static json_t *pack_known_host(const struct reach *reach, const struct pubkey *key)
{
	char *base64 = pubkey_base64(key);
	json_t *line = NULL;

	if (base64 && reach->direct && reach->port == 22)
		line = json_sprintf("%s %s %s", reach->host, key->type, base64);
	else if (base64 && reach->direct)
		line = json_sprintf("[%s]:%ld %s %s", reach->host, reach->port, key->type, base64);
	free(base64);
	return line ? line : json_null();
}

static json_t *pack_key(const char *path, const struct reach *reach, const struct key_line *line)
{
	char fingerprint[PUBKEY_FINGERPRINT_SIZE];

	pubkey_fingerprint(&line->key, fingerprint);
	return json_pack("{ss ss sI ss so}", "fingerprint", fingerprint, "type", line->key.type,
		"bits", (json_int_t)line->key.bits, "file", path, "known_hosts",
		pack_known_host(reach, &line->key));
}

/* The first line of a public half. NULL if there is no such file, or it holds no key. */
static json_t *read_key(const char *path, const struct reach *reach)
{
	struct buffer text = BUFFER_EMPTY;
	struct key_line line = {0};
	json_t *key = NULL;
	bool exists = false;

	if (statefile_read(path, PUBLIC_LIMIT, &text, &exists, NULL) == 0 && exists) {
		key_line_parse(buffer_string(&text), strcspn(buffer_string(&text), "\n"), &line);
		if (line.kind == KEY_LINE_KEY)
			key = pack_key(path, reach, &line);
		key_line_free(&line);
	}
	buffer_free(&text);
	return key;
}

/*
 * A HostKey names the private half, which is not opened, or a public one if an agent holds
 * the other (sshd_config(5)).
 */
static void add_key(json_t *keys, json_t *notes, const char *setting, const struct reach *reach)
{
	size_t length = strlen(setting);
	bool is_public = length > 4 && strcmp(setting + length - 4, ".pub") == 0;
	char path[4096];
	json_t *key;

	snprintf(path, sizeof(path), "%s%s", setting, is_public ? "" : ".pub");
	key = read_key(path, reach);
	if (key)
		json_array_append_new(keys, key);
	else if (access(setting, F_OK) == 0)
		json_array_append_new(notes,
			json_sprintf("%s cannot be read as a public key; root writes it with: "
				     "ssh-keygen -y -f %s >%s",
				path, setting, path));
}

static void collect(
	const struct account *account, const struct reach *reach, json_t *keys, json_t *notes)
{
	struct sshd_settings settings;
	const char *path;

	sshd_settings_read(&settings, account, NULL);
	for (size_t i = 0; (path = sshd_settings_nth(&settings, "HostKey", i)); i++)
		add_key(keys, notes, path, reach);
	for (size_t i = 0; i < DEFAULT_COUNT && !sshd_settings_get(&settings, "HostKey"); i++)
		add_key(keys, notes, defaults[i], reach);
	sshd_settings_free(&settings);
}

/* As ssh's question names it: "ED25519 key fingerprint is …". */
static const char *short_type(const char *type)
{
	static const char *const names[][2] = {{"ssh-ed25519", "ED25519"}, {"ssh-rsa", "RSA"},
		{"ssh-dss", "DSA"}, {"ecdsa-sha2-", "ECDSA"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(type, names[i][0], strlen(names[i][0])) == 0)
			return names[i][1];
	return type;
}

static int print_keys(const json_t *keys)
{
	static const char *const heads[] = {"FINGERPRINT", "TYPE", "BITS", "FILE"};
	struct table *table = table_create(heads, 4);
	int result = table ? 0 : -1;
	const json_t *key;
	char bits[32];
	size_t i;

	json_array_foreach(keys, i, key) {
		snprintf(bits, sizeof(bits), "%lld",
			(long long)json_integer_value(json_object_get(key, "bits")));
		if (result == 0)
			result = table_add(
				table, (const char *const[]){output_text(key, "fingerprint"),
					       short_type(output_text(key, "type")), bits,
					       output_text(key, "file")});
	}
	if (result == 0)
		table_print(table);
	table_destroy(table);
	return result == 0 ? EX_OK : cli_fail(EX_OSERR, "out of memory");
}

static int print_known_hosts(const json_t *keys, const struct reach *reach)
{
	char why[512];
	const json_t *key;
	size_t i;

	if (!reach->direct) {
		reach_explain(reach, why, sizeof(why));
		return cli_fail(EX_UNAVAILABLE, "%s", why);
	}
	json_array_foreach(keys, i, key)
		puts(output_text(key, "known_hosts"));
	return EX_OK;
}

int cmd_hostkeys(const struct cli *cli)
{
	json_t *keys = json_array(), *notes = json_array();
	struct account account = {0};
	struct reach reach;
	struct error error;
	int status = EX_OK;

	if (cli->count)
		status = cli_fail(EX_USAGE, "hostkeys takes no '%s'", cli->operands[0]);
	else if (sodium_init() < 0 || !keys || !notes)
		status = cli_fail(EX_OSERR, "out of memory");
	else if (account_by_uid(geteuid(), &account, &error) != 0)
		status = agent_report(&error);
	if (status != EX_OK)
		goto out;
	reach_read(&reach);
	collect(&account, &reach, keys, notes);
	if (!json_array_size(keys))
		status = cli_fail(EX_UNAVAILABLE,
			"sshd has no host keys yet: it gets them at its first start, or with "
			"ssh-keygen -A");
	else if (cli->json)
		output_json_steal(json_pack("{sO sO}", "host_keys", keys, "notes", notes));
	else
		status = cli->known_hosts ? print_known_hosts(keys, &reach) : print_keys(keys);
	if (!cli->json)
		output_notes(notes);
out:
	account_free(&account);
	json_decref(keys);
	json_decref(notes);
	return output_finish(status);
}
