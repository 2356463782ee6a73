#include "cli/keys_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/table.h"
#include "control/client.h"
#include "control/paths.h"
#include "keys/import.h"

/* "SHA256:" and enough to mean something. */
#define FINGERPRINT_MIN 11

/* "/v1/keys…?user=U…". The caller frees the result; NULL if out of memory. */
static char *keys_path(const struct cli *cli, const char *fingerprint)
{
	struct buffer path = BUFFER_EMPTY;
	char *user = control_encode(cli->user ? cli->user : "");
	char *argument = control_encode(fingerprint ? fingerprint : "");

	if (user && argument) {
		buffer_add_format(&path, "%s%s%s", CONTROL_KEYS, fingerprint ? "/" : "", argument);
		buffer_add_format(&path, "?foreign=%d&force=%d&platform_bytes=%d", cli->foreign,
			cli->force, cli->platform_bytes);
		if (*user)
			buffer_add_format(&path, "&user=%s", user);
	}
	free(user);
	free(argument);
	if (path.failed)
		buffer_free(&path);
	return path.data;
}

int keys_ask(const struct cli *cli, FILE *raw, json_t **answer, struct error *error)
{
	char *path = keys_path(cli, NULL);
	const struct control_request request = {.method = "GET", .path = path, .raw = raw};
	int result = path ? agent_ask(cli, &request, answer, error)
			  : error_set(error, ERROR_INTERNAL, "out of memory");

	free(path);
	return result;
}

void keys_print_each(
	const json_t *list, const char *before, const json_t *answer, const char *after)
{
	const json_t *key;
	size_t i;

	json_array_foreach(list, i, key) {
		const char *comment = output_text(key, "comment");
		output_line("%s %s%s%s %s %s (%s)", before, comment && *comment ? comment : "",
			comment && *comment ? " " : "", output_text(key, "fingerprint"), after,
			output_text(answer, "user"), output_text(answer, "file"));
	}
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

/* "2026-12-31T18:00:00", its beginning, a blank for the T, and Z for UTC. */
static int parse_until(const char *text, time_t *when)
{
	static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
		"%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm parts = {.tm_isdst = -1};
		const char *end = strptime(text, formats[i], &parts);

		if (!end || (*end && strcmp(end, "Z") != 0))
			continue;
		*when = *end ? timegm(&parts) : mktime(&parts);
		return 0;
	}
	return -1;
}

/* The options of the request that say how long and from where. Returns an exit status. */
static int add_limits(const struct cli *cli, json_t *body)
{
	struct buffer options = BUFFER_EMPTY;
	char text[32];
	long seconds = 0;
	time_t when = 0;
	bool failed;

	if (cli->duration && cli->until)
		return cli_fail(EX_USAGE, "--for and --until do not go together");
	if (cli->duration && text_parse_duration(cli->duration, &seconds) != 0)
		return cli_fail(EX_USAGE, "--for takes a length of time, as 90s, 10m, 8h or 2d");
	if (cli->until && parse_until(cli->until, &when) != 0)
		return cli_fail(
			EX_USAGE, "--until takes a time, as 2026-12-31T18:00 or 2026-12-31");
	if (cli->from && strpbrk(cli->from, "\"\\\n"))
		return cli_fail(EX_USAGE, "--from takes addresses and networks without quotes");
	if (cli->duration)
		json_object_set_new(body, "ttl", json_integer(seconds));
	if (cli->until)
		json_object_set_new(
			body, "expires", json_string(text_time(text, sizeof(text), when)));
	if (cli->from)
		buffer_add_format(&options, "from=\"%s\"", cli->from);
	if (cli->options)
		buffer_add_format(&options, "%s%s", options.length ? "," : "", cli->options);
	failed = options.failed;
	if (options.length && !failed)
		json_object_set_new(body, "options", json_string(options.data));
	buffer_free(&options);
	return failed ? cli_fail(EX_OSERR, "out of memory") : EX_OK;
}

