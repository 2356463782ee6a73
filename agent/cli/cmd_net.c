/* Commands that show SSH sessions, forwards and services. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "control/client.h"
#include "control/paths.h"

/* Asks a route and shows its answer: as JSON, or by print. Returns an exit status. */
static int show(const struct cli *cli, const char *path, int (*print)(const json_t *answer))
{
	const struct control_request request = {.method = "GET", .path = path};
	json_t *answer = NULL;
	struct error error;
	int status = EX_OK;

	if (cli->count)
		return cli_fail(EX_USAGE, "%s takes no '%s'; see: vastagent %s --help",
			cli->command, cli->operands[0], cli->command);
	if (cli->watch)
		return watch_run(cli, path, print);
	if (agent_ask(cli, &request, &answer, &error) != 0)
		status = agent_report(&error);
	else if (cli->json)
		output_json(answer);
	else if (print(answer) != 0)
		status = cli_fail(EX_OSERR, "out of memory");
	json_decref(answer);
	return output_finish(status);
}

static void number_text(char *out, size_t size, const json_t *number)
{
	if (json_is_integer(number))
		snprintf(out, size, "%lld", (long long)json_integer_value(number));
	else
		snprintf(out, size, "-");
}

/* "ssh_tmux (3 windows)", or "" without tmux. */
static void tmux_text(char *out, size_t size, const json_t *row)
{
	const char *session = output_text(row, "tmux");
	long long windows = json_integer_value(json_object_get(row, "windows"));

	out[0] = '\0';
	if (session)
		snprintf(
			out, size, "%s (%lld window%s)", session, windows, windows == 1 ? "" : "s");
}

static int print_sessions(const json_t *answer)
{
	static const char *const heads[] = {"PID", "USER", "CLIENT", "TTY", "TMUX", "SINCE"};
	const json_t *list = json_object_get(answer, "sessions"), *row;
	struct table *table = table_create(heads, 6);
	char pid[32], tmux[300];
	int result = table ? 0 : -1;
	size_t i;

	json_array_foreach(list, i, row) {
		bool only = json_is_true(json_object_get(row, "forwards_only"));
		const char *tty = output_text(row, "tty");

		number_text(pid, sizeof(pid), json_object_get(row, "pid"));
		tmux_text(tmux, sizeof(tmux), row);
		if (result == 0)
			result = table_add(
				table, (const char *const[]){pid, output_text(row, "user"),
					       output_text(row, "client"),
					       tty    ? tty
					       : only ? "(forwards only)"
						      : NULL,
					       tmux, output_text(row, "since")});
	}
	if (result == 0 && json_array_size(list) == 0)
		puts("nobody is logged in by SSH");
	else if (result == 0)
		table_print(table);
	table_destroy(table);
	return result;
}

static int print_forwards(const json_t *answer)
{
	static const char *const heads[] = {"TYPE", "LISTEN", "TARGET", "OPEN", "USER", "CLIENT"};
	const json_t *list = json_object_get(answer, "forwards"), *row;
	struct table *table = table_create(heads, 6);
	char count[32];
	int result = table ? 0 : -1;
	size_t i;

	json_array_foreach(list, i, row) {
		const json_t *session = json_object_get(row, "session");

		number_text(count, sizeof(count), json_object_get(row, "connections"));
		if (result == 0)
			result = table_add(table,
				(const char *const[]){output_text(row, "type"),
					output_text(row, "listen"), output_text(row, "target"),
					count, output_text(session, "user"),
					output_text(session, "client")});
	}
	if (result == 0 && json_array_size(list))
		table_print(table);
	if (result == 0) {
		puts(json_array_size(list)
				? "An ssh -L or -D shows here only while something uses it."
				: "no forward is in use (an ssh -L or -D shows here only while "
				  "something "
				  "uses it)");
		if (json_is_false(json_object_get(answer, "complete")))
			puts("Some sessions could not be read: there may be more.");
	}
	table_destroy(table);
	return result;
}

/* How to reach a service: for a browser, else by address, else the line to paste. */
static const char *way_text(const json_t *row)
{
	const char *way = output_text(row, "url");

	if (!way)
		way = output_text(row, "command");
	return way ? way : output_text(row, "public");
}

static void print_hints(const json_t *answer)
{
	const json_t *list = json_object_get(answer, "services"), *notes, *row;
	char hint[512];
	size_t i;

	json_array_foreach(list, i, row) {
		const char *text = output_text(row, "hint");

		if (!text)
			continue;
		text_visible(hint, sizeof(hint), text, strlen(text));
		printf("Port %lld: %s.\n",
			(long long)json_integer_value(json_object_get(row, "port")), hint);
	}
	notes = json_object_get(answer, "notes");
	json_array_foreach(notes, i, row) {
		text_visible(hint, sizeof(hint), json_string_value(row), json_string_length(row));
		puts(hint);
	}
	if (json_is_false(json_object_get(answer, "complete")))
		puts("Some processes could not be read: names may be missing.");
}

static int print_services(const json_t *answer)
{
	static const char *const heads[] = {
		"PORT", "ADDRESS", "PROCESS", "NAME", "PUBLIC", "REACH IT BY"};
	const json_t *list = json_object_get(answer, "services"), *row;
	struct table *table = table_create(heads, 6);
	char port[32];
	int result = table ? 0 : -1;
	size_t i;

	json_array_foreach(list, i, row) {
		const char *public = output_text(row, "public");

		number_text(port, sizeof(port), json_object_get(row, "port"));
		if (result == 0)
			result = table_add(table,
				(const char *const[]){port, output_text(row, "address"),
					output_text(row, "process"), output_text(row, "name"),
					json_is_true(json_object_get(row, "exposed")) ? "open"
					: public                                      ? "portal"
										      : NULL,
					way_text(row)});
	}
	if (result == 0 && json_array_size(list) == 0)
		puts("nothing listens here");
	else if (result == 0)
		table_print(table);
	if (result == 0)
		print_hints(answer);
	table_destroy(table);
	return result;
}

int cmd_sessions(const struct cli *cli)
{
	return show(cli, CONTROL_SESSIONS, print_sessions);
}

int cmd_forwards(const struct cli *cli)
{
	return show(cli, CONTROL_FORWARDS, print_forwards);
}

int cmd_services(const struct cli *cli)
{
	return show(cli, CONTROL_SERVICES, print_services);
}
