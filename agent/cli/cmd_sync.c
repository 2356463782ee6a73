/* `vastagent sync`: the keys of one person are exactly those of a file. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/key_text.h"
#include "cli/keys_client.h"
#include "cli/output.h"
#include "keys/import.h"
#include "keys/import_text.h"

/* The fingerprints of the keys in the text, as members of an object. NULL if it cannot
 * be read: adding it says why. */
static json_t *fingerprints_of(const struct buffer *text)
{
	char fingerprint[PUBKEY_FINGERPRINT_SIZE];
	struct import import;
	json_t *wanted = json_object();

	if (import_parse(text->data, text->length, false, &import, NULL) != 0) {
		json_decref(wanted);
		wanted = NULL;
	}
	for (size_t i = 0; wanted && i < import.key_count; i++) {
		pubkey_fingerprint(&import.keys[i].key, fingerprint);
		json_object_set_new(wanted, fingerprint, json_true());
	}
	import_free(&import);
	return wanted;
}

/* The keys that the name has now and that are not wanted. */
static json_t *surplus(const json_t *rows, const char *name, const json_t *wanted)
{
	json_t *found = json_object();
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *fingerprint = output_text(row, "fingerprint");
		const char *owner = output_text(row, "name"), *state = output_text(row, "state");

		if (fingerprint && owner && strcmp(owner, name) == 0 && state &&
			strcmp(state, "removed") != 0 && !json_object_get(wanted, fingerprint))
			json_object_set_new(found, fingerprint, json_true());
	}
	return found;
}

/* The members of an object of fingerprints, as an answer to a removal names them. */
static json_t *rows_of(json_t *fingerprints)
{
	json_t *rows = json_array(), *value;
	const char *fingerprint;

	json_object_foreach(fingerprints, fingerprint, value) {
		json_array_append_new(rows, json_pack("{ss}", "fingerprint", fingerprint));
	}
	return rows;
}

static int finish(const struct cli *cli, const json_t *added, const json_t *removed, int status)
{
	json_t *result;

	if (!cli->json) {
		if (added)
			keys_print_each(json_object_get(added, "added"),
				cli->dry_run ? "would add" : "added", added, "to");
		if (removed)
			keys_print_removed(removed);
		return status;
	}
	result = json_pack("{sO* sO*}", "added", added ? json_object_get(added, "added") : NULL,
		"removed", removed ? json_object_get(removed, "removed") : NULL);
	output_json(result);
	json_decref(result);
	return status;
}

/* First the new keys get in, then the old ones go: nobody is locked out in between. */
static int sync_keys(const struct cli *cli, const struct buffer *text)
{
	json_t *wanted = fingerprints_of(text), *old = NULL;
	json_t *keys = NULL, *added = NULL, *removed = NULL;
	struct error error;
	int status = keys_add_text(cli, text, &added);

	/* All that the name has would go. */
	if (status == EX_OK && !wanted)
		status = cli_fail(EX_OSERR, "out of memory");
	if (status == EX_OK && keys_ask(cli, NULL, &keys, &error) != 0)
		status = agent_report(&error);
	if (status == EX_OK) {
		old = surplus(json_object_get(keys, "keys"), cli->name, wanted);
		if (json_object_size(old) && cli->dry_run && cli->json)
			removed = json_pack("{so}", "removed", rows_of(old));
		else if (json_object_size(old) && cli->dry_run)
			output_line(
				"would remove %zu keys of %s", json_object_size(old), cli->name);
		else if (json_object_size(old))
			status = keys_remove_set(cli, old, &removed);
	}
	if (status == EX_OK || status == EX_TEMPFAIL)
		status = finish(cli, added, removed, status);
	json_decref(wanted);
	json_decref(old);
	json_decref(keys);
	json_decref(added);
	json_decref(removed);
	return status;
}

int cmd_sync(const struct cli *cli)
{
	struct buffer text = BUFFER_EMPTY;
	int status;

	if (!cli->name)
		return cli_fail(EX_USAGE, "sync needs --name: whose keys are to be these?");
	if (sodium_init() < 0)
		return cli_fail(EX_OSERR, "libsodium cannot start");
	status = key_text_collect(cli, &text);
	if (status == EX_OK)
		status = sync_keys(cli, &text);
	import_text_wipe(&text);
	return output_finish(status);
}
