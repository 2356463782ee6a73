/* Commands about keys. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/key_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "control/client.h"
#include "control/paths.h"
#include "keys/import.h"
#include "sys/instance.h"

/* "/v1/keys…?user=U…". The caller frees the result; NULL if out of memory. */
static char *keys_path(const struct cli *cli, const char *fingerprint)
{
	struct buffer path = BUFFER_EMPTY;
	char *user = control_encode(cli->user ? cli->user : "");
	char *argument = control_encode(fingerprint ? fingerprint : "");

	if (user && argument) {
		buffer_add_format(&path, "%s%s%s", CONTROL_KEYS, fingerprint ? "/" : "", argument);
		buffer_add_format(&path, "?foreign=%d&force=%d", cli->foreign, cli->force);
		if (*user)
			buffer_add_format(&path, "&user=%s", user);
	}
	free(user);
	free(argument);
	if (path.failed)
		buffer_free(&path);
	return path.data;
}

static int ask_keys(const struct cli *cli, json_t **answer, struct buffer *raw, struct error *error)
{
	char *path = keys_path(cli, NULL);
	const struct control_request request = {.method = "GET", .path = path, .raw = raw};
	int result = path ? agent_ask(cli, &request, answer, error)
			  : error_set(error, ERROR_INTERNAL, "out of memory");

	free(path);
	return result;
}

static int print_keys(const json_t *answer)
{
	static const char *const heads[] = {
		"STATE", "TYPE", "FINGERPRINT", "SOURCE", "LINE", "COMMENT", "WHY"};
	const json_t *list = json_object_get(answer, "keys"), *row;
	struct table *table = table_create(heads, 7);
	int result = table ? 0 : -1;
	char line[32];
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
					output_text(row, "comment"), output_text(row, "reason")});
	}
	printf("%s of %s:\n", output_text(answer, "file"), output_text(answer, "user"));
	if (result == 0 && json_array_size(list) == 0)
		puts("no keys: nobody can log in with one");
	else if (result == 0)
		table_print(table);
	table_destroy(table);
	return result;
}

int cmd_keys(const struct cli *cli)
{
	struct error error;
	struct buffer raw = BUFFER_EMPTY;
	json_t *answer = NULL;
	int status = EX_OK;

	if (cli->count)
		return cli_fail(EX_USAGE, "keys takes no '%s'; see: vastagent keys --help",
			cli->operands[0]);
	if (ask_keys(cli, &answer, cli->json ? &raw : NULL, &error) != 0)
		status = agent_report(&error);
	else if (cli->json)
		fwrite(raw.data, 1, raw.length, stdout);
	else if (print_keys(answer) != 0)
		status = cli_fail(EX_OSERR, "out of memory");
	buffer_free(&raw);
	json_decref(answer);
	return output_finish(status);
}

/* How to get in with a new key, as far as the instance knows it. */
static void print_connection(const char *user)
{
	char *port = instance_variable("VAST_TCP_PORT_22");
	char *address = instance_variable("PUBLIC_IPADDR");
	char id[64];

	if (port && address)
		printf("Connect with: ssh -p %s %s@%s\n", port, user, address);
	else if (instance_id(id, sizeof(id)) == 0)
		printf("The address to connect to: vastai ssh-url %s\n", id);
	free(port);
	free(address);
}

static void print_each(
	const json_t *list, const char *before, const json_t *answer, const char *after)
{
	const json_t *key;
	size_t i;

	json_array_foreach(list, i, key) {
		const char *comment = output_text(key, "comment");
		printf("%s %s%s%s %s %s (%s)\n", before, comment && *comment ? comment : "",
			comment && *comment ? " " : "", output_text(key, "fingerprint"), after,
			output_text(answer, "user"), output_text(answer, "file"));
	}
}

static void print_added(const struct cli *cli, const json_t *answer)
{
	const json_t *added = json_object_get(answer, "added");

	print_each(added, cli->dry_run ? "would add" : "added", answer, "to");
	print_each(json_object_get(answer, "existing"), "there already:", answer, "of");
	if (json_array_size(added) && !cli->dry_run)
		print_connection(output_text(answer, "user"));
	output_notes(json_object_get(answer, "notes"));
}

/* Each bad line on a line of its own. Returns the exit status. */
static int report_rejected(const json_t *answer, const struct error *error)
{
	const json_t *rejected = json_object_get(answer, "rejected"), *reject;
	size_t i;

	if (json_array_size(rejected) == 0)
		return agent_report(error);
	json_array_foreach(rejected, i, reject)
		cli_fail(0, "line %lld: %s",
			(long long)json_integer_value(json_object_get(reject, "line")),
			output_text(reject, "reason"));
	if (json_array_size(rejected) > 1)
		cli_fail(0, "nothing was added");
	return error_exit_status(error->code);
}

/* A private key must not leave this process. Returns 0, or an exit status. */
static int refuse_private(const struct cli *cli, const struct buffer *text)
{
	struct import import;
	struct error error = {0};
	int result = import_parse(text->data, text->length, cli->template, &import, &error);

	import_free(&import);
	return result != 0 && error.code == ERROR_PRIVATE_KEY ? agent_report(&error) : 0;
}

static json_t *pack_add(const struct cli *cli, const struct buffer *text)
{
	return json_pack("{ss% ss* ss* ss* sb sb}", "text", text->data, text->length, "user",
		cli->user, "name", cli->name, "origin", cli->template ? "template" : NULL,
		"dry_run", cli->dry_run, "force", cli->force);
}

