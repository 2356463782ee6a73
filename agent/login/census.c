#include "login/census.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "login/connection.h"
#include "login/procfs.h"
#include "login/roster.h"
#include "login/tmux.h"
#include "sys/process.h"

#define ENVIRON_MAX (256 * 1024)
#define TICK        20  /* ms between two looks at a connection */
#define QUIET_LIMIT 300 /* ms in which tmux and sshd have passed on what was written */

/* One client's way to its user. */
struct line {
	char name[160]; /* SSH_CONNECTION; "" if it is not the client's own connection */
	enum connection_state state;
};

static int run(const struct census *census, const struct tmux_command *command,
	struct buffer *output, struct error *error)
{
	return process_capture(
		command->argv, census->environment, CENSUS_LIMIT, 256 * 1024, output, error);
}

static void run_quietly(const struct census *census, const struct tmux_command *command)
{
	struct buffer output = BUFFER_EMPTY;

	run(census, command, &output, NULL);
	buffer_free(&output);
}

static bool is_shell(const char *name)
{
	static const char *const names[] = {
		"sh", "bash", "dash", "ash", "zsh", "fish", "ksh", "mksh", "tcsh", "csh"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* A shell without any child; where the kernel does not list children, in the foreground. */
static bool is_idle(pid_t pane)
{
	struct procfs_process process;
	char name[64], file[64], children[16];

	if (procfs_read(pane, "comm", name, sizeof(name)) <= 0)
		return false;
	name[strcspn(name, "\n")] = '\0';
	if (!is_shell(name) || procfs_look(pane, &process) != 0 ||
		process.foreground != process.group)
		return false;
	snprintf(file, sizeof(file), "task/%ld/children", (long)pane);
	return procfs_read(pane, file, children, sizeof(children)) <= 0;
}

void census_end_session(const struct census *census, const char *name, bool has_hook)
{
	struct tmux_command command;

	tmux_end_session(&command, census->tmux, census->session, name, has_hook);
	run_quietly(census, &command);
}

/* Own sessions of terminals whose login was killed before it could end them. */
static void end_left(const struct census *census, const struct roster *roster)
{
	pid_t owner;

	for (size_t i = 0; i < roster->left_count; i++) {
		owner = roster_owner(roster->left[i], census->session);
		if (owner > 0 && kill(owner, 0) != 0 && errno == ESRCH)
			census_end_session(census, roster->left[i], roster->version >= 301);
	}
}

int census_take(const struct census *census, struct roster *roster, struct error *error)
{
	struct tmux_command command;
	struct buffer output = BUFFER_EMPTY;
	struct roster_window *window;
	int status;

	tmux_list(&command, census->tmux, census->session);
	status = run(census, &command, &output, error);
	roster_parse(roster, buffer_string(&output));
	buffer_free(&output);
	for (size_t i = 0; i < roster->window_count; i++) {
		window = &roster->windows[i];
		window->is_idle = window->may_be_idle && is_idle(window->pane);
	}
	end_left(census, roster);
	return status < 0 ? -1 : 0;
}

static const char *find_variable(const char *block, size_t length, const char *name)
{
	size_t skip = strlen(name);
	const char *end = block + length;

	for (; block < end; block += strlen(block) + 1)
		if (strncmp(block, name, skip) == 0)
			return block + skip;
	return "";
}

/*
 * The connection stands in the environment of the client, which the login gave it. It is
 * the client's own only if sshd made the client's terminal for it: others inherit it.
 */
static void find_line(const struct roster_client *client, struct line *line)
{
	char *block = malloc(ENVIRON_MAX);
	ssize_t length;

	*line = (struct line){.state = CONNECTION_UNKNOWN};
	if (!block)
		return;
	length = procfs_read(client->pid, "environ", block, ENVIRON_MAX);
	if (length > 0 &&
		strcmp(find_variable(block, (size_t)length, "SSH_TTY="), client->tty) == 0)
		snprintf(line->name, sizeof(line->name), "%s",
			find_variable(block, (size_t)length, "SSH_CONNECTION="));
	free(block);
	if (line->name[0])
		line->state = connection_look(line->name);
}

static bool is_silent(const struct line *line)
{
	return line->state == CONNECTION_QUIET || line->state == CONNECTION_WAITING ||
	       line->state == CONNECTION_DEAD;
}

bool census_has_silent(const struct roster *roster)
{
	struct line line;

	for (size_t i = 0; i < roster->client_count; i++) {
		find_line(&roster->clients[i], &line);
		if (is_silent(&line))
			return true;
	}
	return false;
}

/* Looks again at the lines that are not settled. Returns whether one ought to be waited for. */
static bool is_to_be_awaited(struct line *lines, size_t count, long long waited)
{
	bool await = false;

	for (size_t i = 0; i < count; i++) {
		if (lines[i].state != CONNECTION_QUIET && lines[i].state != CONNECTION_WAITING)
			continue;
		lines[i].state = connection_look(lines[i].name);
		if (lines[i].state == CONNECTION_WAITING ||
			(lines[i].state == CONNECTION_QUIET && waited < QUIET_LIMIT))
			await = true;
	}
	return await;
}

static void await_answers(struct line *lines, size_t count)
{
	const struct timespec pause = {.tv_nsec = TICK * 1000000L};
	long long start = process_now_ms(), waited = 0;

	while (waited < CENSUS_PROBE && is_to_be_awaited(lines, count, waited)) {
		nanosleep(&pause, NULL);
		waited = process_now_ms() - start;
	}
}

static void detach(const struct census *census, struct roster_client *client)
{
	struct tmux_command command;

	tmux_detach(&command, census->tmux, client->tty);
	run_quietly(census, &command);
	client->is_gone = true;
}

long census_drop_dead(const struct census *census, struct roster *roster)
{
	struct line *lines = calloc(ROSTER_CLIENTS, sizeof(*lines));
	struct roster_client *client = roster->clients;
	struct tmux_command command;
	long window = ROSTER_NONE;
	long long last = -1;

	if (!lines)
		return ROSTER_NONE;
	for (size_t i = 0; i < roster->client_count; i++) {
		find_line(&client[i], &lines[i]);
		if (lines[i].state != CONNECTION_QUIET)
			continue;
		tmux_poke(&command, census->tmux, client[i].tty);
		run_quietly(census, &command);
	}
	await_answers(lines, roster->client_count);
	for (size_t i = 0; i < roster->client_count; i++) {
		if (lines[i].state != CONNECTION_DEAD)
			continue;
		detach(census, &client[i]);
		if (client[i].activity > last && roster_find(roster, client[i].window)) {
			last = client[i].activity;
			window = client[i].window;
		}
	}
	free(lines);
	return window;
}

void census_clear_window(const struct census *census, struct roster *roster, long window)
{
	for (size_t i = 0; i < roster->client_count; i++)
		if (!roster->clients[i].is_gone && roster->clients[i].window == window)
			detach(census, &roster->clients[i]);
}
