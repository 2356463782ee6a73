/* Commands that show SSH sessions and forwards. */
#include <stdio.h>
#include <sysexits.h>

#include "base/error.h"
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

static int print_sessions(const json_t *answer)
{
	static const char *const heads[] = {"PID", "USER", "CLIENT", "TTY", "SINCE"};
	const json_t *list = json_object_get(answer, "sessions"), *row;
	struct table *table = table_create(heads, 5);
	char pid[32];
	int result = table ? 0 : -1;
	size_t i;

	json_array_foreach(list, i, row) {
		bool only = json_is_true(json_object_get(row, "forwards_only"));
		const char *tty = output_text(row, "tty");

		number_text(pid, sizeof(pid), json_object_get(row, "pid"));
		if (result == 0)
			result = table_add(
				table, (const char *const[]){pid, output_text(row, "user"),
					       output_text(row, "client"),
					       tty    ? tty
					       : only ? "(forwards only)"
						      : NULL,
					       output_text(row, "since")});
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

int cmd_sessions(const struct cli *cli)
{
	return show(cli, CONTROL_SESSIONS, print_sessions);
}

int cmd_forwards(const struct cli *cli)
{
	return show(cli, CONTROL_FORWARDS, print_forwards);
}
