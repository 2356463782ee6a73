/* Commands about the agent itself. */
#include <signal.h>
#include <stdio.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/agent.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "control/client.h"
#include "control/paths.h"
#include "sys/instance.h"
#include "sys/process.h"
#include "version.h"

#define STOP_MS 5000

static int no_operands(const struct cli *cli)
{
	if (cli->count == 0)
		return 0;
	cli_fail(0, "%s takes no '%s'; see: vastagent %s --help", cli->command, cli->operands[0],
		cli->command);
	return -1;
}

int cmd_version(const struct cli *cli)
{
	if (cli->json)
		printf("{\"version\":\"%s\",\"commit\":\"%s\"}\n", VASTAGENT_VERSION,
			VASTAGENT_COMMIT);
	else
		printf("vastagent %s%s%s%s\n", VASTAGENT_VERSION, *VASTAGENT_COMMIT ? " (" : "",
			VASTAGENT_COMMIT, *VASTAGENT_COMMIT ? ")" : "");
	return output_finish(EX_OK);
}

static void print_list(const json_t *list, const char *title)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		output_line("%s%s", title, json_string_value(item));
}

static void print_accounts(const json_t *accounts)
{
	const json_t *account;
	size_t i;

	json_array_foreach(accounts, i, account) {
		const char *file = output_text(account, "file");
		output_line("keys of %s: %s (%s)", output_text(account, "user"), file ? file : "-",
			output_text(account, "state"));
	}
}

static void print_counters(json_t *counters)
{
	const char *name;
	json_t *value;

	printf("since its start:");
	json_object_foreach(counters, name, value) {
		putchar(' ');
		output_visible(name);
		printf(" %lld", (long long)json_integer_value(value));
	}
	putchar('\n');
}

static void print_status(const json_t *answer)
{
	const char *instance = output_text(answer, "instance");
	long long restarts = json_integer_value(json_object_get(answer, "restarts"));

	output_line("vastagent %s runs: pid %lld, up %lld s, on %s", output_text(answer, "version"),
		(long long)json_integer_value(json_object_get(answer, "pid")),
		(long long)json_integer_value(json_object_get(answer, "uptime_seconds")),
		output_text(answer, "socket"));
	if (restarts > 0)
		output_line("restarted: %lld times, the last time after %s", restarts,
			output_text(answer, "restarted_after"));
	output_line("instance: %s", instance ? instance : "not known");
	print_accounts(json_object_get(answer, "accounts"));
	print_counters(json_object_get(answer, "counters"));
	print_list(json_object_get(answer, "warnings"), "warning: ");
}

int cmd_status(const struct cli *cli)
{
	const struct control_request request = {.method = "GET", .path = CONTROL_STATUS};
	struct error error;
	json_t *answer;
	int status = EX_OK;

	if (no_operands(cli) != 0)
		return EX_USAGE;
	/* Asking how it is must not change how it is. */
	if (agent_ask_running(cli, &request, &answer, &error) != 0)
		status = agent_report(&error);
	else if (cli->json)
		output_json(answer);
	else
		print_status(answer);
	json_decref(answer);
	return output_finish(status);
}

static void print_running(const struct cli *cli, const json_t *answer, const char *already)
{
	if (cli->json)
		output_json(answer);
	else
		printf("the agent %sruns: pid %lld\n", already,
			(long long)json_integer_value(json_object_get(answer, "pid")));
}

/* Sends a body to a route. Steals body, which may be NULL. */
static int tell(
	const struct cli *cli, const char *path, json_t *body, json_t **answer, struct error *error)
{
	const struct control_request request = {.method = "POST", .path = path, .body = body};
	int result = body ? agent_ask_running(cli, &request, answer, error)
			  : error_set(error, ERROR_INTERNAL, "out of memory");

	json_decref(body);
	return result;
}

/* A running agent looks again at once; one that is started looks anyway. */
static void hand_over(const struct cli *cli)
{
	json_t *answer = NULL;
	struct error error;
	bool changed;

	/* An instance whose id is not known is no reason not to start. */
	if (instance_hand_over(&changed, &error) != 0)
		cli_fail(0, "%s", error.message);
	else if (changed && tell(cli, CONTROL_RELOAD, json_object(), &answer, &error) != 0 &&
		 error.code != ERROR_UNREACHABLE)
		cli_fail(0, "%s", error.message);
	json_decref(answer);
}

