#include "login/session.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "login/agent_link.h"
#include "login/census.h"
#include "login/client.h"
#include "login/facts.h"
#include "login/home_lock.h"
#include "login/plan.h"
#include "login/roster.h"
#include "login/server.h"
#include "login/tmux.h"
#include "login/welcome.h"
#include "sys/process.h"

/* The changes to the environment of the client, and what their strings stand in. */
struct changes {
	const char *list[3];
	char term[80];
	char agent[PATH_MAX + 16];
	char earlier_agent[PATH_MAX]; /* of the terminals that were there before */
};

static void change_term(struct changes *changes, size_t *count, const char *const *environment)
{
	const char *term = decision_variable(environment, "TERM");
	const char *chosen = tmux_choose_term(term, facts_knows_terminal, environment);

	if (chosen == term)
		return;
	snprintf(changes->term, sizeof(changes->term), "TERM=%s", chosen);
	changes->list[(*count)++] = changes->term;
}

static void change_agent(struct changes *changes, size_t *count, const char *const *environment)
{
	static const char name[] = "SSH_AUTH_SOCK=";
	const char *home = decision_variable(environment, "HOME");
	const char *target = decision_variable(environment, "SSH_AUTH_SOCK");
	size_t skip = sizeof(name) - 1;

	if (!home || !target)
		return;
	agent_link_read(home, changes->earlier_agent, sizeof(changes->earlier_agent));
	snprintf(changes->agent, sizeof(changes->agent), "%s", name);
	if (agent_link_update(home, target, changes->agent + skip, sizeof(changes->agent) - skip) ==
		0)
		changes->list[(*count)++] = changes->agent;
}

/* This terminal's agent goes with its connection: whoever is still there has another. */
static void give_agent_back(const struct changes *changes, const char *const *environment)
{
	const char *home = decision_variable(environment, "HOME");
	const char *target = decision_variable(environment, "SSH_AUTH_SOCK");
	char path[PATH_MAX];

	if (!home || !target || !changes->earlier_agent[0])
		return;
	agent_link_read(home, path, sizeof(path));
	if (strcmp(path, target) == 0)
		agent_link_update(home, changes->earlier_agent, path, sizeof(path));
}

/* A login, from the first look at the tmux server to the client's end. */
struct visit {
	const struct facts *facts;
	const struct session_settings *settings;
	struct census census;
	const char *socket; /* of the tmux server, or NULL */
	struct roster *roster, *earlier;
	struct plan plan;
	bool has_plan;
	int lock;
};

static bool is_still_there(const struct visit *visit)
{
	struct buffer output = BUFFER_EMPTY;
	struct tmux_command command;
	int status;

	tmux_exists(&command, visit->facts->tmux_path, visit->settings->session);
	status = process_capture(
		command.argv, visit->census.environment, CLIENT_HUNG, 4096, &output, NULL);
	buffer_free(&output);
	return status == 0;
}

static void lock(struct visit *visit)
{
	visit->lock = home_lock(decision_variable(visit->facts->decision.environment, "HOME"));
}

/*
 * Trying a connection takes seconds if it is dead: not under the lock. Nobody is asked a
 * second time: what was heard of a moment ago is alive.
 */
static long drop_dead(struct visit *visit)
{
	struct roster *earlier = visit->roster;
	long window;

	close(visit->lock);
	window = census_drop_dead(&visit->census, earlier);
	lock(visit);
	visit->roster = visit->earlier;
	visit->earlier = earlier;
	if (census_take(&visit->census, visit->roster, NULL) != 0)
		*visit->roster = *earlier;
	roster_carry_gone(visit->roster, earlier);
	return window;
}

/*
 * Finds out who is there. Most logins find nobody, which costs nothing; then there is no
 * plan, and none is needed. Returns -1 if the server ought to answer and does not.
 */
static int look_around(struct visit *visit, struct error *error)
{
	enum server_state state;
	long wanted = ROSTER_NONE;
	pid_t server = 0;

	if (!visit->socket || !server_is_attended(visit->socket))
		return 0;
	state = server_look(visit->socket, CLIENT_STARTING, &server);
	/* What is wrong with a stopped one is found and told by client.c. */
	if (state == SERVER_ABSENT || state == SERVER_STOPPED)
		return 0;
	if (census_take(&visit->census, visit->roster, error) != 0)
		return state == SERVER_STARTING ? 0 : -1;
	if (census_has_silent(visit->roster))
		wanted = drop_dead(visit);
	if (visit->settings->take) {
		wanted = plan_find_job(visit->roster, ROSTER_NONE);
		census_clear_window(&visit->census, visit->roster, wanted);
	}
	plan_make(visit->roster, visit->settings->session, wanted, &visit->plan);
	visit->has_plan = true;
	return 0;
}

/* The program itself, which greets in the first window (welcome.h); "" if it was replaced. */
static void find_program(char *out, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", out, size - 1);

	out[length > 0 ? length : 0] = '\0';
	if (access(out, X_OK) != 0)
		out[0] = '\0';
}

