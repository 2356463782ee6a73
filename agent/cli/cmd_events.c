/* `vastagent events`: the journal, and what is added to it. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "control/client.h"
#include "control/paths.h"

/* The agent says something every 15 s, if only an empty line. */
#define QUIET_MS   45000
#define LINE_LIMIT (64 * 1024)

struct reader {
	const struct cli *cli;
	struct buffer line; /* the beginning of one */
	bool lagged;        /* the agent gave up on us */
	bool left;          /* nobody reads what is printed */
};

static void print_who(const json_t *by)
{
	printf("  by ");
	output_visible(output_text(by, "program"));
	printf(" (pid %lld, uid %lld)", (long long)json_integer_value(json_object_get(by, "pid")),
		(long long)json_integer_value(json_object_get(by, "uid")));
}

/* The time and the event first, then whatever else there is. */
static void print_event(json_t *event)
{
	const char *name;
	json_t *value;

	output_visible(output_text(event, "time"));
	fputs("  ", stdout);
	output_visible(output_text(event, "event"));
	json_object_foreach(event, name, value) {
		if (strcmp(name, "time") == 0 || strcmp(name, "event") == 0)
			continue;
		if (json_is_object(value) && strcmp(name, "by") == 0)
			print_who(value);
		if (json_is_integer(value))
			printf("  %lld", (long long)json_integer_value(value));
		if (json_is_string(value) && json_string_length(value)) {
			fputs("  ", stdout);
			output_visible(json_string_value(value));
		}
	}
	putchar('\n');
}

/* One line, without its end. An empty one only says that the agent is there. */
static void take_line(struct reader *reader, const char *line, size_t length)
{
	struct pollfd wait = {.fd = STDOUT_FILENO, .events = 0};
	json_t *event = json_loadb(line, length, 0, NULL);
	const char *name = output_text(event, "event");

	if (name && strcmp(name, "lagged") == 0)
		reader->lagged = true;
	else if (json_is_object(event) && reader->cli->json)
		output_json(event);
	else if (json_is_object(event))
		print_event(event);
	json_decref(event);
	/* A pipe tells at once that its reader is gone, but only if it is asked. */
	if (reader->cli->follow && (fflush(stdout) != 0 || poll(&wait, 1, 0) > 0))
		reader->left = true;
}

static ssize_t take(void *cookie, const char *bytes, size_t length)
{
	struct reader *reader = cookie;
	const char *end;
	size_t done = 0;

	while (!reader->left && (end = memchr(bytes + done, '\n', length - done))) {
		buffer_add(&reader->line, bytes + done, (size_t)(end - bytes) - done);
		take_line(reader, buffer_string(&reader->line), reader->line.length);
		buffer_clear(&reader->line);
		done = (size_t)(end - bytes) + 1;
	}
	buffer_add(&reader->line, bytes + done, length - done);
	/* A write of 0 bytes is how a cookie fails (fopencookie(3)). */
	if (reader->left || reader->line.failed || reader->line.length > LINE_LIMIT)
		return 0;
	return (ssize_t)length;
}

static int ask(const struct cli *cli, struct reader *reader, struct error *error)
{
	FILE *raw = fopencookie(reader, "w", (cookie_io_functions_t){.write = take});
	const struct control_request request = {.method = "GET",
		.path = cli->follow ? CONTROL_EVENTS "?follow=1" : CONTROL_EVENTS,
		.raw = raw,
		.quiet_ms = QUIET_MS};
	json_t *answer = NULL;
	int result = -1;

	if (raw && setvbuf(raw, NULL, _IONBF, 0) == 0)
		result = agent_ask(cli, &request, &answer, error);
	else
		error_set(error, ERROR_INTERNAL, "out of memory");
	if (raw)
		fclose(raw);
	json_decref(answer);
	return result;
}

int cmd_events(const struct cli *cli)
{
	struct reader reader = {.cli = cli, .line = BUFFER_EMPTY};
	struct error error;
	int status = EX_OK;

	if (cli->count)
		return cli_fail(EX_USAGE, "events takes no '%s'", cli->operands[0]);
	if (ask(cli, &reader, &error) != 0)
		status = agent_report(&error);
	else if (reader.lagged)
		status = cli_fail(EX_TEMPFAIL,
			"events were read too slowly, and some are missing; see: vastagent events");
	else if (cli->follow && !reader.left)
		status = cli_fail(EX_UNAVAILABLE, "the agent has ended");
	buffer_free(&reader.line);
	return reader.left ? status : output_finish(status);
}
