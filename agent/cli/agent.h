/* Reaching the agent from a command, and starting it where root may. */
#ifndef VASTAGENT_CLI_AGENT_H
#define VASTAGENT_CLI_AGENT_H

#include <jansson.h>

struct cli;
struct control_request;
struct error;

/* Where a background agent writes its log. */
#define AGENT_LOG "/var/log/vastagent.log"

/*
 * Asks the agent. If none answers on the default socket and root asks, it is started
 * first. Returns 0 with the answer (json_decref it); or -1 with *error, and what came
 * beside the error in *answer (may be NULL).
 */
int agent_ask(const struct cli *cli, const struct control_request *request, json_t **answer,
	struct error *error);

/* The same, but never starts anything. */
int agent_ask_running(const struct cli *cli, const struct control_request *request, json_t **answer,
	struct error *error);

/*
 * Starts the agent in the background and returns once it answers: a session of its own,
 * fresh environment, cwd /, umask 077. Returns 0, or -1 with *error.
 */
int agent_start(const struct cli *cli, struct error *error);

/*
 * Ends the agent's parent, so that nothing starts the agent again. Returns 0, also if
 * there is none, or -1 with ERROR_TIMEOUT.
 */
int agent_end_parent(struct error *error);

/*
 * For a login of root's: starts an agent that was killed together with its parent, and
 * waits for nothing. One that was stopped, or never ran, is left alone.
 */
void agent_revive(void);

/* Prints an error as every command does. Returns its exit status. */
int agent_report(const struct error *error);

#endif
