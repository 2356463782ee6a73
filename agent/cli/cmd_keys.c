/* Commands about keys. */
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/key_text.h"
#include "cli/keys_client.h"
#include "cli/output.h"
#include "cli/reach.h"
#include "cli/table.h"
#include "control/client.h"
#include "control/paths.h"
#include "keys/import.h"
#include "keys/import_text.h"
#include "keys/options.h"

static bool is_authority(const char *text)
{
	struct key_options options = {0};

	return text && key_options_parse(text, strlen(text), &options, NULL) == 0 &&
	       options.cert_authority;
}

/* Why sshd does not take a line; else whom it lets in beside the key, or until when. */
static const char *remark(const json_t *row, char *until, size_t size)
{
	const char *reason = output_text(row, "reason"), *expires = output_text(row, "expires");

	if (!reason && is_authority(output_text(row, "options")))
		return "cert-authority: lets in every key that it signed";
	if (reason || !expires)
		return reason;
	snprintf(until, size, "until %s", expires);
	return until;
}

static int print_keys(const json_t *answer)
{
	static const char *const heads[] = {
		"STATE", "TYPE", "FINGERPRINT", "SOURCE", "LINE", "COMMENT", "REMARK"};
	const json_t *list = json_object_get(answer, "keys"), *row;
	struct table *table = table_create(heads, 7);
	int result = table ? 0 : -1;
	char line[32], until[48];
	size_t i;

	json_array_foreach(list, i, row) {
		const json_t *number = json_object_get(row, "line");
		bool pinned = json_is_true(json_object_get(row, "pinned"));

		snprintf(line, sizeof(line), json_is_integer(number) ? "%lld" : "-",
			(long long)json_integer_value(number));
		if (result == 0)
			result = table_add(table,
				(const char *const[]){output_text(row, "state"),
					output_text(row, "type"), output_text(row, "fingerprint"),
					pinned ? "foreign, kept" : output_text(row, "source"), line,
					output_text(row, "comment"),
					remark(row, until, sizeof(until))});
	}
	output_line("%s of %s:", output_text(answer, "file"), output_text(answer, "user"));
	if (result == 0 && json_array_size(list) == 0)
		puts("no keys: nobody can log in with one");
	else if (result == 0)
		table_print(table);
	output_notes(json_object_get(answer, "notes"));
	table_destroy(table);
	return result;
}

/* The documented recovery of an instance's API key hashes what the platform wrote. */
static int print_bytes(const json_t *answer)
{
	const char *base64 = output_text(answer, "base64");
	size_t length = base64 ? strlen(base64) : 0;
	unsigned char *bytes = malloc(length + 1);
	int status = EX_OK;

	if (!bytes || !base64 ||
		sodium_base642bin(bytes, length + 1, base64, length, NULL, &length, NULL,
			sodium_base64_VARIANT_ORIGINAL) != 0)
		status = cli_fail(EX_SOFTWARE, "the agent's answer holds no bytes");
	else
		fwrite(bytes, 1, length, stdout);
	free(bytes);
	return status;
}

/*
 * JSON goes from the agent to a file as it is, while it comes. Other output may be slow to
 * be read (a pager), for which no agent waits: there it is held until it is whole.
 */
static int ask_json(const struct cli *cli, struct error *error)
{
	struct stat what;
	bool is_file = fstat(STDOUT_FILENO, &what) == 0 && S_ISREG(what.st_mode);
	json_t *answer = NULL;
	char *text = NULL;
	size_t length = 0;
	FILE *raw = is_file ? stdout : open_memstream(&text, &length);
	int result = raw ? keys_ask(cli, raw, &answer, error)
			 : error_set_errno(error, ERROR_INTERNAL, "cannot hold the list");

	if (raw && !is_file && fclose(raw) != 0 && result == 0)
		result = error_set(error, ERROR_INTERNAL, "out of memory");
	if (result == 0 && !is_file)
		fwrite(text, 1, length, stdout);
	free(text);
	json_decref(answer);
	return result;
}

/* One account of several: printed, or kept in list. Returns an exit status. */
static int list_one(const struct cli *cli, json_t *list)
{
	struct error error;
	json_t *answer = NULL;
	int status = EX_OK;

	if (keys_ask(cli, NULL, &answer, &error) != 0)
		status = agent_report(&error);
	else if (cli->json ? json_array_append(list, answer) != 0 : print_keys(answer) != 0)
		status = cli_fail(EX_OSERR, "out of memory");
	json_decref(answer);
	return status;
}