static json_t *pack_add(const struct cli *cli, const struct buffer *text)
{
	return json_pack("{ss% ss* ss* ss* sb sb}", "text", text->data, text->length, "user",
		cli->user, "name", cli->name, "origin", cli->template ? "template" : NULL,
		"dry_run", cli->dry_run, "force", cli->force);
}

int keys_add_text(const struct cli *cli, const struct buffer *text, json_t **answer)
{
	json_t *body = NULL;
	struct error error;
	int status = refuse_private(cli, text);

	*answer = NULL;
	if (status != EX_OK)
		return status;
	body = pack_add(cli, text);
	if (!body)
		return cli_fail(EX_OSERR, "out of memory");
	status = add_limits(cli, body);
	const struct control_request request = {
		.method = "POST", .path = CONTROL_KEYS, .body = body};
	if (status == EX_OK && agent_ask(cli, &request, answer, &error) != 0)
		status = cli->json && *answer ? error_exit_status(error.code)
					      : report_rejected(*answer, &error);
	json_decref(body);
	return status;
}

static bool equals(const json_t *row, const char *member, const char *wanted)
{
	const char *text = output_text(row, member);

	return text && strcmp(text, wanted) == 0;
}

/* Also as a table shows what it cut: "SHA256:Abc…". */
static bool begins(const json_t *row, const char *member, const char *wanted)
{
	const char *text = output_text(row, member), *cut = strstr(wanted, TABLE_CUT);
	size_t length = cut && !cut[strlen(TABLE_CUT)] ? (size_t)(cut - wanted) : strlen(wanted);

	return text && strncmp(text, wanted, length) == 0;
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

json_t *keys_select(const json_t *rows, const char *selector)
{
	bool by_fingerprint = strncmp(selector, "SHA256:", 7) == 0;
	json_t *found = by_fingerprint ? match(rows, "fingerprint", selector, begins)
				       : match(rows, "name", selector, equals);
	const char *fingerprint;
	json_t *comment;

	if (by_fingerprint && strcspn(selector, TABLE_CUT) < FINGERPRINT_MIN) {
		json_decref(found);
		cli_fail(0, "'%s': give at least 4 characters of the fingerprint", selector);
		return NULL;
	}
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

/* The members' names with commas between them; NULL for none, or out of memory. */
static char *join(const json_t *fingerprints)
{
	struct buffer list = BUFFER_EMPTY;
	const char *fingerprint;
	json_t *comment;

	json_object_foreach((json_t *)fingerprints, fingerprint, comment)
		buffer_add_format(&list, "%s%s", list.length ? "," : "", fingerprint);
	if (list.failed)
		buffer_free(&list);
	return list.data;
}

int keys_remove_set(const struct cli *cli, const json_t *fingerprints, json_t **answer)
{
	char *list = join(fingerprints), *path = list ? keys_path(cli, list) : NULL;
	const struct control_request request = {.method = "DELETE", .path = path};
	struct error error;
	int status = EX_OK;

	*answer = NULL;
	if (!path)
		status = cli_fail(EX_OSERR, "out of memory");
	else if (agent_ask(cli, &request, answer, &error) != 0)
		status = agent_report(&error);
	else if (json_is_false(json_object_get(*answer, "complete")))
		status = EX_TEMPFAIL;
	free(list);
	free(path);
	return status;
}

static void print_sessions(const json_t *pids)
{
	const json_t *pid;
	size_t i;

	if (!json_array_size(pids))
		return;
	printf("sessions that are open stay open (end one with kill PID):");
	json_array_foreach(pids, i, pid)
		printf(" %lld", (long long)json_integer_value(pid));
	putchar('\n');
}

void keys_print_removed(const json_t *answer)
{
	const json_t *swept = json_object_get(answer, "swept"), *other;
	size_t i;

	keys_print_each(json_object_get(answer, "removed"), "removed", answer, "from");
	json_array_foreach(swept, i, other)
		keys_print_each(json_object_get(other, "removed"), "removed", other, "also from");
	print_sessions(json_object_get(answer, "sessions"));
	output_notes(json_object_get(answer, "notes"));
}
