#include "cli/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cli/cli.h"
#include "control/client.h"
#include "control/failure.h"
#include "control/paths.h"
#include "sys/config.h"
#include "sys/parentlock.h"
#include "sys/process.h"

/* Longer than the agent's own limit for a piece of work, so that its reason arrives. */
#define ANSWER_MS 15000
#define START_MS  10000
#define STOP_MS   5000
/* An agent that died comes back by itself within this time, unless it dies again. */
#define REST_MS   1000
#define LOG_LIMIT (1024 * 1024)

int agent_report(const struct error *error)
{
	return cli_fail_error(error);
}

static const char *socket_of(const struct cli *cli, struct config *config)
{
	if (cli->socket)
		return cli->socket;
	/* A configuration that cannot be read must not keep people from the default. */
	if (config_load(cli->config, config, NULL) == 0)
		return config->socket;
	return CONTROL_SOCKET;
}

int agent_ask_running(const struct cli *cli, const struct control_request *request, json_t **answer,
	struct error *error)
{
	struct config config = {0};
	int status = control_ask(socket_of(cli, &config), request, ANSWER_MS, answer, error);

	config_free(&config);
	if (status < 0)
		return -1;
	if (status == 200 && (*answer || request->raw))
		return 0;
	if (status == 200)
		error_set(
			error, ERROR_INTERNAL, "the agent's answer cannot be read: memory is out");
	else if (*answer && error)
		failure_unpack(*answer, error);
	else
		error_set(error,
			status == 413   ? ERROR_TOO_LARGE
			: status >= 500 ? ERROR_INTERNAL
					: ERROR_BAD_REQUEST,
			"the agent refused the request (HTTP status %d)", status);
	return -1;
}

int agent_ask(const struct cli *cli, const struct control_request *request, json_t **answer,
	struct error *error)
{
	if (agent_ask_running(cli, request, answer, error) == 0)
		return 0;
	if (error->code != ERROR_UNREACHABLE)
		return -1;
	if (!cli->default_place || geteuid() != 0) {
		size_t used = strlen(error->message);
		snprintf(error->message + used, sizeof(error->message) - used,
			"; root starts it with: vastagent start");
		return -1;
	}
	json_decref(*answer);
	*answer = NULL;
	/* Where two commands start it at once, one of the two agents leaves; ask anyhow. */
	if (agent_start(cli, error) != 0)
		return agent_ask_running(cli, request, answer, NULL) == 0 ? 0 : -1;
	return agent_ask_running(cli, request, answer, error);
}