/* Those that the agent looks after. What fails with one is said, and the others follow. */
static int list_all(const struct cli *cli)
{
	const struct control_request request = {.method = "GET", .path = CONTROL_STATUS};
	struct cli one = *cli;
	const json_t *accounts, *account;
	json_t *agent = NULL, *list = json_array();
	struct error error;
	int status = EX_OK, last;
	size_t i;

	if (agent_ask(cli, &request, &agent, &error) != 0) {
		json_decref(list);
		return agent_report(&error);
	}
	accounts = json_object_get(agent, "accounts");
	/* Whoever is not root has one. */
	if (json_array_size(accounts) == 0)
		status = list_one(cli, list);
	json_array_foreach(accounts, i, account) {
		one.user = output_text(account, "user");
		if (i > 0 && !cli->json)
			putchar('\n');
		last = list_one(&one, list);
		status = status ? status : last;
	}
	if (cli->json && (status == EX_OK || json_array_size(list) > 0))
		output_json_steal(json_pack("{sO}", "accounts", list));
	json_decref(list);
	json_decref(agent);
	return output_finish(status);
}

int cmd_keys(const struct cli *cli)
{
	bool is_passed_on = cli->json && !isatty(STDOUT_FILENO);
	struct error error;
	json_t *answer = NULL;
	int status = EX_OK;

	if (cli->count)
		return cli_fail(EX_USAGE, "keys takes no '%s'; see: vastagent keys --help",
			cli->operands[0]);
	if (cli->all && (cli->user || cli->platform_bytes))
		return cli_fail(EX_USAGE, "--all goes with neither --user nor --platform-bytes");
	if (cli->all)
		return list_all(cli);
	/* For a terminal it is made safe to show. */
	if ((is_passed_on ? ask_json(cli, &error) : keys_ask(cli, NULL, &answer, &error)) != 0)
		status = agent_report(&error);
	else if (cli->json && !is_passed_on)
		output_json(answer);
	else if (!cli->json && cli->platform_bytes)
		status = print_bytes(answer);
	else if (!cli->json && print_keys(answer) != 0)
		status = cli_fail(EX_OSERR, "out of memory");
	json_decref(answer);
	return output_finish(status);
}

/* How to get in with a new key, as far as the instance knows it. */
static void print_connection(const char *user)
{
	struct reach reach;

	reach_read(&reach);
	if (reach.direct)
		output_line("Connect with: ssh -p %ld %s@%s", reach.port, user, reach.host);
	else if (*reach.id)
		output_line("The address to connect to: vastai ssh-url %s", reach.id);
}

static void print_added(const struct cli *cli, const json_t *answer)
{
	const json_t *added = json_object_get(answer, "added");

	keys_print_each(added, cli->dry_run ? "would add" : "added", answer, "to");
	keys_print_each(json_object_get(answer, "existing"), "there already:", answer, "of");
	if (json_array_size(added) && !cli->dry_run)
		print_connection(output_text(answer, "user"));
	output_notes(json_object_get(answer, "notes"));
}

int cmd_addkey(const struct cli *cli)
{
	struct buffer text = BUFFER_EMPTY;
	json_t *answer = NULL;
	int status;

	if (sodium_init() < 0)
		return cli_fail(EX_OSERR, "libsodium cannot start");
	status = key_text_collect(cli, &text);
	if (status == EX_OK)
		status = keys_add_text(cli, &text, &answer);
	if (cli->json && answer)
		output_json(answer);
	else if (status == EX_OK)
		print_added(cli, answer);
	json_decref(answer);
	import_text_wipe(&text);
	return output_finish(status);
}

/* Every key that is vastagent's: what --all takes away. */
static json_t *select_all(const json_t *rows)
{
	json_t *found = json_object();
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *state = output_text(row, "state");

		if (output_text(row, "origin") && state && strcmp(state, "removed") != 0)
			json_object_set_new(found, output_text(row, "fingerprint"),
				json_string(output_text(row, "comment")));
	}
	return found;
}

