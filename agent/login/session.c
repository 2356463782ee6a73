#include "login/session.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "login/agent_link.h"
#include "login/client.h"
#include "login/facts.h"
#include "login/tmux.h"
#include "sys/process.h"

/* The changes to the environment of the client, and what their strings stand in. */
struct changes {
	const char *list[3];
	char term[80];
	char agent[PATH_MAX + 16];
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
	snprintf(changes->agent, sizeof(changes->agent), "%s", name);
	if (agent_link_update(home, target, changes->agent + skip, sizeof(changes->agent) - skip) ==
		0)
		changes->list[(*count)++] = changes->agent;
}

static bool is_still_there(const char *tmux, const char *session, const char *const *environment)
{
	struct buffer output = BUFFER_EMPTY;
	const char *argv[TMUX_ARGV_MAX];
	char target[256];
	int status;

	/* "=": exactly this name, not one that begins so. */
	snprintf(target, sizeof(target), "=%s", session);
	tmux_exists_argv(argv, tmux, target);
	status = process_capture(argv, environment, CLIENT_HUNG, 4096, &output, NULL);
	buffer_free(&output);
	return status == 0;
}

enum session_end session_run(const struct facts *facts, const struct session_settings *settings,
	struct client_outcome *outcome)
{
	const char *const *environment = facts->decision.environment;
	const char *argv[TMUX_ARGV_MAX], **changed;
	char socket[PATH_MAX];
	struct client_request request = {
		.argv = argv, .home = decision_variable(environment, "HOME")};
	struct changes changes = {0};
	size_t count = 0;

	change_term(&changes, &count, environment);
	change_agent(&changes, &count, environment);
	changed = tmux_environment(environment, changes.list);
	request.environment = changed ? changed : environment;
	tmux_attach_argv(argv, facts->tmux_path, settings->session);
	if (tmux_socket_path(socket, sizeof(socket), decision_variable(environment, "TMUX_TMPDIR"),
		    getuid()) == 0)
		request.socket_path = socket;
	client_run(&request, outcome);
	free(changed);
	if (!outcome->finished)
		return SESSION_BROKEN;
	if (!settings->logout && is_still_there(facts->tmux_path, settings->session, environment))
		return SESSION_LEFT;
	return SESSION_OVER;
}