static int add(const struct cli *cli, const struct buffer *text)
{
	json_t *body = pack_add(cli, text), *answer = NULL;
	const struct control_request request = {
		.method = "POST", .path = CONTROL_KEYS, .body = body};
	struct error error;
	int status = EX_OK;

	if (!body)
		return cli_fail(EX_OSERR, "out of memory");
	if (agent_ask(cli, &request, &answer, &error) != 0)
		status = cli->json && answer ? error_exit_status(error.code)
					     : report_rejected(answer, &error);
	else if (!cli->json)
		print_added(cli, answer);
	if (cli->json && answer)
		output_json(answer);
	json_decref(answer);
	json_decref(body);
	return status;
}

int cmd_addkey(const struct cli *cli)
{
	struct buffer text = BUFFER_EMPTY;
	int status;

	if (sodium_init() < 0)
		return cli_fail(EX_OSERR, "libsodium cannot start");
	status = key_text_collect(cli, &text);
	if (status == 0)
		status = refuse_private(cli, &text);
	if (status == 0)
		status = add(cli, &text);
	if (text.data)
		sodium_memzero(text.data, text.capacity);
	buffer_free(&text);
	return output_finish(status);
}

static bool equals(const json_t *row, const char *member, const char *wanted)
{
	const char *text = output_text(row, member);

	return text && strcmp(text, wanted) == 0;
}

static bool begins(const json_t *row, const char *member, const char *wanted)
{
	const char *text = output_text(row, member);

	return text && strncmp(text, wanted, strlen(wanted)) == 0;
}

/* Fingerprints of the rows that fit; a removed key fits nothing. */
static json_t *match(const json_t *rows, const char *member, const char *wanted,
	bool (*fits)(const json_t *, const char *, const char *))
{
	json_t *found = json_object();
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (fits(row, member, wanted) && !equals(row, "state", "removed") &&
			output_text(row, "fingerprint"))
			json_object_set_new(found, output_text(row, "fingerprint"),
				json_string(output_text(row, "comment")));
	return found;
}

/*
 * A fingerprint or its unique beginning; else a name, which may have several keys; else
 * a comment, which must be one key's. Returns fingerprints, or NULL if it is ambiguous.
 */
static json_t *select_keys(const json_t *rows, const char *selector)
{
	bool by_fingerprint = strncmp(selector, "SHA256:", 7) == 0;
	json_t *found = by_fingerprint ? match(rows, "fingerprint", selector, begins)
				       : match(rows, "name", selector, equals);
	const char *fingerprint;
	json_t *comment;

	if (!by_fingerprint && json_object_size(found))
		return found;
	if (!by_fingerprint) {
		json_decref(found);
		found = match(rows, "comment", selector, equals);
	}
	if (json_object_size(found) <= 1)
		return found;
	cli_fail(0, "'%s' fits several keys; say which by its fingerprint:", selector);
	json_object_foreach(found, fingerprint, comment)
		cli_fail(0, "  %s %s", fingerprint, json_string_value(comment));
	json_decref(found);
	return NULL;
}

/* Keeps the worse of two: what is not wholly done must show. */
static int worse(int a, int b)
{
	return a != EX_OK ? a : b;
}

static int remove_one(const struct cli *cli, const char *fingerprint, json_t *answers)
{
	char *path = keys_path(cli, fingerprint);
	const struct control_request request = {.method = "DELETE", .path = path};
	json_t *answer = NULL;
	struct error error;
	int status = EX_OK;

	if (!path)
		return cli_fail(EX_OSERR, "out of memory");
	if (agent_ask(cli, &request, &answer, &error) != 0) {
		status = agent_report(&error);
	} else {
		if (!cli->json) {
			print_each(json_object_get(answer, "removed"), "removed", answer, "from");
			output_notes(json_object_get(answer, "notes"));
		}
		if (json_is_false(json_object_get(answer, "complete")))
			status = EX_TEMPFAIL;
		json_array_append(answers, answer);
	}
	json_decref(answer);
	free(path);
	return status;
}

static int remove_selected(const struct cli *cli, const json_t *rows, json_t *answers)
{
	json_t *wanted = json_object(), *found, *comment;
	const char *fingerprint;
	int status = EX_OK;

	for (int i = 0; i < cli->count; i++)
		if (strncmp(cli->operands[i], "SHA256:", 7) == 0 && strlen(cli->operands[i]) < 11) {
			json_decref(wanted);
			return cli_fail(EX_USAGE, "give at least 4 characters of the fingerprint");
		}
	/* First everything is looked up: an ambiguous name removes nothing at all. */
	for (int i = 0; i < cli->count; i++) {
		found = select_keys(rows, cli->operands[i]);
		if (!found) {
			json_decref(wanted);
			return EX_USAGE;
		}
		if (json_object_size(found) == 0)
			cli_fail(0, "nothing to do: no key fits '%s' (vastagent keys lists them)",
				cli->operands[i]);
		json_object_update(wanted, found);
		json_decref(found);
	}
	json_object_foreach(wanted, fingerprint, comment)
		status = worse(status, remove_one(cli, fingerprint, answers));
	json_decref(wanted);
	return status;
}

int cmd_rmkey(const struct cli *cli)
{
	json_t *answer = NULL, *answers = json_array(), *result;
	struct error error;
	int status;

	if (cli->count == 0) {
		json_decref(answers);
		return cli_fail(EX_USAGE, "rmkey needs a fingerprint, a name or a comment");
	}
	if (ask_keys(cli, &answer, NULL, &error) != 0)
		status = agent_report(&error);
	else
		status = remove_selected(cli, json_object_get(answer, "keys"), answers);
	if (cli->json && answer) {
		result = json_pack("{sO}", "answers", answers);
		output_json(result);
		json_decref(result);
	}
	json_decref(answer);
	json_decref(answers);
	return output_finish(status);
}