/* Whether the account has such a key, which is said. */
static bool is_of(const struct cli *cli, const char *user, const char *selector)
{
	struct cli one = *cli;
	json_t *answer = NULL, *found = NULL;
	struct error error;
	bool has;

	one.user = user;
	if (keys_ask(&one, NULL, &answer, &error) == 0)
		found = keys_select(json_object_get(answer, "keys"), selector);
	has = json_object_size(found) > 0;
	if (has)
		cli_fail(0, "'%s' fits no key of root, but one of %s: vastagent rmkey --user %s %s",
			selector, user, user, selector);
	json_decref(found);
	json_decref(answer);
	return has;
}

/* Whoever was added to another account only is not gone because root has no such key. */
static bool is_elsewhere(const struct cli *cli, const char *selector)
{
	const struct control_request request = {.method = "GET", .path = CONTROL_STATUS};
	const json_t *account;
	json_t *agent = NULL;
	struct error error;
	bool found = false;
	const char *user;
	size_t i;

	if (geteuid() == 0 && !cli->user && agent_ask(cli, &request, &agent, &error) == 0)
		json_array_foreach(json_object_get(agent, "accounts"), i, account) {
			user = output_text(account, "user");
			if (user && strcmp(user, "root") != 0 && is_of(cli, user, selector))
				found = true;
		}
	json_decref(agent);
	return found;
}

/* First everything is looked up: an ambiguous name removes nothing at all. */
static json_t *select_operands(const struct cli *cli, const json_t *rows, int *status)
{
	json_t *wanted = json_object(), *found;

	for (int i = 0; i < cli->count; i++) {
		found = keys_select(rows, cli->operands[i]);
		if (!found) {
			json_decref(wanted);
			return NULL;
		}
		if (json_object_size(found) == 0 && is_elsewhere(cli, cli->operands[i]))
			*status = EX_TEMPFAIL;
		else if (json_object_size(found) == 0)
			cli_fail(0, "nothing to do: no key fits '%s' (vastagent keys lists them)",
				cli->operands[i]);
		json_object_update(wanted, found);
		json_decref(found);
	}
	return wanted;
}

/* The shape of a removal, for scripts that read what there was to remove. */
static json_t *nothing_removed(const json_t *keys)
{
	return json_pack("{sO sO s[] s[] sb s[] s[] s[]}", "user", json_object_get(keys, "user"),
		"file", json_object_get(keys, "file"), "removed", "left", "complete", 1, "notes",
		"sessions", "swept");
}

int cmd_rmkey(const struct cli *cli)
{
	json_t *keys = NULL, *wanted = NULL, *answer = NULL;
	struct error error;
	int status = EX_OK, missed = EX_OK;

	if (cli->all ? cli->count > 0 : cli->count == 0)
		return cli_fail(
			EX_USAGE, "rmkey needs a fingerprint, a name or a comment, or --all");
	if (keys_ask(cli, NULL, &keys, &error) != 0) {
		status = agent_report(&error);
	} else {
		const json_t *rows = json_object_get(keys, "keys");

		wanted = cli->all ? select_all(rows) : select_operands(cli, rows, &missed);
		if (!wanted)
			status = EX_USAGE;
		else if (json_object_size(wanted))
			status = keys_remove_set(cli, wanted, &answer);
		else if (cli->all)
			cli_fail(0, "nothing to do: vastagent keeps no key there");
		if (cli->json && wanted && !json_object_size(wanted))
			answer = nothing_removed(keys);
		status = status ? status : missed;
	}
	if (answer && cli->json)
		output_json(answer);
	else if (answer && (status == EX_OK || status == EX_TEMPFAIL))
		keys_print_removed(answer);
	json_decref(keys);
	json_decref(wanted);
	json_decref(answer);
	return output_finish(status);
}

int cmd_undo(const struct cli *cli)
{
	json_t *body = json_pack("{ss*}", "user", cli->user), *answer = NULL;
	const struct control_request request = {
		.method = "POST", .path = CONTROL_UNDO, .body = body};
	struct error error;
	int status = EX_OK;

	if (cli->count)
		status = cli_fail(EX_USAGE, "undo takes no '%s'", cli->operands[0]);
	else if (agent_ask(cli, &request, &answer, &error) != 0)
		status = agent_report(&error);
	else if (cli->json)
		output_json(answer);
	else
		keys_print_each(json_object_get(answer, "added"), "brought back", answer, "to");
	if (cli->json && status == EX_OK && !output_has_answered())
		output_json_steal(json_pack("{s[] s[s]}", "added", "notes", error.message));
	json_decref(body);
	json_decref(answer);
	return output_finish(status);
}