static void attach(struct visit *visit, struct client_outcome *outcome)
{
	struct tmux_command command;
	char program[PATH_MAX];
	struct tmux_login login = {.tmux = visit->facts->tmux_path,
		.session = visit->settings->session,
		.plan = visit->has_plan ? &visit->plan : NULL,
		.pid = getpid()};
	struct client_request request = {.argv = command.argv,
		.environment = visit->census.environment,
		.socket_path = visit->socket,
		.lock = visit->lock};

	find_program(program, sizeof(program));
	if (program[0])
		login.program = program;
	login.long_history = visit->socket && !server_exists(visit->socket) &&
			     !welcome_is_configured(visit->facts->decision.environment);
	tmux_attach(&command, &login);
	client_run(&request, outcome);
	if (login.plan && login.plan->grouped)
		census_end_session(&visit->census, command.name, login.plan->leaves);
}

static enum session_end run(struct visit *visit, struct client_outcome *outcome)
{
	struct error error;

	alarm(0); /* what follows has limits of its own */
	lock(visit);
	if (look_around(visit, &error) != 0) {
		close(visit->lock);
		*outcome = (struct client_outcome){.reason = "the tmux server does not answer"};
		return SESSION_BROKEN;
	}
	attach(visit, outcome);
	if (!outcome->finished)
		return SESSION_BROKEN;
	return !visit->settings->logout && is_still_there(visit) ? SESSION_LEFT : SESSION_OVER;
}

static const char *find_socket(char *out, size_t size, const char *const *environment)
{
	const char *directory = decision_variable(environment, "TMUX_TMPDIR");

	return tmux_socket_path(out, size, directory, getuid()) == 0 ? out : NULL;
}

enum session_end session_run(const struct facts *facts, const struct session_settings *settings,
	struct client_outcome *outcome)
{
	const char *const *environment = facts->decision.environment;
	struct visit visit = {.facts = facts, .settings = settings, .lock = -1};
	struct roster *rosters = calloc(2, sizeof(*rosters));
	struct changes changes = {0};
	char socket[PATH_MAX];
	size_t count = 0;
	const char **changed;
	enum session_end end;

	if (!rosters) {
		*outcome = (struct client_outcome){.reason = "out of memory"};
		return SESSION_BROKEN;
	}
	change_term(&changes, &count, environment);
	change_agent(&changes, &count, environment);
	changed = tmux_environment(environment, changes.list);
	visit.census = (struct census){.tmux = facts->tmux_path,
		.session = settings->session,
		.environment = changed ? changed : environment};
	visit.socket = find_socket(socket, sizeof(socket), environment);
	visit.roster = &rosters[0];
	visit.earlier = &rosters[1];
	end = run(&visit, outcome);
	give_agent_back(&changes, environment);
	free(changed);
	free(rosters);
	return end;
}

/* The window that the calling process is in: TMUX_PANE is its pane, "%5". */
static long find_own_window(const struct census *census)
{
	const char *pane = decision_variable(census->environment, "TMUX_PANE");
	struct buffer output = BUFFER_EMPTY;
	struct tmux_command command;
	long window = ROSTER_NONE;

	if (!pane)
		return ROSTER_NONE;
	tmux_name_window(&command, census->tmux, pane);
	if (process_capture(command.argv, census->environment, CLIENT_HUNG, 4096, &output, NULL) !=
			0 ||
		sscanf(buffer_string(&output), "@%ld", &window) != 1)
		window = ROSTER_NONE;
	buffer_free(&output);
	return window;
}

/* The session of the terminal that looks at the window. */
static const char *find_session(const struct roster *roster, long window)
{
	const char *session = NULL;

	for (size_t i = 0; i < roster->client_count; i++)
		if (roster->clients[i].window == window)
			session = roster->clients[i].session;
	return session;
}

static int take(const struct census *census, struct roster *roster, struct error *error)
{
	struct buffer output = BUFFER_EMPTY;
	struct tmux_command command;
	const char *session;
	long own, job;
	int status;

	if (census_take(census, roster, error) != 0)
		return -1;
	own = find_own_window(census);
	job = plan_find_job(roster, own);
	session = find_session(roster, own);
	if (!session || job == ROSTER_NONE)
		return error_set(error, ERROR_NOT_COMPLETE, "there is no other window to take");
	census_clear_window(census, roster, job);
	tmux_select(&command, census->tmux, session, job);
	status = process_capture(
		command.argv, census->environment, CLIENT_HUNG, 4096, &output, error);
	buffer_free(&output);
	if (status > 0)
		return error_set(error, ERROR_NOT_COMPLETE,
			"this terminal's session does not have that window");
	return status;
}

int session_take(
	const struct facts *facts, const struct session_settings *settings, struct error *error)
{
	const struct census census = {.tmux = facts->tmux_path,
		.session = settings->session,
		.environment = facts->decision.environment};
	struct roster *roster = malloc(sizeof(*roster));
	int result;

	if (!roster)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	result = take(&census, roster, error);
	free(roster);
	return result;
}
