#include "cli/cmd_attach.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "cli/cmd_login.h"
#include "login/client.h"
#include "login/facts.h"
#include "login/session.h"
#include "sys/config.h"

static bool is_set(const struct facts *facts, const char *name)
{
	const char *value = decision_variable(facts->decision.environment, name);

	return value && *value;
}

static int refuse(const struct facts *facts)
{
	const bool *is_terminal = facts->decision.is_terminal;

	if (!is_terminal[0] || !is_terminal[1] || !is_terminal[2]) {
		log_error("attach needs a terminal");
		return EX_USAGE;
	}
	if (!facts->decision.tmux_path) {
		log_error("there is no tmux program ('apt-get install tmux' installs it)");
		return EX_UNAVAILABLE;
	}
	return EX_OK;
}

/* From within tmux there is nothing to attach, but a window to be had. */
static int take(const struct facts *facts, const struct session_settings *settings)
{
	struct error error;

	if (!settings->take) {
		log_error("this terminal is in tmux already: Ctrl-b w chooses a window, "
			  "'vastagent attach --take' takes the one with the job");
		return EX_USAGE;
	}
	if (session_take(facts, settings, &error) == 0)
		return EX_OK;
	log_error("%s", error.message);
	return EX_TEMPFAIL;
}

static int attach(const struct facts *facts, const struct session_settings *settings)
{
	struct client_outcome outcome;

	if (session_run(facts, settings, &outcome) != SESSION_BROKEN)
		return EX_OK;
	log_error("%s", outcome.reason);
	return EX_TEMPFAIL;
}

int cmd_attach(int argc, char **argv)
{
	static const struct option options[] = {{"take", no_argument, NULL, 't'}, {0}};
	struct session_settings settings;
	struct config config;
	struct facts facts;
	bool wants_window = false;
	int option, status;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 't')
			return EX_USAGE;
		wants_window = true;
	}
	if (optind != argc) {
		log_error("usage: vastagent attach [--take]");
		return EX_USAGE;
	}
	facts_gather(&facts, (const char *const *)environ);
	status = refuse(&facts);
	if (status != EX_OK)
		return status;
	settings = cmd_login_settings(&config);
	settings.take = wants_window;
	status = is_set(&facts, "TMUX") ? take(&facts, &settings) : attach(&facts, &settings);
	config_free(&config);
	return status;
}