/* The log of the background agent; /dev/null if it cannot be written. */
static int open_log(void)
{
	int fd = open(AGENT_LOG, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat what;

	if (fd >= 0 && fstat(fd, &what) == 0 && what.st_size > LOG_LIMIT) {
		rename(AGENT_LOG, AGENT_LOG ".1");
		close(fd);
		fd = open(AGENT_LOG, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	return fd >= 0 ? fd : open("/dev/null", O_WRONLY | O_CLOEXEC);
}

/* This very program, also if its file was replaced meanwhile, or if there is no /proc. */
static void execute_self(const char *const arguments[], const char *const environment[])
{
	execve("/proc/self/exe", (char *const *)arguments, (char *const *)environment);
	execve((const char *)getauxval(AT_EXECFN), (char *const *)arguments,
		(char *const *)environment);
}

/* In the grandchild: becomes the agent's parent. */
static void __attribute__((noreturn)) become_agent(const struct cli *cli, int ready)
{
	static const char *const environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
		"LANG=C.UTF-8", NULL};
	char descriptor[16];
	const char *arguments[] = {"vastagent", "daemon", "--ready", descriptor, "--config",
		cli->config, cli->socket ? "--socket" : NULL, cli->socket, NULL};
	int null = open("/dev/null", O_RDWR), log = open_log();

	process_reset_signals();
	process_reset_limits();
	umask(077);
	if (chdir("/") != 0 || null < 0 || log < 0 || dup2(null, STDIN_FILENO) < 0 ||
		dup2(null, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		_exit(127);
	ready = dup2(ready, STDERR_FILENO + 1);
	process_close_from(STDERR_FILENO + 2);
	snprintf(descriptor, sizeof(descriptor), "%d", ready);
	execute_self(arguments, environment);
	_exit(127);
}

/* Waits for the byte that says that the socket answers. */
static int wait_ready(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	long long end = process_now_ms() + START_MS, left;
	char byte;

	while ((left = end - process_now_ms()) > 0)
		if (poll(&wait, 1, (int)left) > 0)
			return read(fd, &byte, 1) == 1 ? 0 : -1;
	return -1;
}

/* The agent's own words are in its log: its last line says why it ended. */
static int explain(long log_start, struct error *error)
{
	FILE *log = fopen(AGENT_LOG, "re");
	char line[400], last[400] = "";

	if (log && fseek(log, log_start, SEEK_SET) == 0)
		while (fgets(line, sizeof(line), log))
			if (!strstr(line, PARENT_MARK))
				strcpy(last, line);
	if (log)
		fclose(log);
	last[strcspn(last, "\n")] = '\0';
	return error_set(error, ERROR_UNREACHABLE, "the agent did not start; %s says: %s",
		AGENT_LOG, *last ? last : "nothing");
}

int agent_end_parent(struct error *error)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000000};
	long long end = process_now_ms() + STOP_MS;
	pid_t parent = parentlock_holder(false);

	if (parent)
		kill(parent, SIGTERM);
	for (; parent; parent = parentlock_holder(false)) {
		if (process_now_ms() > end)
			return error_set(error, ERROR_TIMEOUT,
				"the agent's parent (process %ld) is still ending", (long)parent);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Whether an agent that has a parent answers after all: it is just being started. */
static bool comes_up(const struct cli *cli)
{
	const struct control_request request = {.method = "GET", .path = CONTROL_STATUS};
	const struct timespec pause = {.tv_nsec = 20 * 1000000};
	long long now = process_now_ms(), soon = now + REST_MS, end = now + START_MS;
	json_t *answer;
	bool answers;

	while (parentlock_holder(false) &&
		process_now_ms() < (parentlock_holder(true) ? soon : end)) {
		nanosleep(&pause, NULL);
		answers = agent_ask_running(cli, &request, &answer, NULL) == 0;
		json_decref(answer);
		if (answers)
			return true;
	}
	return false;
}

int agent_start(const struct cli *cli, struct error *error)
{
	struct config config = {0};
	struct stat log = {0};
	int ends[2], result;
	pid_t child;

	/* Its own words would only be in its log. */
	if (config_load(cli->config, &config, error) != 0)
		return -1;
	config_free(&config);
	if (comes_up(cli))
		return 0;
	/* It pauses, since its agents die: this start is not to wait for that. */
	if (agent_end_parent(error) != 0)
		return -1;
	if (stat(AGENT_LOG, &log) != 0 || log.st_size > LOG_LIMIT)
		log.st_size = 0;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_set_errno(error, ERROR_INTERNAL, "cannot start the agent");
	child = fork();
	if (child == 0) {
		/* Twice, so that the agent is a child of process 1 and has no terminal. */
		if (setsid() < 0 || fork() != 0)
			_exit(0);
		become_agent(cli, ends[1]);
	}
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		return error_set_errno(error, ERROR_INTERNAL, "cannot start the agent");
	}
	process_wait(child);
	result = wait_ready(ends[0]);
	close(ends[0]);
	return result == 0 ? 0 : explain((long)log.st_size, error);
}

/* Whether a socket is there that nobody listens on: whoever stops takes it away. */
static bool was_killed(void)
{
	const struct cli cli = {.config = CONFIG_PATH};
	struct config config = {0};
	bool killed = control_is_abandoned(socket_of(&cli, &config));

	config_free(&config);
	return killed;
}

void agent_revive(void)
{
	static const char *const arguments[] = {"vastagent", "start", NULL};
	static const char *const environment[] = {NULL};
	pid_t child;
	int null;

	if (geteuid() != 0 || !was_killed() || parentlock_holder(false))
		return;
	child = fork();
	if (child > 0)
		process_wait(child);
	if (child != 0)
		return;
	/* Twice: nobody waits for it, and nothing of the login stays open in it. */
	if (setsid() < 0 || fork() != 0)
		_exit(0);
	process_close_from(STDIN_FILENO);
	null = open("/dev/null", O_RDWR);
	if (null != STDIN_FILENO || dup(null) < 0 || dup(null) < 0)
		_exit(127);
	execute_self(arguments, environment);
	_exit(127);
}