int cmd_start(const struct cli *cli)
{
	const struct control_request request = {.method = "GET", .path = CONTROL_STATUS};
	json_t *answer = NULL;
	struct error error;
	int status = EX_OK;

	if (no_operands(cli) != 0)
		return EX_USAGE;
	if (geteuid() != 0)
		return cli_fail(EX_NOPERM, "only root starts the agent");
	if (cli->hand_over)
		hand_over(cli);
	if (agent_ask_running(cli, &request, &answer, &error) == 0) {
		print_running(cli, answer, "already ");
	} else if (error.code != ERROR_UNREACHABLE || agent_start(cli, &error) != 0) {
		status = agent_report(&error);
	} else {
		json_decref(answer);
		if (agent_ask_running(cli, &request, &answer, &error) != 0)
			status = agent_report(&error);
		else
			print_running(cli, answer, "");
	}
	json_decref(answer);
	return output_finish(status);
}

/* Tells the agent something that it does at once, and says that it was done. */
static int tell_simply(const struct cli *cli, const char *path, json_t *body, const char *done)
{
	json_t *answer = NULL;
	struct error error;
	int status = EX_OK;

	if (tell(cli, path, body, &answer, &error) != 0)
		status = agent_report(&error);
	else if (cli->json)
		output_json(answer);
	else
		puts(done);
	json_decref(answer);
	return output_finish(status);
}

/* The answer comes before the end: a new agent can only start after it. */
static int wait_for_end(pid_t pid)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000000};
	long long end = process_now_ms() + STOP_MS;

	while (kill(pid, 0) == 0) {
		if (process_now_ms() > end)
			return cli_fail(
				EX_TEMPFAIL, "the agent (pid %ld) is still ending", (long)pid);
		nanosleep(&pause, NULL);
	}
	return EX_OK;
}

/* Also an agent that died, while its parent waits before it starts the next. */
static int end_parent(void)
{
	struct error error;

	return agent_end_parent(&error) == 0 ? EX_OK : agent_report(&error);
}

static int end_agent(const struct cli *cli, pid_t pid)
{
	int status = wait_for_end(pid);

	if (status == EX_OK)
		status = end_parent();
	if (status != EX_OK)
		return status;
	if (cli->json)
		printf("{\"stopped\":%ld}\n", (long)pid);
	else
		puts("the agent has stopped; the keys stay as they are");
	return EX_OK;
}

int cmd_stop(const struct cli *cli)
{
	json_t *answer = NULL;
	struct error error;
	int status = EX_OK;

	if (no_operands(cli) != 0)
		return EX_USAGE;
	if (tell(cli, CONTROL_STOP, json_object(), &answer, &error) == 0)
		status = end_agent(cli, (pid_t)json_integer_value(json_object_get(answer, "pid")));
	else if (error.code == ERROR_UNREACHABLE && (status = end_parent()) == EX_OK)
		puts(cli->json ? "{\"stopped\":null}" : "the agent does not run");
	else if (status == EX_OK)
		status = agent_report(&error);
	json_decref(answer);
	return output_finish(status);
}

int cmd_reload(const struct cli *cli)
{
	if (no_operands(cli) != 0)
		return EX_USAGE;
	return tell_simply(cli, CONTROL_RELOAD, json_object(), "the configuration was read again");
}

int cmd_pause(const struct cli *cli)
{
	long seconds = 0;

	if (cli->count > 1 ||
		(cli->count == 1 && text_parse_duration(cli->operands[0], &seconds) != 0))
		return cli_fail(
			EX_USAGE, "pause takes one length of time, as 90s, 10m, 8h or 2d, or none");
	return tell_simply(cli, CONTROL_PAUSE,
		seconds ? json_pack("{sI}", "seconds", (json_int_t)seconds) : json_object(),
		seconds ? "restoring is paused for that time; the keys stay as they are"
			: "restoring is paused until: vastagent resume");
}

int cmd_resume(const struct cli *cli)
{
	if (no_operands(cli) != 0)
		return EX_USAGE;
	return tell_simply(cli, CONTROL_RESUME, json_object(), "keys are restored again");
}
